//! A provider's keys: what is taken is a key that can verify, and can be looked up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_dashboard::sign_in::keys::Keys;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(keys) = Keys::parse(bytes) {
        let all = keys.set().keys().len();
        assert!(keys.candidates(None).count() <= all && keys.candidates(Some("k")).count() <= all);
    }
});
