//! How often a key that is not known may be looked for at the provider: twice at once, and once more as time passes.
//!
//! A key that was rotated a moment after the last look is found at once; whoever sends tokens with invented keys makes us ask no more than
//! twice and then every few seconds.

use std::time::{Duration, Instant};

/// How many at once.
const BURST: u32 = 2;
/// From then on, one in this time.
const REFILL: Duration = Duration::from_secs(5);

/// The looks of one kind.
#[derive(Debug, Default)]
pub(super) struct Looks {
    used: u32,
    since: Option<Instant>,
}

impl Looks {
    /// Counts one; false when it is one too many.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let since = self.since.unwrap_or(now);
        let passed = now.saturating_duration_since(since);
        let refilled = u32::try_from(passed.as_millis() / REFILL.as_millis()).unwrap_or(u32::MAX);
        self.used = self.used.saturating_sub(refilled);
        self.since = Some(if self.used == 0 { now } else { since + REFILL * refilled });
        let allowed = self.used < BURST;
        self.used += u32::from(allowed);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_at_once_and_then_one_after_the_other() {
        let (mut looks, now) = (Looks::default(), Instant::now());
        assert!(looks.take(now) && looks.take(now) && !looks.take(now));
        assert!(!looks.take(now + REFILL.mul_f32(0.99)));
        assert!(looks.take(now + REFILL) && !looks.take(now + REFILL));
        let later = now + REFILL * 1000;
        assert!(looks.take(later) && looks.take(later) && !looks.take(later));
    }

    #[test]
    fn whoever_asks_all_the_time_gets_no_more_than_that() {
        let (mut looks, now) = (Looks::default(), Instant::now());
        let allowed = (0..6000)
            .filter(|step| looks.take(now + Duration::from_millis(10 * step)))
            .count();
        assert_eq!(allowed, 2 + 11);
    }
}
