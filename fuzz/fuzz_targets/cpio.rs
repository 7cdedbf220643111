//! A payload under a header that is good: cpio, links, digests.
#![no_main]

use std::io;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use qclock_packages::rpm::{Archive, ArchiveError, Container, EntryKind, Limits};
use qclock_testkit::rpm::{Compressor, File, Rpm};

/// A package up to its payload, which is not compressed.
fn front() -> &'static [u8] {
    static FRONT: OnceLock<Vec<u8>> = OnceLock::new();
    FRONT.get_or_init(|| {
        let linked = |path| File {
            inode: 5,
            ..File::new(path, b"linked")
        };
        let files = vec![
            File::directory("/d"),
            File::new("/d/a", b"content"),
            linked("/d/b"),
            linked("/d/c"),
            File::symlink("/d/l", "a"),
        ];
        let package = Rpm {
            compressor: Compressor::None,
            ..Rpm::new("sample", files)
        };
        let mut bytes = package.build();
        let payload = Container::read(&bytes).expect("the package is good").payload.len();
        bytes.truncate(bytes.len() - payload);
        bytes
    })
}

fuzz_target!(|payload: &[u8]| {
    let bytes = [front(), payload].concat();
    let archive = Archive::open_within(&bytes, Limits { payload: 1 << 20 }).expect("the header is good");
    let mut seen = Vec::new();
    let walked = archive.for_each_entry(|entry, content| {
        let length = io::copy(content, &mut io::sink()).unwrap_or_default();
        assert!(length <= entry.size);
        if let EntryKind::Hardlink(target) = &entry.kind {
            assert!(seen.contains(target));
        }
        seen.push(entry.path);
        Ok::<_, ArchiveError>(())
    });
    assert!(walked.is_err() || seen.len() == 5);
});
