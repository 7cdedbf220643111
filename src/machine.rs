//! The life of one check: observations in, state and transitions out.  Pure; time comes with each observation.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::clock::Moment;
use crate::language::Text;
use crate::observation::Observation;
use crate::state::State;

/// A restart is told from clocks that count whole seconds, so this much difference means nothing.
const UPTIME_TOLERANCE: Duration = Duration::from_millis(2_500);
/// A concern that is observed this many times in a row degrades.
const CONCERN_LASTS: u32 = 3;
/// An answer that takes this long is a concern.
const SLOW: Duration = Duration::from_secs(1);
/// How many latencies are remembered.
const REMEMBERED: usize = 60;

/// How a restart of the watched service is shown: long enough to be seen by somebody who looks up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RestartRule {
    /// For how long after it was noticed.
    pub shown_for: Duration,
    /// Whether also when the outage itself had been seen.
    pub after_outage: bool,
}

/// One check.
#[derive(Clone, Debug)]
pub struct CheckState {
    /// What is shown.
    pub state: State,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// When it was last observed; nothing before the first time.
    pub checked_at: Option<Timestamp>,
    /// Why it is in this state.
    pub summary: Text,
    /// The last observation.
    pub observation: Observation,
    /// The last latencies in milliseconds, oldest first; nothing where there was no answer.
    pub latencies: VecDeque<Option<f64>>,
    maintenance: bool,
    rule: Option<RestartRule>,
    uptime: Option<(u64, Instant)>,
    restarted: Option<Instant>,
    checked: Option<Instant>,
    concerns: u32,
}

/// A change from one state to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transition {
    /// When it was noticed.
    pub at: Timestamp,
    /// The state before.
    pub from: State,
    /// The state after.
    pub to: State,
    /// Why.
    pub summary: Text,
}

impl CheckState {
    /// A check that was never observed.
    pub fn new(at: Timestamp, rule: Option<RestartRule>, maintenance: bool) -> Self {
        let summary = Text::new("not checked yet", "pas encore vérifié");
        Self {
            state: State::Unknown,
            since: at,
            checked_at: None,
            observation: Observation::bare(State::Unknown, summary.clone()),
            summary,
            latencies: VecDeque::with_capacity(REMEMBERED),
            maintenance,
            rule,
            uptime: None,
            restarted: None,
            checked: None,
            concerns: 0,
        }
    }

    /// Takes an observation; tells when it changes the state.  The first one is no change: before it nothing was known.
    pub fn observe(&mut self, at: Moment, observation: Observation) -> Option<Transition> {
        self.notice_restart(at, &observation);
        self.remember_latency(&observation);
        let first = self.checked_at.is_none();
        let (state, summary) = self.judge(at, &observation);
        self.checked_at = Some(at.wall);
        self.checked = Some(at.steady);
        self.observation = observation;
        self.summary.clone_from(&summary);
        if state == self.state {
            return None;
        }
        let from = std::mem::replace(&mut self.state, state);
        self.since = at.wall;
        (!first).then_some(Transition {
            at: at.wall,
            from,
            to: state,
            summary,
        })
    }

    /// Whether the last observation is too old to be believed.
    pub fn is_stale(&self, at: Moment, stale_after: Duration) -> bool {
        self.checked
            .is_some_and(|checked| at.steady.saturating_duration_since(checked) > stale_after)
    }

    fn judge(&mut self, at: Moment, observation: &Observation) -> (State, Text) {
        let concern = observation.concern.clone().or_else(|| slowness(observation));
        self.concerns = if concern.is_some() {
            self.concerns.saturating_add(1)
        } else {
            0
        };
        let lasting = concern.filter(|_| self.concerns >= CONCERN_LASTS);
        let restart = self.restart_text(at, observation);
        let (state, summary) = match (observation.state, restart, lasting) {
            (State::Operational, Some(restart), _) => (State::Degraded, restart),
            (State::Operational, None, Some(concern)) => (State::Degraded, concern),
            (state, _, _) => (state, observation.summary.clone()),
        };
        if self.maintenance {
            (State::Maintenance, summary)
        } else {
            (state, summary)
        }
    }

    fn notice_restart(&mut self, at: Moment, observation: &Observation) {
        let Some(uptime) = observation.uptime_seconds else {
            return;
        };
        let Some(rule) = self.rule else { return };
        if let Some((before, seen)) = self.uptime {
            let expected = Duration::from_secs(before).saturating_add(at.steady.saturating_duration_since(seen));
            let restarted = Duration::from_secs(uptime).saturating_add(UPTIME_TOLERANCE) < expected;
            if restarted && (rule.after_outage || self.observation.state != State::Down) {
                self.restarted = Some(at.steady);
            }
        }
        self.uptime = Some((uptime, at.steady));
    }

    fn restart_text(&self, at: Moment, observation: &Observation) -> Option<Text> {
        let noticed = self.restarted?;
        if at.steady.saturating_duration_since(noticed) > self.rule?.shown_for {
            return None;
        }
        let seconds = observation.uptime_seconds?;
        Some(Text::new(
            format!("restarted {seconds} s ago"),
            format!("redémarré il y a {seconds} s"),
        ))
    }

    fn remember_latency(&mut self, observation: &Observation) {
        if self.latencies.len() == REMEMBERED {
            self.latencies.pop_front();
        }
        self.latencies
            .push_back(observation.latency.map(|latency| latency.as_secs_f64() * 1000.0));
    }
}

