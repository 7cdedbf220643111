//! The one place that reads the clock.

use std::time::Instant;

use jiff::{Timestamp, Unit};

/// A moment, on the wall clock for people and on the steady clock for differences.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Coordinated universal time.
    pub wall: Timestamp,
    /// Never goes back.
    pub steady: Instant,
}

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self {
            wall: Timestamp::now(),
            steady: Instant::now(),
        }
    }
}

/// RFC 3339 in UTC with milliseconds, `2026-11-22T10:00:00.000Z`.
pub fn rfc3339(time: Timestamp) -> String {
    let rounded = time.round(Unit::Millisecond).unwrap_or(time);
    format!("{rounded:.3}")
}

/// `10:00:00` in UTC.
pub fn time_of_day(time: Timestamp) -> String {
    time.strftime("%H:%M:%S").to_string()
}

/// Whole seconds from `earlier` to `later`, none when the clock was set back.
pub fn seconds_between(earlier: Timestamp, later: Timestamp) -> u64 {
    u64::try_from(later.as_second().saturating_sub(earlier.as_second())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_milliseconds() {
        let time: Timestamp = "2026-11-22T10:00:00.1239Z".parse().unwrap();
        assert_eq!(
            (rfc3339(time), time_of_day(time)),
            ("2026-11-22T10:00:00.124Z".to_owned(), "10:00:00".to_owned())
        );
        let later: Timestamp = "2026-11-22T10:01:00Z".parse().unwrap();
        assert_eq!((seconds_between(time, later), seconds_between(later, time)), (60, 0));
    }
}
