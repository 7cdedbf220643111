//! What services write, in portions: every line that goes out is a record, and nothing depends on how the bytes came.  The first byte chooses
//! the format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_init::clock::Timestamp;
use qclock_init::logs::{Decoder, Format};

const FORMATS: [Format; 9] = [
    Format::Plain,
    Format::Json,
    Format::ApacheAccess,
    Format::ApacheError,
    Format::PhpFpm,
    Format::Keycloak,
    Format::Mariadb,
    Format::Mysql,
    Format::Postgresql,
];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    // `0` is the first, so that seeds can be read.
    let format = FORMATS[usize::from(choice.wrapping_sub(b'0')) % FORMATS.len()];
    let whole = decode(format, [bytes]);
    assert_eq!(whole, decode(format, bytes.chunks(7)));
    assert!(whole.is_empty() || whole.ends_with(b"}\n"));
    for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        // What an application writes as JSON is passed on with its own fields in its own order.
        let passed_on = matches!(format, Format::Json | Format::PhpFpm);
        assert!(line.starts_with(b"{\"@timestamp\":\"") || passed_on);
        assert!(line.iter().all(|byte| *byte >= b' '));
        let record: serde_json::Value = serde_json::from_slice(line).expect("a record is JSON");
        assert!(
            record["@timestamp"].is_string()
                && (record.get("service.name").is_some() || record.get("service").is_some())
        );
    }
});

fn decode<'a>(format: Format, portions: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut to = Vec::new();
    let Some(now) = Timestamp::from_microseconds(0) else {
        return to;
    };
    let mut decoder = Decoder::new(format, "service", "stderr", 7);
    for portion in portions {
        decoder.feed(portion, now, &mut to);
    }
    decoder.finish(now, &mut to);
    to
}