fn slowness(observation: &Observation) -> Option<Text> {
    let latency = observation.latency.filter(|latency| *latency >= SLOW)?;
    Some(Text::each(|language| {
        let time = language.latency(latency.as_secs_f64() * 1000.0);
        language.pick(format!("slow: answers in {time}"), format!("lent : répond en {time}"))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: RestartRule = RestartRule {
        shown_for: Duration::from_secs(15),
        after_outage: true,
    };

    struct Life {
        start: Moment,
        check: CheckState,
    }

    impl Life {
        fn new(rule: Option<RestartRule>, maintenance: bool) -> Self {
            let start = Moment {
                wall: "2026-11-22T10:00:00Z".parse().unwrap(),
                steady: Instant::now(),
            };
            Self {
                start,
                check: CheckState::new(start.wall, rule, maintenance),
            }
        }

        fn moment(&self, seconds: u64) -> Moment {
            let passed = Duration::from_secs(seconds);
            Moment {
                wall: self.start.wall + passed,
                steady: self.start.steady + passed,
            }
        }

        fn see(&mut self, seconds: u64, state: State) -> Option<Transition> {
            let at = self.moment(seconds);
            self.check
                .observe(at, Observation::bare(state, Text::same(state.key())))
        }

        fn see_uptime(&mut self, seconds: u64, uptime: u64) -> State {
            let mut observation = Observation::bare(State::Operational, Text::same("up"));
            observation.uptime_seconds = Some(uptime);
            let at = self.moment(seconds);
            self.check.observe(at, observation);
            self.check.state
        }
    }

    #[test]
    fn a_change_has_a_beginning_and_a_reason() {
        let mut life = Life::new(None, false);
        assert_eq!((life.check.state, life.check.checked_at), (State::Unknown, None));
        assert_eq!(life.see(1, State::Operational), None);
        assert_eq!(life.see(3, State::Operational), None);
        let change = life.see(5, State::Down).unwrap();
        assert_eq!(
            (change.from, change.to, change.at),
            (State::Operational, State::Down, life.moment(5).wall)
        );
        assert_eq!(life.see(7, State::Down), None);
        assert_eq!(
            (life.check.since, life.check.checked_at),
            (life.moment(5).wall, Some(life.moment(7).wall))
        );
        assert_eq!(life.see(9, State::Operational).unwrap().from, State::Down);
    }

    #[test]
    fn an_old_observation_is_stale() {
        let mut life = Life::new(None, false);
        let limit = Duration::from_secs(10);
        assert!(!life.check.is_stale(life.moment(60), limit));
        life.see(60, State::Operational);
        assert!(!life.check.is_stale(life.moment(70), limit));
        assert!(life.check.is_stale(life.moment(71), limit));
    }

    #[test]
    fn a_restart_degrades_for_a_while_and_the_first_observation_is_none() {
        let mut life = Life::new(Some(RULE), false);
        assert_eq!(life.see_uptime(0, 1), State::Operational);
        assert_eq!(life.see_uptime(2, 4), State::Operational);
        assert_eq!(life.see_uptime(100, 101), State::Operational);
        assert_eq!(life.see_uptime(102, 1), State::Degraded);
        assert_eq!(life.check.summary.en, "restarted 1 s ago");
        assert_eq!(life.see_uptime(116, 15), State::Degraded);
        assert_eq!(life.see_uptime(118, 17), State::Operational);
    }

    #[test]
    fn a_restart_is_told_from_lost_time_and_clocks_of_whole_seconds_are_forgiven() {
        let mut life = Life::new(Some(RULE), false);
        life.see_uptime(0, 2);
        // Five seconds later it should be seven; it started anew in between and is older than before.
        assert_eq!(life.see_uptime(5, 3), State::Degraded);
        let mut life = Life::new(Some(RULE), false);
        life.see_uptime(0, 10);
        assert_eq!(life.see_uptime(2, 10), State::Operational);
    }

    #[test]
    fn an_outage_that_was_seen_needs_no_second_mark_where_the_rule_says_so() {
        let rule = RestartRule {
            shown_for: Duration::from_secs(6),
            after_outage: false,
        };
        let mut life = Life::new(Some(rule), false);
        life.see_uptime(0, 100);
        life.see(2, State::Down);
        assert_eq!(life.see_uptime(6, 1), State::Operational);
        assert_eq!(life.see_uptime(60, 1), State::Degraded);
    }

    #[test]
    fn a_concern_degrades_only_when_it_lasts() {
        let mut life = Life::new(None, false);
        let mut observation = Observation::bare(State::Operational, Text::same("up"));
        observation.latency = Some(Duration::from_millis(1200));
        for (seconds, expected) in [(0, State::Operational), (2, State::Operational), (4, State::Degraded)] {
            let at = life.moment(seconds);
            life.check.observe(at, observation.clone());
            assert_eq!(life.check.state, expected);
        }
        assert_eq!(life.check.summary.fr, "lent : répond en 1,2\u{a0}s");
        life.see(6, State::Operational);
        assert_eq!((life.check.state, life.check.latencies.len()), (State::Operational, 4));
    }

    #[test]
    fn maintenance_covers_the_state_and_keeps_the_reason() {
        let mut life = Life::new(None, true);
        life.see(1, State::Down);
        assert_eq!(
            (life.check.state, life.check.summary.en.as_str()),
            (State::Maintenance, "down")
        );
        assert_eq!(life.see(2, State::Operational), None);
    }

    #[test]
    fn latencies_are_bounded() {
        let mut life = Life::new(None, false);
        for second in 0..200 {
            life.see(second, State::Operational);
        }
        assert_eq!(life.check.latencies.len(), REMEMBERED);
    }
}
