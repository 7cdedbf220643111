//! Who is signed in: kept here, never in the browser, which holds 256 random bits and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::clock::Moment;
use crate::sign_in::random::{Digest, Ticket};
use crate::sign_in::standing::Standing;
use crate::sign_in::token::Identity;

/// How long sessions last, and how many there may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// From one request to the next.
    pub idle: Duration,
    /// Altogether.
    pub absolute: Duration,
    /// All of them; the one that was longest unused gives way.
    pub most: usize,
    /// Of one person.
    pub most_of_one: usize,
    /// From one question to the provider whether it stands by a session to the next.
    pub check: Duration,
    /// Without its answer, for how long somebody may do more than view.
    pub unchecked: Duration,
}

/// What is known of somebody who is signed in.
#[derive(Debug)]
pub struct Session {
    /// Who it is.
    pub identity: Identity,
    /// The provider's name for its session.
    pub sid: Option<String>,
    /// What each token of this session repeats, where it has a nonce at all.
    pub nonce: Ticket,
    /// When it began.
    pub begun: Timestamp,
    /// What the provider last said.
    pub standing: Standing,
}

#[derive(Debug)]
struct Kept {
    session: Arc<Session>,
    begun: Instant,
    used: Instant,
}

/// All sessions, by the digest of their ticket.
#[derive(Debug)]
pub struct Sessions {
    kept: Mutex<BTreeMap<Digest, Kept>>,
    /// Those that the provider no longer stood by, so that their people can be told.
    disowned: Mutex<BTreeMap<Digest, Instant>>,
    limits: Limits,
}

