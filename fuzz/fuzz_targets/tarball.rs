//! A release as its project publishes it, in whatever compression, all content read.
#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use qclock_packages::tarball::{Entry, EntryKind, Limits, TarballError, for_each_entry};

const LIMITS: Limits = Limits {
    size: 4 << 20,
    entries: 2000,
    path: 500,
};

fuzz_target!(|bytes: &[u8]| {
    let _ = for_each_entry(bytes, LIMITS, |entry: Entry, content: &mut dyn Read| {
        assert_relative(&entry.path);
        if let EntryKind::Hardlink(target) = &entry.kind {
            assert_relative(target);
        }
        let read = io::copy(content, &mut io::sink());
        assert!(read.is_err() || read.is_ok_and(|count| count == entry.size));
        Ok::<_, TarballError>(())
    });
});

fn assert_relative(path: &str) {
    assert!(!path.is_empty() && path.len() <= LIMITS.path && !path.contains('\0'));
    assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")));
}
