//! What Apache, PHP-FPM and PHP answer when they are asked how they are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_probe::apache::ApacheStatus;
use qclock_probe::fpm::FpmStatus;
use qclock_probe::php::PhpAnswer;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(status) = ApacheStatus::parse(bytes) {
        let version = status.server_version.unwrap_or_default();
        assert!(!version.contains(char::is_control));
        let counts = status.scoreboard.map(|board| board.counts());
        let sum: u64 = counts.into_iter().flatten().map(|(_, count)| count).sum();
        assert!(sum <= bytes.len() as u64);
    }
    if let Ok(status) = FpmStatus::parse(bytes) {
        assert!(!status.pool.contains(char::is_control));
        let _ = status.max_children();
    }
    if let Ok(answer) = PhpAnswer::parse(bytes) {
        let shown = format!("{answer:?}");
        assert!(shown.len() < 64 * (bytes.len() + 64));
    }
});
