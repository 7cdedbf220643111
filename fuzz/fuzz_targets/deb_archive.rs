//! A whole `.deb`, all content read.
#![no_main]

use std::io::{self, Read};

use libfuzzer_sys::fuzz_target;
use qclock_packages::deb::{Archive, ArchiveError, Entry, EntryKind, Limits};

const LIMITS: Limits = Limits {
    control: 1 << 20,
    data: 4 << 20,
    entries: 2000,
    path: 500,
};

fuzz_target!(|bytes: &[u8]| {
    let Ok(archive) = Archive::open_within(bytes, LIMITS) else {
        return;
    };
    assert!(!archive.control().package.is_empty());
    let _ = archive.for_each_entry(|entry: Entry, content: &mut dyn Read| {
        assert_relative(&entry.path);
        if let EntryKind::Hardlink(target) = &entry.kind {
            assert_relative(target);
        }
        let read = io::copy(content, &mut io::sink());
        assert!(read.is_err() || read.is_ok_and(|count| count == entry.size));
        Ok::<_, ArchiveError>(())
    });
});

fn assert_relative(path: &str) {
    assert!(!path.is_empty() && path.len() <= LIMITS.path && !path.contains('\0'));
    assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")));
}
