//! `.deb` archives: what dpkg-deb makes is read, what is hostile or damaged is refused by name.

use std::path::Path;
use std::process::Command;

use crate::deb_builder::{Compression, Deb, Header, pax};
use qclock_packages::deb::{Archive, ArchiveError, Entry, EntryError, EntryKind, Limits};

/// Walks a package, reading all content.
fn walk(bytes: &[u8], limits: Limits) -> Result<Vec<(Entry, Vec<u8>)>, ArchiveError> {
    let archive = Archive::open_within(bytes, limits)?;
    let mut entries = Vec::new();
    archive.for_each_entry(|entry, content| {
        let mut bytes = Vec::new();
        // The archive's own error comes back whatever becomes of this one.
        let _ = content.read_to_end(&mut bytes);
        entries.push((entry, bytes));
        Ok::<_, ArchiveError>(())
    })?;
    Ok(entries)
}

fn refusal(deb: Deb) -> EntryError {
    match walk(&deb.build(), Limits::default()).unwrap_err() {
        ArchiveError::Entry { package, source, .. } => {
            assert_eq!(package, "sample");
            source
        }
        other => unreachable!("{other}"),
    }
}

#[test]
fn a_package_is_read_whatever_its_compression() {
    for compression in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let deb = Deb::new()
            .control_file("postinst", b"#!/bin/sh\n")
            .control_file("md5sums", b"00  usr/x\n");
        let deb = deb
            .control_file("conffiles", b"/etc/x\nremove-on-upgrade /etc/old\n")
            .control_file("shlibs", b"x");
        let deb = deb
            .compression(compression)
            .directory("./")
            .directory("./usr/")
            .file("./usr/x", b"content");
        let deb = deb
            .entry(Header::link(b'1', "./usr/y", "./usr/x"), b"")
            .file("usr/empty", b"");
        let bytes = deb
            .entry(Header::link(b'2', "./usr/z", "../../etc/shadow"), b"")
            .build();
        let archive = Archive::open(&bytes).unwrap();
        let control = archive.control();
        assert_eq!(control.package, "sample");
        assert!(control.stanza.starts_with("Package: sample\n") && control.stanza.ends_with("x\n"));
        assert_eq!(control.scripts["postinst"], b"#!/bin/sh\n");
        assert_eq!(control.conffiles, ["/etc/x"]);
        assert_eq!(control.md5sums.as_deref(), Some(&b"00  usr/x\n"[..]));
        assert_eq!(control.other.keys().collect::<Vec<_>>(), ["shlibs"]);
        let entries = walk(&bytes, Limits::default()).unwrap();
        let paths: Vec<_> = entries.iter().map(|(entry, _)| entry.path.as_str()).collect();
        assert_eq!(paths, ["usr", "usr/x", "usr/y", "usr/empty", "usr/z"]);
        assert_eq!(entries[1].1, b"content");
        assert_eq!(entries[1].0.mode, 0o644);
        assert_eq!(entries[1].0.user, "root");
        assert_eq!(entries[2].0.kind, EntryKind::Hardlink("usr/x".to_owned()));
        assert_eq!(entries[4].0.kind, EntryKind::Symlink("../../etc/shadow".to_owned()));
    }
}

#[test]
fn content_that_is_not_read_is_passed_over() {
    let bytes = Deb::new().file("./a", &[7; 5000]).file("./b", b"end").build();
    let mut seen = Vec::new();
    let visit = |entry: Entry, content: &mut dyn std::io::Read| {
        let mut two = [0; 2];
        content.read_exact(&mut two).unwrap();
        seen.push((entry.path, two));
        Ok::<_, ArchiveError>(())
    };
    Archive::open(&bytes).unwrap().for_each_entry(visit).unwrap();
    assert_eq!(seen, [("a".to_owned(), [7, 7]), ("b".to_owned(), *b"en")]);
}

