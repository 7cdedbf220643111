//! How often one client may begin to sign in: a bucket for each address, so that nobody can lock out others.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many at once.
const BURST: u32 = 30;
/// From then on, one in this time.
const REFILL: Duration = Duration::from_secs(2);
/// How many addresses are remembered.
const MOST: usize = 4096;

/// What each address has used.
#[derive(Debug, Default)]
pub struct Throttle {
    used: Mutex<BTreeMap<IpAddr, (u32, Instant)>>,
}

impl Throttle {
    /// Counts one; false when it is one too many.
    pub fn allows(&self, client: IpAddr, now: Instant) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MOST && !used.contains_key(&client) {
            used.retain(|_, (count, since)| left(*count, *since, now).0 > 0);
            // So many addresses at once: better to let one through than to remember without bound.
            if used.len() >= MOST {
                return true;
            }
        }
        let (count, since) = used
            .get(&client)
            .map_or((0, now), |(count, since)| left(*count, *since, now));
        let allowed = count < BURST;
        used.insert(client, (if allowed { count + 1 } else { count }, since));
        allowed
    }
}

/// What is still counted of `count`, and since when.
fn left(count: u32, since: Instant, now: Instant) -> (u32, Instant) {
    let passed = now.saturating_duration_since(since);
    let refilled = u32::try_from(passed.as_millis() / REFILL.as_millis()).unwrap_or(u32::MAX);
    match count.checked_sub(refilled) {
        Some(count) if count > 0 => (count, since + REFILL * refilled),
        _ => (0, now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_is_slowed_down_and_another_is_not() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let allowed = (0..BURST * 2).filter(|_| throttle.allows(one, now)).count();
        assert_eq!(allowed, BURST as usize);
        assert!(throttle.allows(other, now));
        assert!(!throttle.allows(one, now + REFILL / 2));
        assert!(throttle.allows(one, now + REFILL) && !throttle.allows(one, now + REFILL));
    }

    #[test]
    fn the_memory_is_bounded() {
        let (throttle, now) = (Throttle::default(), Instant::now());
        for number in 0..10_000_u32 {
            assert!(throttle.allows(IpAddr::from(number.to_be_bytes()), now));
        }
        assert!(throttle.used.lock().unwrap().len() <= MOST);
    }
}
