//! RPM packages and single headers: index, store, files, scriptlets.
#![no_main]

use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use qclock_packages::rpm::{Container, Files, HEADER_MAGIC, Header, Part, scriptlets};
use qclock_trust::{KeyAge, Keyring, verify_rpm};

fn examine(header: &Header<'_>) {
    for entry in header.entries() {
        assert!(header.entry(entry.tag) == Some(entry));
        assert!(!header.data(entry).is_empty());
        let _ = (
            header.numbers(entry.tag),
            header.texts(entry.tag),
            header.binary(entry.tag),
        );
    }
    for file in Files::read(header).map(|files| files.list).unwrap_or_default() {
        assert!(!file.path.starts_with('/') && !file.path.split('/').any(|part| part == ".."));
    }
    for scriptlet in scriptlets(header).unwrap_or_default() {
        assert_eq!(scriptlet.digest().len(), 64);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let alone = [&HEADER_MAGIC[..], bytes].concat();
    for part in [Part::Main, Part::Signature] {
        if let Ok((header, rest)) = Header::read(&alone, part) {
            assert_eq!(header.bytes().len() + rest.len(), alone.len());
            examine(&header);
        }
    }
    if let Ok(container) = Container::read(bytes) {
        examine(&container.header);
    }
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000);
    assert!(verify_rpm(bytes.to_vec(), &Keyring::default(), now, KeyAge::ValidNow).is_err());
});
