//! Keycloak's standard error, in portions: every line that goes out is a record, and nothing grows without a bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_init::clock::Timestamp;
use qclock_init::logs::{Decoder, Format};

fuzz_target!(|bytes: &[u8]| {
    let Some(now) = Timestamp::from_microseconds(0) else { return };
    let mut whole = Vec::new();
    let mut decoder = Decoder::new(Format::Keycloak, "keycloak", "stderr", 7);
    decoder.feed(bytes, now, &mut whole);
    decoder.finish(now, &mut whole);
    let mut portions = Vec::new();
    let mut decoder = Decoder::new(Format::Keycloak, "keycloak", "stderr", 7);
    for portion in bytes.chunks(7) {
        decoder.feed(portion, now, &mut portions);
    }
    decoder.finish(now, &mut portions);
    assert_eq!(whole, portions);
    assert!(whole.is_empty() || whole.ends_with(b"}\n"));
    for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        assert!(line.starts_with(b"{\"@timestamp\":\""));
        assert!(line.iter().all(|byte| *byte >= b' '));
    }
});
