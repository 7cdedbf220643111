//! Standard output: a thread that writes what has gathered, so that nobody else ever waits for a reader that has stopped.
//!
//! Lines are never lost silently.  While the reader is slow the streams of the children are simply not read (their pipes
//! hold 1 MiB each, then they wait).  Only when nothing has moved for [`PATIENCE`] are lines dropped, and counted.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Above it the children's streams are not read.
pub const FULL: usize = 1 << 20;
/// How long the reader may stand still before the services go on without their log.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Our own few lines are still taken when the children's are not.
const HARD_LIMIT: usize = FULL + (1 << 20);
/// A buffer that has grown beyond it is given back.
const KEPT_CAPACITY: usize = 1 << 17;

#[derive(Debug)]
pub struct Output {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    gathered: Vec<u8>,
    writing: bool,
    /// Bytes taken from `gathered` so far; shows whether the reader moves.
    taken: u64,
    broken: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output {
    /// The thread lives as long as the process.
    pub fn start(sink: impl Write + Send + 'static) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("output".to_owned())
            .stack_size(64 << 10)
            .spawn(move || write_forever(&writer, sink))?;
        Ok(Self { shared })
    }

    /// Hands whole lines over and leaves `batch` empty; false: there is no room or no reader, they are gone.
    pub fn submit(&self, batch: &mut Vec<u8>) -> bool {
        if batch.is_empty() {
            return true;
        }
        let mut state = self.shared.lock();
        let room = state.gathered.len() < FULL || state.gathered.len() + batch.len() <= HARD_LIMIT;
        let taken = room && !state.broken;
        if taken {
            if state.gathered.is_empty() {
                std::mem::swap(&mut state.gathered, batch);
            } else {
                state.gathered.extend_from_slice(batch);
            }
            self.shared.changed.notify_all();
        }
        drop(state);
        batch.clear();
        batch.shrink_to(KEPT_CAPACITY);
        taken
    }

    /// There is room for what the children have to say.
    pub fn has_room(&self) -> bool {
        self.shared.lock().gathered.len() < FULL
    }

    /// A number that changes whenever the reader takes something.
    pub fn progress(&self) -> u64 {
        self.shared.lock().taken
    }

    /// Waits until there is room for more, at most until `deadline`.
    pub fn wait_for_room(&self, deadline: Instant) -> bool {
        self.wait_until(deadline, |state| state.gathered.len() < FULL)
    }

    /// Waits until everything is written, at most until `deadline`.
    pub fn drain(&self, deadline: Instant) -> bool {
        self.wait_until(deadline, |state| !state.writing && state.gathered.is_empty())
    }

    fn wait_until(&self, deadline: Instant, reached: impl Fn(&State) -> bool) -> bool {
        let mut state = self.shared.lock();
        while !state.broken && !reached(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        !state.broken
    }
}

fn write_forever(shared: &Shared, mut sink: impl Write) {
    let mut batch = Vec::new();
    loop {
        let mut state = shared.lock();
        state.writing = false;
        shared.changed.notify_all();
        while state.gathered.is_empty() {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut state.gathered, &mut batch);
        state.writing = true;
        shared.changed.notify_all();
        drop(state);
        let written = write_in_pieces(shared, &mut sink, &batch);
        batch.clear();
        batch.shrink_to(KEPT_CAPACITY);
        if written.is_err() {
            let mut state = shared.lock();
            state.broken = true;
            state.writing = false;
            state.gathered = Vec::new();
            shared.changed.notify_all();
            return;
        }
    }
}

/// Pieces of the size that a pipe takes, so that progress shows while a large batch is written to a slow reader.
fn write_in_pieces(shared: &Shared, sink: &mut impl Write, batch: &[u8]) -> std::io::Result<()> {
    for piece in batch.chunks(1 << 16) {
        sink.write_all(piece)?;
        shared.lock().taken += piece.len() as u64;
    }
    sink.flush()
}
