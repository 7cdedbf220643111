//! What the event stream sends, made once for all clients: at each change, and as a sign of life in between.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::board::Board;
use crate::check::Check;
use crate::clock::Moment;
use crate::language::Language;
use crate::state::State;
use crate::view::View;

/// From one sign of life to the next.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// Changes that come together are sent together.
const TOGETHER: Duration = Duration::from_millis(100);

/// One message, in both languages.
#[derive(Debug)]
pub struct Frame {
    /// Counts up, for `Last-Event-ID`; any gap is closed by the next frame, each of which is whole.
    pub number: u64,
    /// `change`, `heartbeat`, or `snapshot` for the first.
    pub kind: &'static str,
    /// Whether Apache is down in it.
    pub edge_is_down: bool,
    en: String,
    fr: String,
}

impl Frame {
    /// The present knowledge.
    pub fn new(board: &Board, number: u64, kind: &'static str) -> Self {
        let snapshot = board.snapshot(Moment::now());
        let json = |language| serde_json::to_string(&View::new(&snapshot, language)).unwrap_or_default();
        Self {
            number,
            kind,
            edge_is_down: snapshot
                .checks
                .iter()
                .any(|seen| seen.check == Check::Apache && seen.current.state == State::Down),
            en: json(Language::En),
            fr: json(Language::Fr),
        }
    }

    /// The view as JSON.
    pub fn json(&self, language: Language) -> &str {
        language.pick(&self.en, &self.fr)
    }
}

/// Sends a frame at each change and at each beat until nobody can hear it any more.  A slow listener misses frames, and nothing piles up.
pub async fn send(board: Arc<Board>, frames: watch::Sender<Arc<Frame>>) {
    let mut changes = board.changes();
    let mut number = 0;
    let mut beat = Instant::now() + HEARTBEAT;
    loop {
        let kind = tokio::select! {
            changed = changes.changed() => match changed {
                Ok(()) => "change",
                Err(_) => return,
            },
            () = sleep_until(beat) => "heartbeat",
            () = frames.closed() => return,
        };
        if kind == "change" {
            sleep_until(Instant::now() + TOGETHER).await;
            changes.mark_unchanged();
        } else {
            beat = Instant::now() + HEARTBEAT;
        }
        number += 1;
        frames.send_replace(Arc::new(Frame::new(&board, number, kind)));
    }
}
