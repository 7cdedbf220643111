//! Waiting for a condition, never for a time.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long to pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks until `look` answers `Ok`, and returns its value and how long it took.  After `deadline` the error tells what was seen last,
/// because "timed out" alone helps nobody.
pub fn wait_for<T, E: Debug>(
    what: &str,
    deadline: Duration,
    mut look: impl FnMut() -> Result<T, E>,
) -> Result<(T, Duration)> {
    let start = Instant::now();
    loop {
        match look() {
            Ok(value) => return Ok((value, start.elapsed())),
            Err(last) if start.elapsed() >= deadline => {
                bail!("{what}: not within {deadline:?}; last seen: {last:?}")
            }
            Err(_) => pause(PAUSE),
        }
    }
}

/// The one place where tests pause.
#[expect(clippy::disallowed_methods, reason = "the pause between two looks at a condition")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
