//! All checks together: observations are put in, snapshots are taken out, and whoever waits hears of changes.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::check::Check;
use crate::clock::Moment;
use crate::language::Text;
use crate::machine::{CheckState, RestartRule, Transition};
use crate::observation::Observation;
use crate::state::State;

/// How many changes of state are remembered.
const REMEMBERED: usize = 20;

/// The current knowledge.
#[derive(Debug)]
pub struct Board {
    knowledge: Mutex<Knowledge>,
    changes: watch::Sender<u64>,
    stale_after: Duration,
    made: BTreeSet<Check>,
}

#[derive(Debug)]
struct Knowledge {
    checks: Vec<CheckState>,
    transitions: VecDeque<(Check, Transition)>,
}

/// What is known at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// Each check, in request order.
    pub checks: Vec<Seen>,
    /// The last changes of state, newest first.
    pub transitions: Vec<(Check, Transition)>,
}

/// A check in a snapshot.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which.
    pub check: Check,
    /// Its state and what is behind it.
    pub current: CheckState,
    /// Whether that is too old to be believed.
    pub stale: bool,
}

impl Board {
    /// Nothing is known; of all checks only `made` are, and of them some are in maintenance.
    pub fn new(at: Moment, stale_after: Duration, made: BTreeSet<Check>, maintenance: &BTreeSet<Check>) -> Self {
        let checks = Check::ALL
            .into_iter()
            .map(|check| CheckState::new(at.wall, rule(check), maintenance.contains(&check)));
        let knowledge = Knowledge {
            checks: checks.collect(),
            transitions: VecDeque::new(),
        };
        Self {
            knowledge: Mutex::new(knowledge),
            changes: watch::Sender::new(0),
            stale_after,
            made,
        }
    }

    /// Whether a check is made at all.
    pub fn makes(&self, check: Check) -> bool {
        self.made.contains(&check)
    }

    /// Takes an observation; tells when it changes the check's state.
    pub fn observe(&self, check: Check, at: Moment, observation: Observation) -> Option<Transition> {
        let mut knowledge = self.lock();
        let current = &mut knowledge.checks[check.index()];
        let first = current.checked_at.is_none();
        let before = (current.state, current.summary.clone());
        let transition = current.observe(at, observation);
        // What an operational service says of itself may wait for the next sign of life.
        let reason = current.state != State::Operational && before.1 != current.summary;
        let news = first || before.0 != current.state || reason;
        if let Some(transition) = &transition {
            knowledge.transitions.truncate(REMEMBERED - 1);
            knowledge.transitions.push_front((check, transition.clone()));
        }
        drop(knowledge);
        if news {
            self.changes.send_modify(|count| *count += 1);
        }
        transition
    }

    /// The state that a check was last seen in, unless that is too old to be believed.
    pub fn fresh_state(&self, check: Check, at: Moment) -> Option<State> {
        let knowledge = self.lock();
        let current = &knowledge.checks[check.index()];
        (current.checked_at.is_some() && !current.is_stale(at, self.stale_after)).then_some(current.observation.state)
    }

    /// Whether a check was ever made.
    pub fn was_checked(&self, check: Check) -> bool {
        self.lock().checks[check.index()].checked_at.is_some()
    }

    /// A check's last observation.
    pub fn last(&self, check: Check) -> Observation {
        self.lock().checks[check.index()].observation.clone()
    }

    /// What is known at this moment.
    pub fn snapshot(&self, at: Moment) -> Snapshot {
        let knowledge = self.lock();
        let checks = Check::ALL
            .into_iter()
            .zip(&knowledge.checks)
            .filter(|(check, _)| self.makes(*check))
            .map(|(check, current)| Seen {
                check,
                current: current.clone(),
                stale: current.is_stale(at, self.stale_after),
            });
        Snapshot {
            at: at.wall,
            checks: checks.collect(),
            transitions: knowledge.transitions.iter().cloned().collect(),
        }
    }

    /// Hears of each change that a reader would want to see at once.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Knowledge> {
        self.knowledge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// The state as far as it can be believed: what is stale is not known.  Announced maintenance stays what it is.
    pub fn believed(&self) -> State {
        if self.stale && self.current.state != State::Maintenance {
            State::Unknown
        } else {
            self.current.state
        }
    }
}

impl Snapshot {
    /// The worst of all.
    pub fn state(&self) -> State {
        self.checks.iter().map(Seen::believed).max().unwrap_or(State::Unknown)
    }

