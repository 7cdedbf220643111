//! Release files.
#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use qclock_packages::deb::Release;

fuzz_target!(|text: &str| {
    if let Ok(release) = Release::parse(text) {
        let _ = release.check_validity(SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000));
        assert!(release.sha256.values().all(|(digest, _)| digest.len() == 64));
    }
});
