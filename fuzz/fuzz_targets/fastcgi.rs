//! FastCGI records, whole and in portions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_probe::fastcgi::{Assembler, CodecError, Limits, Progress, parse_response};

const LIMITS: Limits = Limits {
    stdout_bytes: 4096,
    stderr_bytes: 256,
};

fuzz_target!(|bytes: &[u8]| {
    let whole = parse_response(bytes, LIMITS);
    if let Ok(response) = &whole {
        assert!(response.body.len() <= LIMITS.stdout_bytes && response.stderr.len() <= LIMITS.stderr_bytes);
    }
    let mut assembler = Assembler::new(LIMITS);
    for portion in bytes.chunks(7) {
        match assembler.feed(portion) {
            Ok(Progress::NeedMore) => {}
            Ok(Progress::Complete) => return assert_eq!(assembler.finish(), whole),
            Err(error) => return assert_eq!(Err(error), whole),
        }
    }
    assert_eq!(whole, Err(CodecError::Truncated));
});
