//! Clear-signed messages: nothing is accepted by an empty ring of keys.
#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use qclock_trust::{Keyring, verify_inrelease};

fuzz_target!(|bytes: &[u8]| {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000);
    assert!(verify_inrelease(bytes, &Keyring::default(), now).is_err());
});
