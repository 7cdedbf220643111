//! The way down: the reverse order, each unit along its own ladder, everything within one budget.

use std::time::Duration;

use super::{Action, Phase, Report, Stage, State, StopCause, Supervisor, UnitIndex};
use crate::signal::Signal;

/// From TERM to KILL, for a unit that did not mind its stop signal.
const TERM_GRACE: Duration = Duration::from_secs(2);
/// A killed process that is still there after this hangs in the kernel; nobody can do more.
const KILL_GRACE: Duration = Duration::from_secs(1);
/// From a second request to stop to KILL.
const FAST_GRACE: Duration = Duration::from_secs(3);
/// Kept from a slow unit's grace for each unit that is to be stopped after it, and for its own TERM.
const RESERVE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    status: u8,
    /// No signal before this moment.
    hold_until: Option<Duration>,
    /// Everything is killed at this moment.
    end: Duration,
    haste: Haste,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Haste {
    /// One after the other.
    Orderly,
    /// All have received TERM.
    Fast,
    /// All have received KILL; whoever is still there at `until` is given up.
    Killed { until: Duration },
}

impl Stop {
    pub(super) fn wake_at(&self) -> Duration {
        match self.haste {
            Haste::Orderly | Haste::Fast => self.hold_until.map_or(self.end, |hold| hold.min(self.end)),
            Haste::Killed { until } => until,
        }
    }
}

/// How far a unit's own ladder has been climbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rung {
    sent: Signal,
    /// When the first signal was sent.
    pub(super) since: Duration,
    /// When the next one is due.
    pub(super) until: Duration,
}

impl Supervisor {
    pub(super) fn stop_requested(&mut self, now: Duration, actions: &mut Vec<Action>) {
        match self.phase {
            Phase::Starting { .. } | Phase::Running => self.begin_stop(now, StopCause::Requested, 0, actions),
            Phase::Stopping(stop) => match stop.haste {
                Haste::Orderly => self.hurry(now, stop, actions),
                Haste::Fast => self.kill_all(now, stop, actions),
                Haste::Killed { .. } => {}
            },
            Phase::Done => {}
        }
    }

    pub(super) fn begin_stop(&mut self, now: Duration, cause: StopCause, status: u8, actions: &mut Vec<Action>) {
        let requested = cause == StopCause::Requested;
        actions.push(Action::Report(Report::Stopping { cause, status }));
        actions.push(Action::Publish(Stage::Stopping));
        let delay = self.plan.stop_delay;
        self.phase = Phase::Stopping(Stop {
            status,
            hold_until: (requested && !delay.is_zero()).then(|| now + delay),
            end: now + self.plan.stop_budget,
            haste: Haste::Orderly,
        });
        self.advance_stop(now, actions);
    }

    /// Asks the last unit that is still there to stop, if it has not been asked; ends when there is none.
    pub(super) fn advance_stop(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let Phase::Stopping(stop) = self.phase else {
            return;
        };
        for unit in (0..self.states.len()).rev() {
            match &self.states[unit] {
                State::Idle | State::Gone => {}
                State::Backoff { .. } => self.states[unit] = State::Gone,
                State::Orphaned => {
                    actions.push(Action::Sweep(unit));
                    self.states[unit] = State::Gone;
                }
                State::Launching | State::Stopping(_) => return,
                State::Starting(_) | State::Running { .. } => {
                    if stop.haste == Haste::Orderly && stop.hold_until.is_none_or(|hold| now >= hold) {
                        self.ask(now, unit, stop, actions);
                    } else if stop.haste != Haste::Orderly {
                        self.send(now, unit, Signal::Term, stop.end, actions);
                    }
                    return;
                }
            }
        }
        self.phase = Phase::Done;
        actions.push(Action::Report(Report::Ended { status: stop.status }));
        actions.push(Action::Exit(stop.status));
    }

