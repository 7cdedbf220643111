//! What PID 1 decides, without doing any of it: `step(event) -> actions`, time being an argument.
//!
//! Units are started one after the other, each when the one before it is ready, and stopped in the reverse order, each when
//! the one after it is gone: the front end drains while what stands behind it still answers.

mod plan;
mod report;
mod start;
mod stop;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

pub use plan::{Plan, Unit};
pub use report::{Level, Report, StopCause};

use crate::signal::Signal;

/// Position in [`Plan::units`].
pub type UnitIndex = usize;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Begin,
    /// Answers [`Action::Start`].
    Started {
        unit: UnitIndex,
    },
    /// Answers [`Action::Start`]; the code is what a shell would give (126, 127).
    StartFailed {
        unit: UnitIndex,
        code: u8,
        reason: String,
    },
    /// Answers [`Action::Probe`].
    ProbeAnswered {
        unit: UnitIndex,
        answer: Result<(), String>,
    },
    /// The unit's first process has ended; its descendants may live on.
    Exited {
        unit: UnitIndex,
        outcome: Outcome,
    },
    StopRequested,
    ReloadRequested,
    /// A deadline may have passed.
    Tick,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Start(UnitIndex),
    Probe(UnitIndex),
    /// To the unit's first process; for a task, and for KILL, to its whole process group.
    Signal {
        unit: UnitIndex,
        signal: Signal,
    },
    /// KILL whatever the unit's first process left behind in its group.
    Sweep(UnitIndex),
    Publish(Stage),
    Report(Report),
    /// Nothing is left to do; the process ends with this status.
    Exit(u8),
}

/// What `qclock-init health` is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Starting(UnitIndex),
    Ready,
    Stopping,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Code(u8),
    Signal(u8),
}

impl Outcome {
    /// As a shell gives it: 128 + n for signal n.
    pub fn status(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => signal.saturating_add(128),
        }
    }
}

#[derive(Debug)]
pub struct Supervisor {
    plan: Plan,
    phase: Phase,
    states: Vec<State>,
    /// When each unit was restarted, the latest last.
    restarts: Vec<VecDeque<Duration>>,
    random: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting { unit: UnitIndex },
    Running,
    Stopping(stop::Stop),
    Done,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Idle,
    /// Between [`Action::Start`] and its answer.
    Launching,
    Starting(start::Wait),
    Running {
        since: Duration,
    },
    Backoff {
        until: Duration,
    },
    Stopping(stop::Rung),
    /// The first process died by itself; its descendants are left alone until it is this unit's turn to stop, because the
    /// unit in front of it may still be draining through them.
    Orphaned,
    Gone,
}

impl State {
    /// There is a first process.
    fn is_alive(&self) -> bool {
        matches!(
            self,
            Self::Launching | Self::Starting(_) | Self::Running { .. } | Self::Stopping(_)
        )
    }
}

impl Supervisor {
    pub fn new(plan: Plan) -> Self {
        Self {
            phase: Phase::Starting { unit: 0 },
            states: vec![State::Idle; plan.units.len()],
            restarts: vec![VecDeque::new(); plan.units.len()],
            random: plan.seed | 1,
            plan,
        }
    }

    /// `now` is monotonic and counts from an arbitrary moment.
    pub fn step(&mut self, now: Duration, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.phase == Phase::Done {
            return actions;
        }
        match event {
            Event::Begin => self.advance_start(&mut actions),
            Event::Started { unit } => self.started(now, unit, &mut actions),
            Event::StartFailed { unit, code, reason } => self.start_failed(now, unit, code, reason, &mut actions),
            Event::ProbeAnswered { unit, answer } => self.probe_answered(now, unit, answer, &mut actions),
            Event::Exited { unit, outcome } => self.exited(now, unit, outcome, &mut actions),
            Event::StopRequested => self.stop_requested(now, &mut actions),
            Event::ReloadRequested => self.reload(&mut actions),
            Event::Tick => {}
        }
        self.pass_start_time(now, &mut actions);
        self.pass_stop_time(now, &mut actions);
        actions
    }

    /// When [`Event::Tick`] is due at the latest.
    pub fn wake_at(&self) -> Option<Duration> {
        let of_units = self.states.iter().filter_map(|state| match state {
            State::Starting(wait) => wait.wake_at(),
            State::Backoff { until } => Some(*until),
            State::Stopping(rung) => Some(rung.until),
            State::Idle | State::Launching | State::Running { .. } | State::Orphaned | State::Gone => None,
        });
        let of_stop = match self.phase {
            Phase::Stopping(stop) => Some(stop.wake_at()),
            Phase::Starting { .. } | Phase::Running | Phase::Done => None,
        };
        of_units.chain(of_stop).min()
    }

    fn exited(&mut self, now: Duration, unit: UnitIndex, outcome: Outcome, actions: &mut Vec<Action>) {
        match (&self.phase, &self.states[unit]) {
            (Phase::Stopping(_), State::Stopping(rung)) => {
                let after = now.saturating_sub(rung.since);
                actions.push(Action::Report(Report::Stopped { unit, outcome, after }));
                actions.push(Action::Sweep(unit));
                self.states[unit] = State::Gone;
                self.advance_stop(now, actions);
            }
            (Phase::Stopping(_), _) => {
                actions.push(Action::Report(Report::ExitedWhileStopping { unit, outcome }));
                self.states[unit] = State::Orphaned;
                self.advance_stop(now, actions);
            }
            _ => self.lost(now, unit, outcome, actions),
        }
    }

    /// A unit ended that nobody had asked to.
    fn lost(&mut self, now: Duration, unit: UnitIndex, outcome: Outcome, actions: &mut Vec<Action>) {
        let (task, essential) = (self.plan.units[unit].task, self.plan.units[unit].essential);
        if task && outcome == Outcome::Code(0) {
            self.states[unit] = State::Gone;
            actions.push(Action::Report(Report::TaskDone { unit }));
            self.advance_start(actions);
        } else if let Some(delay) = self.next_restart(now, unit) {
            actions.push(Action::Report(Report::Restarting { unit, outcome, delay }));
            actions.push(Action::Sweep(unit));
            self.states[unit] = State::Backoff { until: now + delay };
        } else if essential {
            let before_ready = !matches!(self.states[unit], State::Running { .. });
            actions.push(Action::Report(Report::EssentialExited {
                unit,
                outcome,
                before_ready,
            }));
            self.states[unit] = State::Orphaned;
            // A program that ends by itself with 0 has not done what it was started for either.
            let status = outcome.status().max(1);
            self.begin_stop(now, StopCause::Lost { unit }, status, actions);
        } else {
            actions.push(Action::Report(Report::OptionalExited { unit, outcome }));
            actions.push(Action::Sweep(unit));
            self.states[unit] = State::Gone;
            self.advance_start(actions);
        }
    }

    fn reload(&mut self, actions: &mut Vec<Action>) {
        if matches!(self.phase, Phase::Stopping(_)) {
            return;
        }
        for (unit, declared) in self.plan.units.iter().enumerate() {
            if let (Some(signal), State::Running { .. }) = (declared.reload_signal, &self.states[unit]) {
                actions.push(Action::Report(Report::Reloading { unit, signal }));
                actions.push(Action::Signal { unit, signal });
            }
        }
    }
}