#[test]
fn a_path_that_leads_out_of_the_package_is_refused() {
    for path in [
        "../etc/passwd",
        "./../x",
        "usr/../../x",
        "/etc/passwd",
        "./usr//x",
        "./usr/./x",
        "./usr/..",
        "./a\nb",
    ] {
        let error = refusal(Deb::new().file(path, b"x"));
        assert!(matches!(error, EntryError::Path { .. }), "{path:?}: {error}");
    }
    assert!(matches!(
        refusal(Deb::new().file("", b"")),
        EntryError::Path { reason: "empty" }
    ));
    assert!(matches!(refusal(Deb::new().file("./", b"")), EntryError::Path { .. }));
    for target in ["/etc/passwd", "../x", "a/../../x", ""] {
        let error = refusal(Deb::new().entry(Header::link(b'1', "./x", target), b""));
        assert!(matches!(error, EntryError::Path { .. }), "{target:?}: {error}");
    }
    let nul = Deb::new()
        .entry(Header::new(b'L', "././@LongLink", 3), b"a\0b")
        .file("./x", b"");
    assert!(matches!(refusal(nul), EntryError::Path { .. }));
    let nul = Deb::new()
        .entry(Header::new(b'x', "./pax", 12), b"12 path=a\0b\n")
        .file("./x", b"");
    assert!(matches!(refusal(nul), EntryError::Path { .. }));
}

#[test]
fn what_is_neither_file_directory_nor_link_is_refused() {
    for (kind, expected) in [
        (b'3', "device"),
        (b'4', "device"),
        (b'6', "fifo"),
        (b'S', "sparse"),
        (b'V', "0x56"),
    ] {
        let error = refusal(Deb::new().entry(Header::new(kind, "./dev/x", 0), b""));
        assert!(error.to_string().contains(expected), "{error}");
    }
    for (key, expected) in [
        ("GNU.sparse.major", "sparse"),
        ("SCHILY.xattr.security.capability", "attributes"),
    ] {
        let record = pax(key, "1");
        let deb = Deb::new()
            .entry(Header::new(b'x', "./pax", record.len() as u64), &record)
            .file("./x", b"");
        assert!(refusal(deb).to_string().contains(expected));
    }
}

#[test]
fn an_entry_cannot_reach_through_another_one() {
    let through = Deb::new()
        .entry(Header::link(b'2', "./usr/x", "/etc"), b"")
        .file("./usr/x/passwd", b"");
    assert!(matches!(refusal(through), EntryError::Below { link } if link == "usr/x"));
    let below_file = Deb::new().file("./usr/x", b"").file("./usr/x/y", b"");
    assert!(matches!(refusal(below_file), EntryError::Below { .. }));
    let forward = Deb::new().entry(Header::link(b'1', "./y", "./x"), b"").file("./x", b"");
    assert!(matches!(refusal(forward), EntryError::Hardlink { target } if target == "x"));
    let directory = Deb::new()
        .directory("./d/")
        .entry(Header::link(b'1', "./y", "./d"), b"");
    assert!(matches!(refusal(directory), EntryError::Hardlink { .. }));
    let content = Deb::new().entry(Header::new(b'5', "./d", 3), b"abc");
    assert!(matches!(refusal(content), EntryError::Content));
}

#[test]
fn long_names_are_read_in_both_ways_and_within_a_bound() {
    let long = format!("./{}/file", "x".repeat(200));
    let name = format!("{long}\0");
    let gnu = Deb::new().entry(Header::new(b'L', "././@LongLink", name.len() as u64), name.as_bytes());
    let record = [pax("path", &long), pax("mtime", "17.5"), pax("comment", "c")].concat();
    let posix = Deb::new().entry(Header::new(b'x', "./pax", record.len() as u64), &record);
    for deb in [gnu, posix] {
        let entries = walk(&deb.file("./short", b"abc").build(), Limits::default()).unwrap();
        assert_eq!(entries[0].0.path, long[2..]);
        assert_eq!(entries[0].1, b"abc");
    }
    let name = vec![b'x'; 5000];
    let deb = Deb::new()
        .entry(Header::new(b'L', "././@LongLink", name.len() as u64), &name)
        .file("./x", b"");
    assert!(matches!(refusal(deb), EntryError::Header { .. }));
    let record = pax("comment", &"x".repeat(70_000));
    let deb = Deb::new()
        .entry(Header::new(b'x', "./pax", record.len() as u64), &record)
        .file("./x", b"");
    assert!(matches!(refusal(deb), EntryError::Header { .. }));
}

