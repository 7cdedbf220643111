//! What the provider last said of somebody who is signed in, when that was, and what it is still worth.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use qclock_probe::secret::Secret;

use crate::clock::Moment;
use crate::sign_in::role::{Role, Roles};

/// From a question without an answer to the next.
const RETRY: Duration = Duration::from_secs(10);

/// What was said.
#[derive(Debug)]
pub struct Standing {
    said: Mutex<Said>,
    /// Held by whoever asks: a token is good for one question, so two may not ask at once.
    pub(crate) asking: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Said {
    roles: Roles,
    id_token: Secret,
    refresh_token: Option<Secret>,
    at: Moment,
    due: Instant,
    /// The last question had no answer.
    silent: bool,
}

impl Standing {
    /// As it is at a sign-in.
    pub fn new(roles: Roles, id_token: Secret, refresh_token: Option<Secret>, now: Moment, check: Duration) -> Self {
        let said = Said {
            roles,
            id_token,
            refresh_token,
            at: now,
            due: now.steady + check,
            silent: false,
        };
        Self {
            said: Mutex::new(said),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// The roles that were said last.
    pub fn roles(&self) -> Roles {
        self.lock().roles
    }

    /// What of them holds now: all for as long as `unchecked`, then viewing only.  Where the provider gives nothing to ask by, all of them.
    pub fn roles_at(&self, now: Instant, unchecked: Duration) -> Roles {
        let said = self.lock();
        let silence = now.saturating_duration_since(said.at.steady);
        if said.refresh_token.is_none() || silence < unchecked {
            said.roles
        } else {
            said.roles.limited_to(Roles::of([Role::Viewer]))
        }
    }

    /// The ID token, to sign out by.
    pub fn id_token(&self) -> Secret {
        self.lock().id_token.clone()
    }

    /// What can be asked by, where there is such.
    pub fn refresh_token(&self) -> Option<Secret> {
        self.lock().refresh_token.clone()
    }

    /// When it was said, where it is asked again.
    pub fn checked(&self) -> Option<Timestamp> {
        let said = self.lock();
        said.refresh_token.is_some().then_some(said.at.wall)
    }

    /// Whether it is time to ask.
    pub fn is_due(&self, now: Instant) -> bool {
        let said = self.lock();
        said.refresh_token.is_some() && now >= said.due
    }

    /// The provider has given another token to ask by.
    pub fn rotate(&self, refresh_token: Secret) {
        self.lock().refresh_token = Some(refresh_token);
    }

    /// The provider stands by this person; the roles where it told them.  Returns the roles before.
    pub fn confirm(&self, told: Option<(Roles, Secret)>, now: Moment, check: Duration) -> Roles {
        let mut said = self.lock();
        let before = said.roles;
        if let Some((roles, id_token)) = told {
            (said.roles, said.id_token) = (roles, id_token);
        }
        (said.at, said.due, said.silent) = (now, now.steady + check, false);
        before
    }

    /// It did not answer.  Returns whether that is news.
    pub fn put_off(&self, now: Instant, check: Duration) -> bool {
        let mut said = self.lock();
        said.due = now + check.min(RETRY);
        !std::mem::replace(&mut said.silent, true)
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: Duration = Duration::from_secs(60);
    const UNCHECKED: Duration = Duration::from_secs(900);

    fn standing(roles: Roles, refresh_token: Option<&str>, now: Moment) -> Standing {
        Standing::new(roles, Secret::new("x"), refresh_token.map(Secret::new), now, CHECK)
    }

    fn after(now: Moment, seconds: u64) -> Moment {
        let passed = Duration::from_secs(seconds);
        Moment {
            wall: now.wall + passed,
            steady: now.steady + passed,
        }
    }

    #[test]
    fn roles_that_nobody_confirms_shrink_to_viewing() {
        let now = Moment::now();
        for (roles, shrunk) in [
            (Roles::of([Role::Admin]), Roles::of([Role::Viewer])),
            (Roles::of([Role::Viewer]), Roles::of([Role::Viewer])),
            (Roles::default(), Roles::default()),
        ] {
            let asked = standing(roles, Some("a"), now);
            assert_eq!(asked.roles_at(after(now, 899).steady, UNCHECKED), roles);
            assert_eq!(asked.roles_at(after(now, 900).steady, UNCHECKED), shrunk);
            asked.confirm(None, after(now, 900), CHECK);
            assert_eq!(asked.roles_at(after(now, 1799).steady, UNCHECKED), roles);
            let never_asked = standing(roles, None, now);
            assert_eq!(never_asked.roles_at(after(now, 9000).steady, UNCHECKED), roles);
        }
    }

    #[test]
    fn it_is_asked_at_the_interval_and_sooner_after_a_silence() {
        let now = Moment::now();
        let asked = standing(Roles::default(), Some("a"), now);
        assert!(!asked.is_due(after(now, 59).steady) && asked.is_due(after(now, 60).steady));
        assert!(asked.put_off(after(now, 60).steady, CHECK) && !asked.put_off(after(now, 60).steady, CHECK));
        assert!(!asked.is_due(after(now, 69).steady) && asked.is_due(after(now, 70).steady));
        let before = asked.confirm(
            Some((Roles::of([Role::Viewer]), Secret::new("y"))),
            after(now, 70),
            CHECK,
        );
        assert_eq!((before, asked.roles()), (Roles::default(), Roles::of([Role::Viewer])));
        assert!(!asked.is_due(after(now, 129).steady) && asked.is_due(after(now, 130).steady));
        assert!(asked.put_off(after(now, 130).steady, CHECK), "a new silence is news");
        asked.rotate(Secret::new("b"));
        assert_eq!(asked.refresh_token().unwrap().reveal(), "b");
        assert!(!standing(Roles::default(), None, now).is_due(after(now, 9000).steady));
    }
}