    fn ask(&mut self, now: Duration, unit: UnitIndex, stop: Stop, actions: &mut Vec<Action>) {
        let declared = &self.plan.units[unit];
        let waiting = self.states[..=unit].iter().filter(|state| state.is_alive()).count();
        let reserve = (RESERVE * u32::try_from(waiting).unwrap_or(u32::MAX)).min(self.plan.stop_budget / 2);
        let latest = stop.end.saturating_sub(reserve);
        let until = (now + declared.stop_grace).min(latest).max(now);
        let signal = declared.stop_signal;
        self.send(now, unit, signal, until, actions);
    }

    fn send(&mut self, now: Duration, unit: UnitIndex, signal: Signal, until: Duration, actions: &mut Vec<Action>) {
        let since = match &self.states[unit] {
            State::Stopping(rung) => rung.since,
            _ => now,
        };
        actions.push(Action::Report(Report::Signalled { unit, signal }));
        actions.push(Action::Signal { unit, signal });
        self.states[unit] = State::Stopping(Rung {
            sent: signal,
            since,
            until,
        });
    }

    /// A second request: TERM to all at once, the front end first.
    fn hurry(&mut self, now: Duration, stop: Stop, actions: &mut Vec<Action>) {
        let end = (now + FAST_GRACE).min(stop.end);
        actions.push(Action::Report(Report::Hurrying));
        self.phase = Phase::Stopping(Stop {
            hold_until: None,
            end,
            haste: Haste::Fast,
            ..stop
        });
        for unit in (0..self.states.len()).rev() {
            if self.states[unit].is_alive() {
                self.send(now, unit, Signal::Term, end, actions);
            }
        }
        self.advance_stop(now, actions);
    }

    fn kill_all(&mut self, now: Duration, stop: Stop, actions: &mut Vec<Action>) {
        let until = now + KILL_GRACE;
        self.phase = Phase::Stopping(Stop {
            hold_until: None,
            haste: Haste::Killed { until },
            ..stop
        });
        for unit in (0..self.states.len()).rev() {
            if self.states[unit].is_alive() {
                self.send(now, unit, Signal::Kill, until, actions);
            }
        }
        self.advance_stop(now, actions);
    }

    /// Deadlines of the stop as a whole and of the units' ladders.
    pub(super) fn pass_stop_time(&mut self, now: Duration, actions: &mut Vec<Action>) {
        let Phase::Stopping(stop) = self.phase else {
            return;
        };
        match stop.haste {
            Haste::Killed { until } if now >= until => {
                for unit in 0..self.states.len() {
                    self.give_up(unit, actions);
                }
                self.advance_stop(now, actions);
                return;
            }
            Haste::Orderly | Haste::Fast if now >= stop.end => {
                actions.push(Action::Report(Report::BudgetSpent));
                self.kill_all(now, stop, actions);
                return;
            }
            Haste::Orderly | Haste::Fast | Haste::Killed { .. } => {}
        }
        if stop.hold_until.is_some_and(|hold| now >= hold) {
            self.phase = Phase::Stopping(Stop {
                hold_until: None,
                ..stop
            });
            self.advance_stop(now, actions);
        }
        for unit in (0..self.states.len()).rev() {
            if let State::Stopping(rung) = self.states[unit]
                && now >= rung.until
            {
                self.climb(now, unit, rung, stop.end, actions);
            }
        }
    }

    fn climb(&mut self, now: Duration, unit: UnitIndex, rung: Rung, end: Duration, actions: &mut Vec<Action>) {
        match rung.sent {
            Signal::Kill => {
                self.give_up(unit, actions);
                self.advance_stop(now, actions);
            }
            Signal::Term => self.send(now, unit, Signal::Kill, now + KILL_GRACE, actions),
            _ => self.send(now, unit, Signal::Term, (now + TERM_GRACE).min(end), actions),
        }
    }

    fn give_up(&mut self, unit: UnitIndex, actions: &mut Vec<Action>) {
        if self.states[unit].is_alive() {
            actions.push(Action::Report(Report::GivenUp { unit }));
            self.states[unit] = State::Gone;
        }
    }
}