#[test]
fn a_header_that_is_damaged_is_refused() {
    let damaged =
        |change: fn(&mut [u8; 512])| refusal(Deb::new().raw_entry(Header::new(b'0', "./x", 0).bytes_with(change)));
    assert!(matches!(damaged(|block| block[0] ^= 1), EntryError::Header { .. }));
    let with_sum =
        |change: fn(&mut [u8; 512])| refusal(Deb::new().raw_entry(Header::new(b'0', "./x", 0).signed_with(change)));
    assert!(matches!(
        with_sum(|block| block[124] = b'9'),
        EntryError::Number { field: "size" }
    ));
    assert!(matches!(
        with_sum(|block| block[124..136].fill(0xff)),
        EntryError::Number { field: "size" }
    ));
    assert!(matches!(
        with_sum(|block| block[2] = 0xff),
        EntryError::Path { reason: "not UTF-8" }
    ));
}

#[test]
fn bounds_are_kept() {
    let deb = || {
        Deb::new()
            .compression(Compression::Xz)
            .file("./zeros", &vec![0; 1 << 20])
            .file("./x", b"")
    };
    let limits = Limits {
        data: 1 << 20,
        ..Limits::default()
    };
    let error = walk(&deb().build(), limits).unwrap_err();
    assert!(
        matches!(&error, ArchiveError::TooLarge { package, limit, .. } if package == "sample" && *limit == 1 << 20)
    );
    let limits = Limits {
        control: 1000,
        ..Limits::default()
    };
    assert!(matches!(
        walk(&deb().build(), limits),
        Err(ArchiveError::TooLarge { limit: 1000, .. })
    ));
    let limits = Limits {
        entries: 1,
        ..Limits::default()
    };
    let error = walk(&deb().build(), limits).unwrap_err();
    assert!(
        matches!(
            error,
            ArchiveError::Entry {
                source: EntryError::TooMany { limit: 1 },
                ..
            }
        ),
        "{error}"
    );
    let limits = Limits {
        path: 4,
        ..Limits::default()
    };
    assert!(walk(&Deb::new().file("./abcde", b"").build(), limits).is_err());
}

#[test]
fn a_package_that_is_cut_off_anywhere_is_refused() {
    for compression in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let bytes = Deb::new()
            .compression(compression)
            .file("./x", &[1; 700])
            .file("./y", b"abc")
            .build();
        for length in (0..bytes.len() - 1).step_by(if compression == Compression::None { 97 } else { 1 }) {
            assert!(
                walk(&bytes[..length], Limits::default()).is_err(),
                "{compression:?}: {length}"
            );
        }
        // The inner archive, where the outer one is whole.
        for cut in [1, 512, 513, 1024, 1500, 2000] {
            let deb = Deb::new()
                .compression(compression)
                .file("./x", &[1; 700])
                .file("./y", b"abc")
                .cut_data(cut);
            assert!(walk(&deb.build(), Limits::default()).is_err(), "{compression:?}: {cut}");
        }
    }
}

