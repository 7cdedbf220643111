//! The only place that reads the clock.

use std::time::SystemTime;

pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
