//! The DevTools protocol: JSON messages that end with a zero byte, answers by number, events by session.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// How long the browser may take for an answer or for a page.
pub(super) const PATIENCE: Duration = Duration::from_secs(45);

#[derive(Debug)]
pub(super) struct Connection {
    writer: Mutex<ChildStdin>,
    inbox: Arc<Inbox>,
    last: AtomicU64,
}

#[derive(Debug, Default)]
struct Inbox {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    answers: HashMap<u64, Value>,
    events: HashMap<String, Vec<Value>>,
    closed: bool,
}

impl Connection {
    pub(super) fn new(writer: ChildStdin, reader: ChildStdout) -> Self {
        let inbox = Arc::new(Inbox::default());
        let filled = Arc::clone(&inbox);
        std::thread::spawn(move || filled.fill(reader));
        Self {
            writer: Mutex::new(writer),
            inbox,
            last: AtomicU64::new(0),
        }
    }

    /// Asks, of a page or of the browser itself, and waits for the answer.
    pub(super) fn call(&self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value> {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message)?;
        bytes.push(0);
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer
            .write_all(&bytes)
            .and_then(|()| writer.flush())
            .context("the browser has gone")?;
        drop(writer);
        let answer = self.inbox.wait(method, |state| state.answers.remove(&id))?;
        match answer.get("error") {
            Some(error) => bail!("{method}: {error}"),
            None => Ok(answer["result"].clone()),
        }
    }

    /// What a page has told so far.
    pub(super) fn events(&self, session: &str) -> Vec<Value> {
        let state = self.inbox.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.events.get(session).cloned().unwrap_or_default()
    }

    /// Waits until a page has told something.
    pub(super) fn wait<T>(&self, what: &str, session: &str, look: impl Fn(&[Value]) -> Option<T>) -> Result<T> {
        self.inbox
            .wait(what, |state| look(state.events.get(session).map_or(&[], Vec::as_slice)))
    }
}

impl Inbox {
    fn fill(&self, reader: ChildStdout) {
        let mut reader = BufReader::new(reader);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(0, &mut bytes), Ok(length) if length > 0) {
            bytes.pop();
            if let Ok(message) = serde_json::from_slice(&bytes) {
                self.take(message);
            }
            bytes.clear();
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.news.notify_all();
    }

    fn take(&self, message: Value) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = message["id"].as_u64() {
            state.answers.insert(id, message);
        } else if let Some(session) = message["sessionId"].as_str() {
            state.events.entry(session.to_owned()).or_default().push(message);
        }
        drop(state);
        self.news.notify_all();
    }

    fn wait<T>(&self, what: &str, mut look: impl FnMut(&mut State) -> Option<T>) -> Result<T> {
        let end = Instant::now() + PATIENCE;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = look(&mut state) {
                return Ok(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                bail!(
                    "{what}: {}",
                    if state.closed {
                        "the browser has gone"
                    } else {
                        "the browser does not answer"
                    }
                );
            }
            state = self
                .news
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