#[test]
fn a_container_that_is_none_is_refused() {
    let good = Deb::new().build();
    let changed = |old: &[u8], new: &[u8]| {
        let at = good.windows(old.len()).position(|window| window == old).unwrap();
        let mut bytes = good.clone();
        bytes[at..at + old.len()].copy_from_slice(new);
        walk(&bytes, Limits::default()).unwrap_err()
    };
    assert!(matches!(
        changed(b"!<arch>", b"!<arxh>"),
        ArchiveError::Container { .. }
    ));
    assert!(matches!(
        changed(b"debian-binary", b"debian-banary"),
        ArchiveError::Container { .. }
    ));
    assert!(matches!(changed(b"2.0\n", b"3.0\n"), ArchiveError::Container { .. }));
    assert!(matches!(
        changed(b"control.tar", b"contrul.tar"),
        ArchiveError::Container { .. }
    ));
    assert!(matches!(
        changed(b"control.tar ", b"control.tar."),
        ArchiveError::Compression { .. }
    ));
    assert!(matches!(
        changed(b"data.tar", b"_ata.tar"),
        ArchiveError::Container { .. }
    ));
    let doubled = Deb::new()
        .control_file("postinst", b"a")
        .control_file("postinst", b"b")
        .build();
    assert!(matches!(
        walk(&doubled, Limits::default()),
        Err(ArchiveError::Control { .. })
    ));
    let relative = Deb::new().control_file("conffiles", b"etc/x\n").build();
    assert!(matches!(
        walk(&relative, Limits::default()),
        Err(ArchiveError::Control { .. })
    ));
    let mut extra = good.clone();
    extra.extend(crate::deb_builder::member("data.tar", b""));
    assert!(matches!(
        walk(&extra, Limits::default()),
        Err(ArchiveError::Container { .. })
    ));
    let mut signed = good;
    signed.extend(crate::deb_builder::member("_gpgorigin", b"signature"));
    assert!(walk(&signed, Limits::default()).is_ok());
}

#[test]
fn packages_that_dpkg_deb_makes_are_read_as_it_lists_them() {
    if !Path::new("/usr/bin/dpkg-deb").exists() {
        eprintln!("skipped: this machine has no dpkg-deb");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let long = format!("usr/share/{}/{}", "l".repeat(120), "f".repeat(120));
    std::fs::create_dir_all(root.join("DEBIAN")).unwrap();
    std::fs::create_dir_all(root.join(&long).parent().unwrap()).unwrap();
    std::fs::write(root.join("DEBIAN/control"), crate::deb_builder::CONTROL).unwrap();
    std::fs::write(root.join(&long), "long").unwrap();
    std::fs::hard_link(root.join(&long), root.join("usr/share/second")).unwrap();
    std::os::unix::fs::symlink("second", root.join("usr/share/third")).unwrap();
    for compression in ["none", "gzip", "xz", "zstd"] {
        let file = folder.path().join(format!("{compression}.deb"));
        let mut build = Command::new("dpkg-deb");
        build
            .args(["--root-owner-group", "-Z", compression, "-b"])
            .arg(&root)
            .arg(&file);
        let output = build.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let entries = walk(&std::fs::read(&file).unwrap(), Limits::default()).unwrap();
        let mut ours: Vec<_> = entries.iter().map(|(entry, _)| entry.path.clone()).collect();
        let listed = Command::new("dpkg-deb")
            .arg("--fsys-tarfile")
            .arg(&file)
            .output()
            .unwrap()
            .stdout;
        let mut tar = tar::Archive::new(&listed[..]);
        let path = |entry: tar::Entry<'_, _>| entry.path().unwrap().to_string_lossy().into_owned();
        let mut theirs: Vec<_> = tar
            .entries()
            .unwrap()
            .map(|entry: std::io::Result<tar::Entry<'_, &[u8]>>| path(entry.unwrap()))
            .collect();
        theirs.retain(|path| path != "./");
        let clean = |path: &String| path.trim_start_matches("./").trim_end_matches('/').to_owned();
        theirs = theirs.iter().map(clean).collect();
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{compression}");
        assert!(ours.contains(&long));
        let (_, content) = entries
            .iter()
            .find(|(entry, _)| entry.path == long || entry.path == "usr/share/second")
            .unwrap();
        assert_eq!(content, b"long");
    }
}
