//! Every parser of Debian's formats meets damaged bytes in each test run: it may refuse them or not, but it must return,
//! keep its bounds, and never yield a path that leads out.
//!
//! `QCLOCK_TEST_SEED` repeats a run, `QCLOCK_TEST_FULL` makes it longer; `fuzz/` looks deeper.

use std::io;
use std::time::{Duration, SystemTime};

use qclock_testkit::damage::damage;

use crate::deb_builder::{Compression, Deb, Header, pax};
use qclock_packages::deb::{
    Archive, ArchiveError, Entry, EntryKind, Limits, Package, Release, Version, parse_relations, read_index,
};

#[test]
fn damaged_packages_keep_to_the_bounds() {
    let long = format!("{}\0", "l".repeat(150));
    let record = [pax("path", "usr/share/pax"), pax("mtime", "12")].concat();
    let seeds = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd].map(|compression| {
        let deb = Deb::new()
            .control_file("postinst", b"#!/bin/sh\n")
            .control_file("conffiles", b"/etc/x\n");
        let deb = deb
            .compression(compression)
            .directory("./usr/")
            .file("./usr/a", &[b'a'; 600]);
        let deb = deb.entry(Header::link(b'1', "./usr/b", "./usr/a"), b"");
        let deb = deb.entry(Header::link(b'2', "./usr/c", "/etc"), b"");
        let deb = deb
            .entry(Header::new(b'L', "././@LongLink", long.len() as u64), long.as_bytes())
            .file("./short", b"s");
        deb.entry(Header::new(b'x', "./pax", record.len() as u64), &record)
            .file("./p", b"p")
            .build()
    });
    let limits = Limits {
        control: 1 << 16,
        data: 1 << 18,
        entries: 100,
        path: 200,
    };
    let mut opened = 0;
    let rounds = damage(&seeds, 4000, |bytes| {
        let Ok(archive) = Archive::open_within(bytes, limits) else {
            return;
        };
        opened += 1;
        let mut total = 0;
        let _ = archive.for_each_entry(|entry: Entry, content: &mut dyn io::Read| {
            assert_relative(&entry.path);
            if let EntryKind::Hardlink(target) = &entry.kind {
                assert_relative(target);
            }
            total += io::copy(content, &mut io::sink()).unwrap_or(0);
            assert!(total <= limits.data);
            Ok::<_, ArchiveError>(())
        });
    });
    assert!(
        opened * 50 > rounds,
        "the damage is too great to reach the inner parsers: {opened}"
    );
}

fn assert_relative(path: &str) {
    assert!(!path.is_empty() && !path.contains('\0'), "{path:?}");
    assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path:?}");
}

#[test]
fn damaged_indexes_and_control_files_are_read_or_refused() {
    let digest = "6b47f9b4b5a1c5bd1c2d2b9a1a9b1ff1dd7b0c4a0f4b8e3d7a6c5b4a39281706";
    let stanza = |name: &str| {
        format!(
            "Package: {name}\nSource: {name}-src (1:1.0-1)\nVersion: 1:2.0~rc1-1+b2\nArchitecture: amd64\n\
             Multi-Arch: same\nPriority: optional\nDepends: libc6 (>= 2.36), a:any | b (<< 3~),\n c (= 1)\n\
             Provides: x (= 5), y\nBreaks: old (<= 1)\nDescription: text\n more\n .\nFilename: pool/{name}.deb\n\
             Size: 12345\nSHA256: {digest}\n\n"
        )
    };
    let seed = (stanza("first") + &stanza("second")).into_bytes();
    let mut read = 0;
    let rounds = damage(&[seed], 6000, |bytes| {
        read += u64::from(read_index(bytes).is_ok_and(|packages| !packages.is_empty()));
        let text = String::from_utf8_lossy(bytes);
        let first = text.split("\n\n").next().unwrap();
        let _ = Package::from_control(first);
        for line in text.lines() {
            let value = line.split_once(": ").map_or(line, |(_, value)| value);
            if let Ok(version) = value.parse::<Version>() {
                assert_eq!(version.as_str(), value);
            }
            for relation in parse_relations(value).into_iter().flatten().flatten() {
                assert_eq!(parse_relations(&relation.to_string()).unwrap(), [[relation]]);
            }
        }
    });
    assert!(read * 100 > rounds, "the damage is too great: {read}");
}

#[test]
fn damaged_release_files_are_read_or_refused() {
    let digest = "6b47f9b4b5a1c5bd1c2d2b9a1a9b1ff1dd7b0c4a0f4b8e3d7a6c5b4a39281706";
    let seed = format!(
        "Origin: Debian\nSuite: stable\nCodename: bookworm\nDate: Sat, 06 Sep 2025 10:07:04 UTC\n\
         Valid-Until: Sat, 13 Sep 2025 10:07:04 UTC\nAcquire-By-Hash: yes\nComponents: main\nSHA256:\n {digest} 12 main/a\n \
         {digest}   345 main/binary-amd64/Packages.xz\n"
    );
    let mut read = 0;
    let rounds = damage(&[seed.into_bytes()], 6000, |bytes| {
        let Ok(release) = Release::parse(&String::from_utf8_lossy(bytes)) else {
            return;
        };
        read += 1;
        let _ = release.check_validity(SystemTime::UNIX_EPOCH + Duration::from_secs(1_757_200_000));
        assert!(
            release
                .sha256
                .keys()
                .all(|path| path.split('/').all(|part| !matches!(part, "" | "." | "..")))
        );
    });
    assert!(read * 100 > rounds, "the damage is too great: {read}");
}
