//! What the supervisor tells about itself.

use std::time::Duration;

use super::{Outcome, Plan, UnitIndex};
use crate::signal::Signal;

/// The words of syslog(3), as they stand in `log.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Notice,
    Warning,
    Error,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopCause {
    Requested,
    Lost { unit: UnitIndex },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    Started {
        unit: UnitIndex,
    },
    CannotStart {
        unit: UnitIndex,
        reason: String,
    },
    Ready {
        unit: UnitIndex,
        after: Duration,
    },
    NotReadyInTime {
        unit: UnitIndex,
        reason: String,
    },
    AllReady,
    TaskDone {
        unit: UnitIndex,
    },
    Restarting {
        unit: UnitIndex,
        outcome: Outcome,
        delay: Duration,
    },
    EssentialExited {
        unit: UnitIndex,
        outcome: Outcome,
        before_ready: bool,
    },
    OptionalExited {
        unit: UnitIndex,
        outcome: Outcome,
    },
    ExitedWhileStopping {
        unit: UnitIndex,
        outcome: Outcome,
    },
    Reloading {
        unit: UnitIndex,
        signal: Signal,
    },
    Stopping {
        cause: StopCause,
        status: u8,
    },
    Signalled {
        unit: UnitIndex,
        signal: Signal,
    },
    Hurrying,
    BudgetSpent,
    Stopped {
        unit: UnitIndex,
        outcome: Outcome,
        after: Duration,
    },
    GivenUp {
        unit: UnitIndex,
    },
    Ended {
        status: u8,
    },
}

impl Report {
    pub fn level(&self) -> Level {
        match self {
            Self::Started { .. } | Self::Signalled { .. } | Self::TaskDone { .. } => Level::Info,
            Self::Ready { .. } | Self::AllReady | Self::Reloading { .. } | Self::Stopped { .. } => Level::Notice,
            Self::Stopping { cause, .. } => match cause {
                StopCause::Requested => Level::Notice,
                StopCause::Lost { .. } => Level::Error,
            },
            Self::Ended { status } => {
                if *status == 0 {
                    Level::Notice
                } else {
                    Level::Error
                }
            }
            Self::Restarting { .. }
            | Self::OptionalExited { .. }
            | Self::ExitedWhileStopping { .. }
            | Self::Hurrying => Level::Warning,
            Self::CannotStart { .. }
            | Self::NotReadyInTime { .. }
            | Self::EssentialExited { .. }
            | Self::BudgetSpent
            | Self::GivenUp { .. } => Level::Error,
        }
    }

    /// `event.action`.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Started { .. } => "service-started",
            Self::CannotStart { .. } => "service-not-started",
            Self::Ready { .. } => "service-ready",
            Self::NotReadyInTime { .. } => "service-not-ready",
            Self::AllReady => "container-ready",
            Self::TaskDone { .. } => "task-done",
            Self::Restarting { .. } => "service-restarting",
            Self::EssentialExited { .. } | Self::OptionalExited { .. } | Self::ExitedWhileStopping { .. } => {
                "service-exited"
            }
            Self::Reloading { .. } => "service-reloading",
            Self::Stopping { .. } => "container-stopping",
            Self::Signalled { .. } => "service-signalled",
            Self::Hurrying => "container-hurrying",
            Self::BudgetSpent => "container-stop-budget-spent",
            Self::Stopped { .. } => "service-stopped",
            Self::GivenUp { .. } => "service-given-up",
            Self::Ended { .. } => "container-ended",
        }
    }

    pub fn message(&self, plan: &Plan) -> String {
        let name = |unit: &UnitIndex| plan.units[*unit].name.as_str();
        match self {
            Self::Started { unit } => format!("started `{}`", name(unit)),
            Self::CannotStart { unit, reason } => format!("cannot start `{}`: {reason}", name(unit)),
            Self::Ready { unit, after } => format!("`{}` is ready after {} ms", name(unit), after.as_millis()),
            Self::NotReadyInTime { unit, reason } => format!("`{}` was not ready in time: {reason}", name(unit)),
            Self::AllReady => "everything is ready".to_owned(),
            Self::TaskDone { unit } => format!("`{}` is done", name(unit)),
            Self::Restarting { unit, outcome, delay } => {
                format!(
                    "`{}` {}; starting it again in {} ms",
                    name(unit),
                    told(*outcome),
                    delay.as_millis()
                )
            }
            Self::EssentialExited {
                unit,
                outcome,
                before_ready,
            } => {
                let when = if *before_ready { " before it was ready" } else { "" };
                format!("`{}` {}{when}", name(unit), told(*outcome))
            }
            Self::OptionalExited { unit, outcome } => {
                format!(
                    "`{}` {}; it is not essential, the others go on",
                    name(unit),
                    told(*outcome)
                )
            }
            Self::ExitedWhileStopping { unit, outcome } => {
                format!("`{}` {} before it was asked to stop", name(unit), told(*outcome))
            }
            Self::Reloading { unit, signal } => format!("reloading `{}` with {}", name(unit), signal.name()),
            Self::Stopping { cause, status } => match cause {
                StopCause::Requested => "stopping on request".to_owned(),
                StopCause::Lost { unit } => {
                    format!("stopping because of `{}`, to end with status {status}", name(unit))
                }
            },
            Self::Signalled { unit, signal } => format!("sent {} to `{}`", signal.name(), name(unit)),
            Self::Hurrying => "asked to stop a second time: stopping fast, requests may be cut".to_owned(),
            Self::BudgetSpent => "the time for stopping is spent: killing what is left".to_owned(),
            Self::Stopped { unit, outcome, after } => {
                format!("`{}` {} after {} ms", name(unit), told(*outcome), after.as_millis())
            }
            Self::GivenUp { unit } => format!("`{}` does not end even when killed; leaving it", name(unit)),
            Self::Ended { status } => format!("ending with status {status}"),
        }
    }

    pub fn unit(&self) -> Option<UnitIndex> {
        match self {
            Self::Started { unit }
            | Self::CannotStart { unit, .. }
            | Self::Ready { unit, .. }
            | Self::NotReadyInTime { unit, .. }
            | Self::TaskDone { unit }
            | Self::Restarting { unit, .. }
            | Self::EssentialExited { unit, .. }
            | Self::OptionalExited { unit, .. }
            | Self::ExitedWhileStopping { unit, .. }
            | Self::Reloading { unit, .. }
            | Self::Signalled { unit, .. }
            | Self::Stopped { unit, .. }
            | Self::GivenUp { unit } => Some(*unit),
            Self::AllReady | Self::Stopping { .. } | Self::Hurrying | Self::BudgetSpent | Self::Ended { .. } => None,
        }
    }
}

fn told(outcome: Outcome) -> String {
    match outcome {
        Outcome::Code(code) => format!("exited with status {code}"),
        Outcome::Signal(signal) => format!("was ended by signal {signal}"),
    }
}
