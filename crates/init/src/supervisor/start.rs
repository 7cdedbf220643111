//! The way up: one unit after the other, each when the one before it is ready; and back up after a restart.

use std::time::Duration;

use super::{Action, Phase, Report, Stage, State, StopCause, Supervisor, UnitIndex};

/// A local service that has just been started is often ready within some hundredths of a second.
const FIRST_PROBE_DELAY: Duration = Duration::from_millis(10);
const LONGEST_PROBE_DELAY: Duration = Duration::from_millis(250);
/// The surroundings failed, in the product's exit statuses.
const NOT_READY: u8 = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    since: Duration,
    /// None: a task, which is ready when it has ended.
    ready_by: Option<Duration>,
    /// None: a probe is under way.
    next_probe: Option<Duration>,
    probe_delay: Duration,
    last_answer: String,
}

impl Wait {
    pub(super) fn wake_at(&self) -> Option<Duration> {
        self.ready_by.map(|by| self.next_probe.map_or(by, |next| next.min(by)))
    }
}

impl Supervisor {
    /// Starts the next unit if the one before it is through.
    pub(super) fn advance_start(&mut self, actions: &mut Vec<Action>) {
        while let Phase::Starting { unit } = self.phase {
            let Some(state) = self.states.get_mut(unit) else {
                self.phase = Phase::Running;
                actions.push(Action::Report(Report::AllReady));
                actions.push(Action::Publish(Stage::Ready));
                return;
            };
            match state {
                State::Idle => {
                    *state = State::Launching;
                    actions.push(Action::Publish(Stage::Starting(unit)));
                    actions.push(Action::Start(unit));
                    return;
                }
                State::Running { .. } | State::Gone => self.phase = Phase::Starting { unit: unit + 1 },
                State::Launching
                | State::Starting(_)
                | State::Backoff { .. }
                | State::Stopping(_)
                | State::Orphaned => return,
            }
        }
    }

    pub(super) fn started(&mut self, now: Duration, unit: UnitIndex, actions: &mut Vec<Action>) {
        actions.push(Action::Report(Report::Started { unit }));
        let declared = &self.plan.units[unit];
        if matches!(self.phase, Phase::Stopping(_)) {
            self.states[unit] = State::Running { since: now };
            self.advance_stop(now, actions);
        } else if declared.task || declared.ready_within.is_some() {
            self.states[unit] = State::Starting(Wait {
                since: now,
                ready_by: declared.ready_within.map(|within| now + within),
                next_probe: Some(now),
                probe_delay: FIRST_PROBE_DELAY,
                last_answer: String::new(),
            });
        } else {
            self.states[unit] = State::Running { since: now };
            self.advance_start(actions);
        }
    }

    pub(super) fn start_failed(
        &mut self,
        now: Duration,
        unit: UnitIndex,
        code: u8,
        reason: String,
        actions: &mut Vec<Action>,
    ) {
        actions.push(Action::Report(Report::CannotStart { unit, reason }));
        self.states[unit] = State::Gone;
        match self.phase {
            Phase::Stopping(_) => self.advance_stop(now, actions),
            _ if self.plan.units[unit].essential => self.begin_stop(now, StopCause::Lost { unit }, code, actions),
            _ => self.advance_start(actions),
        }
    }

    pub(super) fn probe_answered(
        &mut self,
        now: Duration,
        unit: UnitIndex,
        answer: Result<(), String>,
        actions: &mut Vec<Action>,
    ) {
        let State::Starting(wait) = &mut self.states[unit] else {
            return;
        };
        match answer {
            Ok(()) => {
                let after = now.saturating_sub(wait.since);
                actions.push(Action::Report(Report::Ready { unit, after }));
                self.states[unit] = State::Running { since: now };
                self.advance_start(actions);
            }
            Err(reason) => {
                wait.last_answer = reason;
                wait.next_probe = Some(now + wait.probe_delay);
                wait.probe_delay = (wait.probe_delay * 3 / 2).min(LONGEST_PROBE_DELAY);
            }
        }
    }

    /// Restarts and probes that are due, and units that were not ready in time.
    pub(super) fn pass_start_time(&mut self, now: Duration, actions: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Stopping(_) | Phase::Done) {
            return;
        }
        for unit in 0..self.states.len() {
            match &mut self.states[unit] {
                State::Backoff { until } if now >= *until => {
                    self.states[unit] = State::Launching;
                    actions.push(Action::Start(unit));
                }
                State::Starting(wait) if wait.ready_by.is_some_and(|by| now >= by) => {
                    let reason = std::mem::take(&mut wait.last_answer);
                    actions.push(Action::Report(Report::NotReadyInTime { unit, reason }));
                    if self.plan.units[unit].essential {
                        self.begin_stop(now, StopCause::Lost { unit }, NOT_READY, actions);
                        return;
                    }
                    self.states[unit] = State::Running { since: now };
                    self.advance_start(actions);
                }
                State::Starting(wait) if wait.ready_by.is_some() && wait.next_probe.is_some_and(|next| now >= next) => {
                    wait.next_probe = None;
                    actions.push(Action::Probe(unit));
                }
                _ => {}
            }
        }
    }

    /// How long to wait before starting it again, or None if its exit counts.
    pub(super) fn next_restart(&mut self, now: Duration, unit: UnitIndex) -> Option<Duration> {
        let restart = self.plan.units[unit].restart?;
        let past = &mut self.restarts[unit];
        past.retain(|at| now.saturating_sub(*at) < restart.within);
        let count = u32::try_from(past.len()).ok().filter(|count| *count < restart.limit)?;
        past.push_back(now);
        let delay = restart
            .delay
            .saturating_mul(1_u32.checked_shl(count).unwrap_or(u32::MAX))
            .min(restart.longest_delay);
        // Up to a quarter more, by a xorshift generator.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let quarter = u32::try_from(self.random % 251).unwrap_or(0);
        Some(delay + delay * quarter / 1000)
    }
}
