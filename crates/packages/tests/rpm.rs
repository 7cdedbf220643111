//! RPM packages: what is read of them, and what is refused.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use qclock_packages::rpm::{
    Archive, ArchiveError, Container, ContainerError, Entry, EntryKind, FilesError, Header, HeaderError, Limits, Part,
    PayloadError, flag,
};
use qclock_testkit::rpm::{Compressor, Entries, File, IMMUTABLE, Rpm, Value, header};

type Walked = Vec<(Entry, Vec<u8>)>;

fn walk(package: &[u8]) -> Result<Walked, ArchiveError> {
    walk_archive(&Archive::open(package)?)
}

fn walk_archive(archive: &Archive<'_>) -> Result<Walked, ArchiveError> {
    let mut walked = Vec::new();
    archive.for_each_entry(|entry, content| {
        let mut bytes = Vec::new();
        // The reader's failure is reported by the walk itself.
        let _ = content.read_to_end(&mut bytes);
        walked.push((entry, bytes));
        Ok::<_, ArchiveError>(())
    })?;
    Ok(walked)
}

fn fault(package: &[u8]) -> PayloadError {
    match walk(package).unwrap_err() {
        ArchiveError::Payload { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

fn files_fault(files: Vec<File>) -> FilesError {
    match Archive::open(&Rpm::new("sample", files).build()).unwrap_err() {
        ArchiveError::Files { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

fn linked(path: &str, content: &[u8], inode: u32) -> File {
    File {
        inode,
        ..File::new(path, content)
    }
}

#[test]
fn entries_are_as_the_header_describes_them_in_every_form() {
    let files = vec![
        File::directory("/usr/share/sample"),
        File {
            mode: 0o104_755,
            user: "apache".to_owned(),
            group: "adm".to_owned(),
            flags: flag::CONFIG | flag::NO_REPLACE,
            capabilities: "cap_net_bind_service=ep".to_owned(),
            ..File::new("/usr/share/sample/a", b"content of a\n")
        },
        File::new("/usr/share/sample/empty", b""),
        File {
            flags: flag::GHOST,
            ..File::new("/usr/share/sample/ghost", b"")
        },
        File::symlink("/usr/share/sample/link", "../a"),
    ];
    for compressor in [Compressor::None, Compressor::Gzip, Compressor::Zstd] {
        for numbered in [false, true] {
            let package = Rpm {
                compressor,
                numbered,
                ..Rpm::new("sample", files.clone())
            };
            let bytes = package.build();
            let archive = Archive::open(&bytes).unwrap();
            assert_eq!(archive.files().len(), 5);
            let walked = walk_archive(&archive).unwrap();
            let paths: Vec<_> = walked.iter().map(|(entry, _)| entry.path.as_str()).collect();
            assert_eq!(
                paths,
                [
                    "usr/share/sample",
                    "usr/share/sample/a",
                    "usr/share/sample/empty",
                    "usr/share/sample/link"
                ]
            );
            let (a, content) = &walked[1];
            assert_eq!(content, b"content of a\n");
            assert_eq!((a.mode, a.size, a.mtime), (0o4755, 13, 1_600_000_000));
            assert_eq!((a.user.as_str(), a.group.as_str()), ("apache", "adm"));
            assert_eq!(a.flags, flag::CONFIG | flag::NO_REPLACE);
            assert_eq!(a.capabilities.as_deref(), Some("cap_net_bind_service=ep"));
            assert_eq!(walked[3].0.kind, EntryKind::Symlink("../a".to_owned()));
        }
    }
}

#[test]
fn of_several_names_the_last_has_the_content_and_the_others_are_links_to_it() {
    for numbered in [false, true] {
        let package = Rpm {
            numbered,
            ..Rpm::new(
                "sample",
                vec![
                    linked("/a", b"same", 7),
                    File::new("/b", b"other"),
                    linked("/c", b"same", 7),
                    linked("/d", b"same", 7),
                ],
            )
        };
        let walked = walk(&package.build()).unwrap();
        let told: Vec<_> = walked
            .iter()
            .map(|(entry, content)| (entry.path.as_str(), &entry.kind, content.as_slice()))
            .collect();
        let link = EntryKind::Hardlink("d".to_owned());
        assert_eq!(
            told,
            [
                ("b", &EntryKind::File, b"other".as_slice()),
                ("d", &EntryKind::File, b"same"),
                ("a", &link, b""),
                ("c", &link, b""),
            ]
        );
    }
}

#[test]
fn a_content_that_the_header_has_no_digest_of_is_refused() {
    let with_digests = |digests: &[String]| {
        let mut package = Rpm::new("sample", vec![File::new("/a", b"1"), File::new("/b", b"2")]);
        package.entries.insert(1035, Value::Texts(digests.to_vec()));
        package.build()
    };
    let zeros = "0".repeat(64);
    let one = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b".to_owned();
    assert!(matches!(fault(&with_digests(&[one.clone(), zeros])), PayloadError::Digest { path } if path == "b"));
    assert!(matches!(fault(&with_digests(&[one, String::new()])), PayloadError::Digest { path } if path == "b"));
    let mut broken = Rpm::new("sample", vec![File::new("/a", b"1")]);
    broken.entries.insert(5011, Value::Int32(vec![1]));
    assert!(matches!(
        Archive::open(&broken.build()).unwrap_err(),
        ArchiveError::Files {
            source: FilesError::Digest { algorithm: 1 },
            ..
        }
    ));
}

/// A package whose header lists other files than its payload holds.
fn with_foreign_payload(listed: Vec<File>, held: Vec<File>) -> Vec<u8> {
    let bytes = |files| {
        let package = Rpm {
            compressor: Compressor::None,
            ..Rpm::new("sample", files)
        };
        package.build()
    };
    let (listed, held) = (bytes(listed), bytes(held));
    let payload = Container::read(&held).unwrap().payload;
    let start = listed.len() - Container::read(&listed).unwrap().payload.len();
    [&listed[..start], payload].concat()
}

#[test]
fn payload_and_header_must_hold_the_same_files() {
    let a = || File::new("/a", b"1");
    let b = || File::new("/b", b"2");
    let fault = |listed, held| fault(&with_foreign_payload(listed, held));
    assert!(matches!(fault(vec![a()], vec![a(), b()]), PayloadError::Unlisted { name } if name == "./b"));
    assert!(matches!(fault(vec![a(), b()], vec![a()]), PayloadError::Missing { path } if path == "b"));
    assert!(matches!(fault(vec![a(), b()], vec![a(), a(), b()]), PayloadError::Twice { path } if path == "a"));
    let larger = || File::new("/a", b"12");
    assert!(matches!(
        fault(vec![a()], vec![larger()]),
        PayloadError::Field { field: "size", .. }
    ));
    let executable = || File { mode: 0o100_755, ..a() };
    assert!(matches!(
        fault(vec![a()], vec![executable()]),
        PayloadError::Field { field: "mode", .. }
    ));
    let link = |target| vec![File::symlink("/l", target)];
    assert!(matches!(
        fault(link("/etc/x"), link("/etc/y")),
        PayloadError::Field { field: "target", .. }
    ));
    let ghost = || File {
        flags: flag::GHOST,
        ..a()
    };
    assert!(matches!(fault(vec![ghost()], vec![a()]), PayloadError::Unlisted { .. }));
    let names = |inode| vec![linked("/a", b"1", inode), linked("/b", b"1", 7)];
    assert!(matches!(
        fault(names(7), vec![linked("/a", b"1", 7)]),
        PayloadError::Field { field: "size", .. } | PayloadError::Missing { .. }
    ));
}

#[test]
fn hostile_paths_owners_and_kinds_are_refused() {
    for path in ["/../etc/x", "/a/./b", "/a//b", "/a\nb", "/a/.."] {
        assert!(
            matches!(files_fault(vec![File::new(path, b"")]), FilesError::Path { .. }),
            "{path:?}"
        );
    }
    assert!(matches!(
        files_fault(vec![File::symlink("/l", "")]),
        FilesError::Target { .. }
    ));
    assert!(matches!(
        files_fault(vec![File::new("/a", b""), File::new("/a", b"")]),
        FilesError::Twice { .. }
    ));
    assert!(matches!(
        files_fault(vec![File::symlink("/d", "/etc"), File::new("/d/x", b"")]),
        FilesError::Below { link, .. } if link == "d"
    ));
    for mode in [0o020_644, 0o060_644, 0o010_644, 0o140_644] {
        let file = File {
            mode,
            ..File::new("/dev/x", b"")
        };
        assert!(
            matches!(files_fault(vec![file]), FilesError::Special { .. }),
            "{mode:o}"
        );
    }
    let file = File {
        user: "a b".to_owned(),
        ..File::new("/x", b"")
    };
    assert!(matches!(
        files_fault(vec![file]),
        FilesError::Field { field: "user", .. }
    ));
}

#[test]
fn a_payload_has_its_bound() {
    let bytes = Rpm::new("sample", vec![File::new("/a", &vec![0; 100_000])]).build();
    let archive = Archive::open_within(&bytes, Limits { payload: 50_000 }).unwrap();
    let error = walk_archive(&archive).unwrap_err();
    assert!(
        matches!(
            &error,
            ArchiveError::Payload {
                source: PayloadError::TooLarge { limit: 50_000 },
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn names_that_are_none_and_source_packages_are_refused() {
    for name in ["", "a/b", ".a", "a b", "a\u{e9}"] {
        let error = Container::read(&Rpm::new(name, vec![]).build()).unwrap_err();
        assert!(matches!(error, ContainerError::Identity { .. }), "{name}: {error:?}");
    }
    let mut package = Rpm::new("sample", vec![]);
    package.entries.insert(1003, Value::Int32(vec![2]));
    // The lead has no epoch then: it does not fit.
    assert!(matches!(
        Container::read(&package.build()).unwrap_err(),
        ContainerError::Lead(_)
    ));
    assert_eq!(Container::read(b"").unwrap_err(), ContainerError::Truncated);
}

#[test]
fn a_header_has_every_entry_once_in_order_and_nothing_between() {
    let entries = Entries::from([
        (1000, Value::Text("a".to_owned())),
        (1003, Value::Int32(vec![7])),
        (1004, Value::Int64(vec![1])),
    ]);
    let good = header(IMMUTABLE, &entries);
    let (read, rest) = Header::read(&good, Part::Main).unwrap();
    assert_eq!(rest, b"");
    assert_eq!(read.text(1000), Ok(Some("a")));
    assert_eq!(read.number(1003), Ok(Some(7)));
    assert!(matches!(read.number(1000), Err(HeaderError::Type { .. })));
    assert_eq!(read.number(1), Ok(None));
    assert!(matches!(
        Header::read(&good, Part::Signature),
        Err(HeaderError::Region { .. })
    ));
    for length in 0..good.len() {
        assert!(Header::read(&good[..length], Part::Main).is_err(), "{length}");
    }
    let at = |entry: usize, field: usize| 16 + entry * 16 + field * 4;
    // Tag, type, place, count of an entry; the padding between two.
    for (place, value) in [
        (at(1, 0), 1004_u32),
        (at(1, 1), 0),
        (at(1, 1), 10),
        (at(1, 2), 1),
        (at(1, 3), 2),
        (at(2, 2), 8),
        (at(2, 3), u32::MAX),
        (at(0, 2), 0),
        (8, u32::MAX),
        (12, u32::MAX),
        (12, 0),
    ] {
        let mut bad = good.clone();
        bad[place..place + 4].copy_from_slice(&value.to_be_bytes());
        assert!(Header::read(&bad, Part::Main).is_err(), "{place} {value}");
    }
    let padding = at(4, 0) + 2;
    let mut bad = good.clone();
    assert_eq!(bad[padding], 0);
    bad[padding] = 1;
    assert!(Header::read(&bad, Part::Main).is_err());
}

#[test]
fn scriptlets_and_triggers_are_listed_with_all_that_decides_what_they_do() {
    let texts = |texts: &[&str]| Value::Texts(texts.iter().map(|text| (*text).to_owned()).collect());
    let mut package = Rpm::new("sample", vec![]);
    package.entries.extend([
        (1023, Value::Text("useradd q".to_owned())),
        (1085, Value::Text("/bin/sh".to_owned())),
        (1086, Value::Text("/sbin/ldconfig".to_owned())),
        (1026, Value::Text("print(1)".to_owned())),
        (1088, texts(&["<lua>", "-x"])),
        (1065, texts(&["echo in", "echo un"])),
        (1092, texts(&["/bin/sh", "/bin/sh"])),
        (1066, texts(&["glibc", "other", "bash"])),
        (1067, texts(&["2.3", "", ""])),
        (1068, Value::Int32(vec![1 << 16 | 4, 1 << 16, 1 << 17])),
        (1069, Value::Int32(vec![0, 0, 1])),
        (5076, texts(&["cat"])),
        (5077, texts(&["/bin/sh"])),
        (5079, texts(&["/usr/lib64"])),
        (5080, Value::Int32(vec![0])),
        (5081, texts(&[""])),
        (5082, Value::Int32(vec![1 << 16])),
        (5085, Value::Int32(vec![100])),
    ]);
    let bytes = package.build();
    let scriptlets = Archive::open(&bytes).unwrap().scriptlets().unwrap();
    let told: Vec<_> = scriptlets.iter().map(qclock_packages::rpm::Scriptlet::text).collect();
    assert_eq!(
        told,
        [
            "%pre -p /bin/sh\nuseradd q\n",
            "%post -p /sbin/ldconfig\n",
            "%postun -p <lua> -x\nprint(1)\n",
            "%triggerin -p /bin/sh -- glibc > 2.3, other\necho in\n",
            "%triggerun -p /bin/sh -- bash\necho un\n",
            "%transfiletriggerin -P 100 -p /bin/sh -- /usr/lib64\ncat\n",
        ]
    );
    // A condition of a script that is not there must not be lost.
    package.entries.insert(1069, Value::Int32(vec![0, 0, 2]));
    assert!(Archive::open(&package.build()).unwrap().scriptlets().is_err());
}

proptest! {
    #[test]
    fn nothing_that_is_read_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = walk(&bytes);
        let _ = Header::read(&[&qclock_packages::rpm::HEADER_MAGIC[..], &bytes].concat(), Part::Main);
    }

    #[test]
    fn a_damaged_package_is_refused_or_read_without_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        plain in any::<bool>(),
    ) {
        let package = Rpm {
            compressor: if plain { Compressor::None } else { Compressor::Zstd },
            ..Rpm::new("sample", vec![
                File::directory("/d"),
                linked("/d/a", b"one", 3),
                linked("/d/b", b"one", 3),
                File::symlink("/d/l", "a"),
            ])
        };
        let mut bytes = package.build();
        for (at, value) in changes {
            let length = bytes.len();
            bytes[at.index(length)] = value;
        }
        if let Ok(archive) = Archive::open(&bytes) {
            let _ = archive.scriptlets();
            let _ = walk_archive(&archive);
        }
    }

    #[test]
    fn what_is_written_is_read(contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..8)) {
        let files = (0..).zip(&contents).map(|(at, content)| File::new(&format!("/f/{at}"), content)).collect();
        let walked = walk(&Rpm::new("sample", files).build()).unwrap();
        prop_assert_eq!(walked.into_iter().map(|(_, content)| content).collect::<Vec<_>>(), contents);
    }
}

const SPEC: &str = r#"
Name: qsample
Version: 1.2
Release: 3
Epoch: 2
Summary: A sample
License: MIT
%description
A sample.
%install
mkdir -p %{buildroot}/usr/share/q/d
seq 100000 > %{buildroot}/usr/share/q/a; ln %{buildroot}/usr/share/q/a %{buildroot}/usr/share/q/b
ln -s ../d %{buildroot}/usr/share/q/l; touch %{buildroot}/usr/share/q/ghost
%post -p <lua>
print("hello")
%files
/usr/share/q/a
/usr/share/q/b
/usr/share/q/l
%dir %attr(1777,root,root) /usr/share/q/d
%ghost /usr/share/q/ghost
"#;

fn rpmbuild(folder: &Path, payload: &str) -> Option<Vec<u8>> {
    let spec = folder.join("qsample.spec");
    std::fs::write(&spec, SPEC).unwrap();
    let top = folder.join(payload);
    let output = Command::new("rpmbuild")
        .args(["-bb", "--quiet", "--define"])
        .arg(format!("_topdir {}", top.display()))
        .args(["--define", &format!("_binary_payload {payload}")])
        .arg(&spec)
        .output()
        .ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let architecture = std::fs::read_dir(top.join("RPMS")).unwrap().next()?.unwrap();
    let package = std::fs::read_dir(architecture.path()).unwrap().next()?.unwrap();
    Some(std::fs::read(package.path()).unwrap())
}

#[test]
fn what_rpmbuild_makes_is_read_in_every_compression() {
    let folder = tempfile::tempdir().unwrap();
    let expected: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    for payload in ["w19.zstdio", "w9.gzdio", "w9.bzdio", "w6.xzdio", "w6.lzdio", "w.ufdio"] {
        let Some(bytes) = rpmbuild(folder.path(), payload) else {
            println!("skipped: there is no `rpmbuild`");
            return;
        };
        let archive = Archive::open(&bytes).unwrap_or_else(|error| panic!("{payload}: {error:?}"));
        assert_eq!(archive.identity().evr(), "2:1.2-3");
        let walked = walk_archive(&archive).unwrap_or_else(|error| panic!("{payload}: {error:?}"));
        let by_path: BTreeMap<_, _> = walked
            .iter()
            .map(|(entry, content)| (entry.path.as_str(), (entry, content)))
            .collect();
        assert_eq!(by_path.len(), 4, "{payload}");
        assert_eq!(by_path["usr/share/q/b"].1, expected.as_bytes());
        assert_eq!(
            by_path["usr/share/q/a"].0.kind,
            EntryKind::Hardlink("usr/share/q/b".to_owned())
        );
        assert_eq!(by_path["usr/share/q/d"].0.mode, 0o1777);
        assert_eq!(
            archive.scriptlets().unwrap()[0].text(),
            "%post -p <lua>\nprint(\"hello\")\n"
        );
    }
}