impl Sessions {
    /// None yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            kept: Mutex::default(),
            disowned: Mutex::default(),
            limits,
        }
    }

    /// Begins one; the ticket is new each time.
    pub fn begin(&self, session: Session, now: Moment) -> Result<Ticket, getrandom::Error> {
        let ticket = Ticket::draw()?;
        let mut kept = self.lock();
        self.forget_ended(&mut kept, now.steady);
        let same = |other: &Kept| {
            (&other.session.identity.issuer, &other.session.identity.subject)
                == (&session.identity.issuer, &session.identity.subject)
        };
        if kept.values().filter(|other| same(other)).count() >= self.limits.most_of_one {
            drop_longest_unused(&mut kept, same);
        }
        if kept.len() >= self.limits.most {
            drop_longest_unused(&mut kept, |_| true);
        }
        let entry = Kept {
            session: Arc::new(session),
            begun: now.steady,
            used: now.steady,
        };
        kept.insert(ticket.digest(), entry);
        Ok(ticket)
    }

    /// The session of a ticket, which was used by this.
    pub fn visit(&self, ticket: Digest, now: Instant) -> Option<Arc<Session>> {
        let mut kept = self.lock();
        let entry = kept.get_mut(&ticket)?;
        if self.has_ended(entry, now) {
            kept.remove(&ticket);
            return None;
        }
        entry.used = now;
        Some(Arc::clone(&entry.session))
    }

    /// The same for what a page does by itself, which shows nobody's presence: it keeps no session awake.
    pub fn glance(&self, ticket: Digest, now: Instant) -> Option<Arc<Session>> {
        let kept = self.lock();
        let entry = kept.get(&ticket)?;
        (!self.has_ended(entry, now)).then(|| Arc::clone(&entry.session))
    }

    /// Ends one.
    pub fn end(&self, ticket: Digest) -> Option<Arc<Session>> {
        self.lock().remove(&ticket).map(|kept| kept.session)
    }

    /// Ends one that the provider no longer stands by; none where it had ended already.
    pub fn disown(&self, ticket: Digest, now: Instant) -> Option<Arc<Session>> {
        let ended = self.end(ticket)?;
        let mut disowned = self.disowned.lock().unwrap_or_else(PoisonError::into_inner);
        disowned.retain(|_, at| now.saturating_duration_since(*at) < self.limits.absolute);
        // Whoever is not told why finds out by signing in.
        if disowned.len() < self.limits.most {
            disowned.insert(ticket, now);
        }
        Some(ended)
    }

    /// Whether the provider no longer stood by what was this ticket's session.
    pub fn was_disowned(&self, ticket: Digest) -> bool {
        let disowned = self.disowned.lock().unwrap_or_else(PoisonError::into_inner);
        disowned.contains_key(&ticket)
    }

    /// Ends all of a person's: of the one that is named, and of whoever has the provider's session.
    ///
    /// A provider that means one session of several does little harm this way, since whoever still has one there comes back without a
    /// question.  One that means all of them is obeyed: Keycloak ends all sessions of a person with a single message, which names one.
    pub fn end_all(&self, issuer: &str, sid: Option<&str>, subject: Option<&str>) -> Vec<Arc<Session>> {
        let mut kept = self.lock();
        let people: BTreeSet<String> = kept
            .values()
            .map(|entry| &entry.session)
            .filter(|session| session.identity.issuer == issuer)
            .filter(|session| match subject {
                Some(subject) => session.identity.subject == subject,
                None => sid.is_some() && session.sid.as_deref() == sid,
            })
            .map(|session| session.identity.subject.clone())
            .collect();
        let (ended, others) = std::mem::take(&mut *kept).into_iter().partition(|(_, entry)| {
            let identity = &entry.session.identity;
            identity.issuer == issuer && people.contains(&identity.subject)
        });
        *kept = others;
        let ended: BTreeMap<Digest, Kept> = ended;
        ended.into_values().map(|entry| entry.session).collect()
    }

    /// How many there are.
    pub fn count(&self, now: Instant) -> usize {
        let mut kept = self.lock();
        self.forget_ended(&mut kept, now);
        kept.len()
    }

    fn has_ended(&self, entry: &Kept, now: Instant) -> bool {
        now.saturating_duration_since(entry.used) >= self.limits.idle
            || now.saturating_duration_since(entry.begun) >= self.limits.absolute
    }

    fn forget_ended(&self, kept: &mut BTreeMap<Digest, Kept>, now: Instant) {
        kept.retain(|_, entry| !self.has_ended(entry, now));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Digest, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drop_longest_unused(kept: &mut BTreeMap<Digest, Kept>, among: impl Fn(&Kept) -> bool) {
    let candidates = kept.iter().filter(|(_, entry)| among(entry));
    if let Some(ticket) = candidates
        .min_by_key(|(_, entry)| entry.used)
        .map(|(ticket, _)| *ticket)
    {
        kept.remove(&ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::role::{Role, Roles};
    use qclock_probe::secret::Secret;

    const LIMITS: Limits = Limits {
        idle: Duration::from_secs(60),
        absolute: Duration::from_secs(300),
        most: 5,
        most_of_one: 2,
        check: Duration::from_secs(10),
        unchecked: Duration::from_secs(30),
    };

    fn begin(sessions: &Sessions, subject: &str, sid: &str, now: Moment) -> Ticket {
        let session = Session {
            identity: Identity {
                issuer: "https://a".to_owned(),
                subject: subject.to_owned(),
                name: subject.to_owned(),
                account: None,
            },
            sid: Some(sid.to_owned()),
            nonce: Ticket::draw().unwrap(),
            begun: now.wall,
            standing: Standing::new(Roles::of([Role::Viewer]), Secret::new("x"), None, now, LIMITS.check),
        };
        sessions.begin(session, now).unwrap()
    }

    fn later(now: Moment, seconds: u64) -> Moment {
        let passed = Duration::from_secs(seconds);
        Moment {
            wall: now.wall + passed,
            steady: now.steady + passed,
        }
    }

    #[test]
    fn a_session_ends_when_idle_and_in_any_case() {
        let (sessions, now) = (Sessions::new(LIMITS), Moment::now());
        let ticket = begin(&sessions, "ann", "s1", now).digest();
        for step in 1..=5 {
            assert!(sessions.visit(ticket, later(now, step * 59).steady).is_some(), "{step}");
        }
        assert!(sessions.visit(ticket, later(now, 300).steady).is_none());
        let ticket = begin(&sessions, "ann", "s1", now).digest();
        assert!(sessions.glance(ticket, later(now, 59).steady).is_some());
        assert!(sessions.visit(ticket, later(now, 60).steady).is_none());
        assert!(sessions.visit(ticket, now.steady).is_none());
    }

    #[test]
    fn nobody_has_more_than_they_may() {
        let (sessions, now) = (Sessions::new(LIMITS), Moment::now());
        let first = begin(&sessions, "ann", "s1", now);
        for second in 1..=2 {
            begin(&sessions, "ann", "s2", later(now, second));
        }
        assert_eq!(sessions.count(now.steady), 2);
        assert!(sessions.visit(first.digest(), now.steady).is_none());
        for name in ["bob", "cem", "dee", "eve"] {
            begin(&sessions, name, "s3", later(now, 9));
        }
        assert_eq!(sessions.count(now.steady), 5);
    }

    #[test]
    fn the_provider_ends_all_sessions_of_a_person() {
        let (sessions, now) = (Sessions::new(LIMITS), Moment::now());
        begin(&sessions, "ann", "s1", now);
        begin(&sessions, "ann", "s2", now);
        begin(&sessions, "bob", "s3", now);
        assert_eq!(sessions.end_all("https://b", Some("s1"), None).len(), 0);
        assert_eq!(sessions.end_all("https://a", None, None).len(), 0);
        assert_eq!(sessions.end_all("https://a", Some("s9"), None).len(), 0);
        assert_eq!(sessions.end_all("https://a", Some("s1"), Some("cem")).len(), 0);
        assert_eq!(sessions.end_all("https://a", Some("s1"), Some("ann")).len(), 2);
        begin(&sessions, "ann", "s4", now);
        begin(&sessions, "ann", "s5", now);
        assert_eq!(sessions.end_all("https://a", Some("s5"), None).len(), 2);
        begin(&sessions, "ann", "s6", now);
        assert_eq!(sessions.end_all("https://a", None, Some("ann")).len(), 1);
        assert_eq!(sessions.count(now.steady), 1);
    }

    #[test]
    fn whose_session_was_disowned_is_known_for_a_while() {
        let (sessions, now) = (Sessions::new(LIMITS), Moment::now());
        let ticket = begin(&sessions, "ann", "s1", now).digest();
        assert!(!sessions.was_disowned(ticket));
        assert!(sessions.disown(ticket, now.steady).is_some() && sessions.disown(ticket, now.steady).is_none());
        assert!(sessions.was_disowned(ticket) && sessions.visit(ticket, now.steady).is_none());
        for second in 0..20 {
            let ticket = begin(&sessions, "bob", "s2", now).digest();
            sessions.disown(ticket, later(now, second).steady);
        }
        assert!(sessions.disowned.lock().unwrap().len() <= LIMITS.most);
        let last = begin(&sessions, "bob", "s2", now).digest();
        sessions.disown(last, later(now, 1000).steady);
        assert!(!sessions.was_disowned(ticket) && sessions.was_disowned(last));
    }
}
