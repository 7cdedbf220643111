//! Sign-ins that have begun: a browser was sent to the provider and is expected back.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sign_in::local_path::LocalPath;
use crate::sign_in::random::{Digest, Ticket};

/// How long somebody has to sign in: a first password must be changed, a second factor found.
pub const LASTS: Duration = Duration::from_secs(900);
/// How many may be under way; the oldest gives way.
const MOST: usize = 2048;

/// One of them.
#[derive(Debug)]
pub struct Pending {
    /// What the ID token must repeat.
    pub nonce: Ticket,
    /// The proof that the code was asked for by us (RFC 7636).
    pub verifier: Ticket,
    /// The browser that began: the digest of its cookie.
    pub browser: Digest,
    /// Where it wanted to go.
    pub back_to: LocalPath,
    /// When it began.
    pub begun: Instant,
}

/// All of them, by the digest of their state.
#[derive(Debug, Default)]
pub struct PendingSignIns {
    pending: Mutex<BTreeMap<Digest, Pending>>,
}

impl PendingSignIns {
    /// Remembers one.
    pub fn add(&self, state: Digest, sign_in: Pending) {
        let now = sign_in.begun;
        let mut pending = self.lock();
        pending.retain(|_, other| is_open(other, now));
        if pending.len() >= MOST
            && let Some(oldest) = pending
                .iter()
                .min_by_key(|(_, other)| other.begun)
                .map(|(state, _)| *state)
        {
            pending.remove(&oldest);
        }
        pending.insert(state, sign_in);
    }

    /// Takes one: it can be had once.
    pub fn take(&self, state: Digest, now: Instant) -> Option<Pending> {
        self.lock().remove(&state).filter(|pending| is_open(pending, now))
    }

    /// Whether a browser has begun one, so that its cookie can serve for another.
    pub fn knows(&self, browser: Digest, now: Instant) -> bool {
        self.lock()
            .values()
            .any(|pending| pending.browser == browser && is_open(pending, now))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Digest, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_open(pending: &Pending, now: Instant) -> bool {
    now.saturating_duration_since(pending.begun) < LASTS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(pending: &PendingSignIns, begun: Instant) -> Digest {
        let draw = || Ticket::draw().unwrap();
        let state = draw().digest();
        let (nonce, verifier, browser, back_to) = (draw(), draw(), draw().digest(), LocalPath::parse("/"));
        pending.add(
            state,
            Pending {
                nonce,
                verifier,
                browser,
                back_to,
                begun,
            },
        );
        state
    }

    #[test]
    fn each_can_be_had_once_and_not_for_ever() {
        let (pending, now) = (PendingSignIns::default(), Instant::now());
        let state = begin(&pending, now);
        assert!(pending.take(state, now).is_some());
        assert!(pending.take(state, now).is_none());
        let state = begin(&pending, now);
        assert!(pending.take(state, now + LASTS).is_none());
    }

    #[test]
    fn their_number_is_bounded_and_the_newest_stay() {
        let (pending, now) = (PendingSignIns::default(), Instant::now());
        let first = begin(&pending, now);
        let mut last = first;
        for number in 0..MOST {
            last = begin(&pending, now + Duration::from_millis(number as u64 / 8 + 1));
        }
        assert_eq!(pending.lock().len(), MOST);
        assert!(pending.take(first, now).is_none() && pending.take(last, now).is_some());
    }
}
