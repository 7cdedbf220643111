//! What the supervisor is given: the units in their order, and the limits.

use std::time::Duration;

use crate::configuration::Restart;
use crate::signal::Signal;

#[derive(Debug, Clone)]
pub struct Plan {
    /// In the order of their start.
    pub units: Vec<Unit>,
    /// All of a stop happens within it; at its end everything is killed.
    pub stop_budget: Duration,
    /// Between the request to stop and the first signal.
    pub stop_delay: Duration,
    /// Spreads restarts, so that many containers do not come back in step.
    pub seed: u64,
}

#[derive(Debug, Clone)]
pub struct Unit {
    pub name: String,
    /// Runs to its end before the next unit starts, instead of staying.
    pub task: bool,
    /// Its unexpected exit ends everything.
    pub essential: bool,
    pub stop_signal: Signal,
    pub stop_grace: Duration,
    pub reload_signal: Option<Signal>,
    /// How long it may take until its probe answers; None: it is ready when it is started.
    pub ready_within: Option<Duration>,
    pub restart: Option<Restart>,
}