    /// Since when the whole is in this state: since the first of the worst; when all is well, since the last came back.
    pub fn since(&self) -> Option<Timestamp> {
        let state = self.state();
        let times = self
            .checks
            .iter()
            .filter(|seen| seen.believed() == state)
            .map(|seen| seen.current.since);
        if state == State::Operational {
            times.max()
        } else {
            times.min()
        }
    }

    /// Whether each check was observed, and lately.
    pub fn complete(&self) -> bool {
        self.checks
            .iter()
            .all(|seen| seen.current.checked_at.is_some() && !seen.stale)
    }

    /// The summary of a check; stale ones say so.
    pub fn summary(seen: &Seen) -> Text {
        if !seen.stale {
            return seen.current.summary.clone();
        }
        let Text { en, fr } = &seen.current.summary;
        Text::new(
            format!("not checked lately; last known: {en}"),
            format!("pas vérifié récemment ; dernier état connu : {fr}"),
        )
    }
}

/// A restart of the database that was seen as an outage is not told twice: it is to be operational again soon after.
fn rule(check: Check) -> Option<RestartRule> {
    match check {
        Check::Apache | Check::PhpFpm => Some(RestartRule {
            shown_for: Duration::from_secs(15),
            after_outage: true,
        }),
        Check::Database | Check::IdentityDb => Some(RestartRule {
            shown_for: Duration::from_secs(6),
            after_outage: false,
        }),
        Check::Php | Check::PhpExtensions | Check::PhpPdoMysql | Check::PhpMysqli | Check::Identity => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> (Board, Moment) {
        let at = Moment {
            wall: "2026-11-22T10:00:00Z".parse().unwrap(),
            steady: std::time::Instant::now(),
        };
        (
            Board::new(at, Duration::from_secs(10), Check::ALL.into(), &BTreeSet::new()),
            at,
        )
    }

    fn later(at: Moment, seconds: u64) -> Moment {
        let passed = Duration::from_secs(seconds);
        Moment {
            wall: at.wall + passed,
            steady: at.steady + passed,
        }
    }

    fn fill(board: &Board, at: Moment, state: State) {
        for check in Check::ALL {
            board.observe(check, at, Observation::bare(state, Text::same(state.key())));
        }
    }

    #[test]
    fn the_whole_is_the_worst_of_its_parts() {
        let (board, at) = board();
        assert_eq!(
            (board.snapshot(at).state(), board.snapshot(at).complete()),
            (State::Unknown, false)
        );
        fill(&board, at, State::Operational);
        assert_eq!(
            (board.snapshot(at).state(), board.snapshot(at).complete()),
            (State::Operational, true)
        );
        let down = Observation::bare(State::Down, Text::same("gone"));
        let change = board.observe(Check::Database, later(at, 4), down).unwrap();
        let snapshot = board.snapshot(later(at, 5));
        assert_eq!((snapshot.state(), snapshot.since()), (State::Down, Some(change.at)));
        assert_eq!(snapshot.transitions, [(Check::Database, change)]);
    }

    #[test]
    fn what_is_stale_is_not_known() {
        let (board, at) = board();
        fill(&board, at, State::Operational);
        let snapshot = board.snapshot(later(at, 11));
        assert_eq!((snapshot.state(), snapshot.complete()), (State::Unknown, false));
        assert_eq!(snapshot.checks[0].current.state, State::Operational);
        assert!(
            Snapshot::summary(&snapshot.checks[0])
                .en
                .starts_with("not checked lately")
        );
        assert_eq!(board.fresh_state(Check::Apache, later(at, 11)), None);
        assert_eq!(board.fresh_state(Check::Apache, later(at, 2)), Some(State::Operational));
    }

    #[test]
    fn changes_are_announced_and_repetitions_are_not() {
        let (board, at) = board();
        let mut changes = board.changes();
        fill(&board, at, State::Operational);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        fill(&board, later(at, 2), State::Operational);
        assert!(!changes.has_changed().unwrap());
    }

    #[test]
    fn the_memory_of_changes_is_bounded() {
        let (board, at) = board();
        for second in 0..100 {
            let state = if second % 2 == 0 {
                State::Down
            } else {
                State::Operational
            };
            board.observe(Check::Php, later(at, second), Observation::bare(state, Text::default()));
        }
        assert_eq!(board.snapshot(later(at, 100)).transitions.len(), REMEMBERED);
    }
}
