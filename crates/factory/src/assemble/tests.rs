//! Hand-made packages, and what becomes of them.

use qclock_oci::tree::{Entry, Kind, Tree};
use qclock_trust::{Sha256, Verified, check_digest};

use super::*;
use crate::definition::Prune;
use crate::failure::Failure;
use crate::generate::Accounts;

/// What a hand-made package holds: path, content (`->` and a target for a link, `=>` for a hard link, nothing with a final slash for a
/// directory), mode, group.
pub(crate) type File<'a> = (&'a str, &'a str, u32, u64);

/// A package as `dpkg-deb` would make it.
pub(crate) fn deb(name: &str, control: &str, files: &[File<'_>]) -> Vec<u8> {
    let stanza =
        format!("Package: {name}\nVersion: 1.0\nArchitecture: amd64\nMaintainer: nobody\n{control}Description: test\n");
    let mut control_tar = tar::Builder::new(Vec::new());
    append(&mut control_tar, "./control", &stanza, 0o644, 0);
    let mut data_tar = tar::Builder::new(Vec::new());
    for (path, content, mode, gid) in files {
        append(&mut data_tar, path, content, *mode, *gid);
    }
    let mut archive = b"!<arch>\n".to_vec();
    for (member, bytes) in [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar", control_tar.into_inner().unwrap()),
        ("data.tar", data_tar.into_inner().unwrap()),
    ] {
        archive.extend_from_slice(
            format!(
                "{member:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
                0,
                0,
                0,
                100_644,
                bytes.len()
            )
            .as_bytes(),
        );
        archive.extend_from_slice(&bytes);
        if bytes.len() % 2 == 1 {
            archive.push(b'\n');
        }
    }
    archive
}

fn append(builder: &mut tar::Builder<Vec<u8>>, path: &str, content: &str, mode: u32, gid: u64) {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(gid);
    header.set_mtime(1_700_000_000);
    header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    let mut link = |kind, target: &str| {
        header.set_entry_type(kind);
        header.set_link_name_literal(target).unwrap();
    };
    let body = if let Some(target) = content.strip_prefix("->") {
        link(tar::EntryType::Symlink, target);
        ""
    } else if let Some(target) = content.strip_prefix("=>") {
        link(tar::EntryType::Link, target);
        ""
    } else if path.ends_with('/') {
        link(tar::EntryType::Directory, "");
        ""
    } else {
        header.set_entry_type(tar::EntryType::Regular);
        content
    };
    header.set_size(body.len() as u64);
    header.set_cksum();
    builder.append(&header, body.as_bytes()).unwrap();
}

pub(crate) fn verified(bytes: Vec<u8>) -> Verified<Vec<u8>> {
    let (digest, size) = (Sha256::of(&bytes), bytes.len() as u64);
    check_digest(bytes, digest, size).unwrap()
}

fn pruner(paths: &[&str], keep: &[&str]) -> Pruner {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    let rule = Prune {
        flavours: None,
        paths: words(paths),
        keep: words(keep),
        reason: "test".to_owned(),
    };
    Pruner::new([&rule].into_iter()).unwrap()
}

fn accounts() -> Accounts {
    let text = "name = 'x'\ntitle = ''\ndescription = ''\n[[group]]\nname = 'web'\ngid = 10001\n";
    Accounts::of(&[&toml::from_str(text).unwrap()])
}

fn unpack(name: &str, control: &str, files: &[File<'_>], pruner: &Pruner) -> Result<Unpacked, UnpackError> {
    let bytes = verified(deb(name, control, files));
    unpack_deb(
        name,
        &bytes,
        Rules {
            pruner,
            permits: &Permits::default(),
            accounts: &accounts(),
        },
    )
}

fn assemble(packages: &[(&str, &str, &[File<'_>])], pruner: &Pruner) -> Result<Merged, AssembleError> {
    let unpacked: Vec<Unpacked> = packages
        .iter()
        .map(|(name, control, files)| unpack(name, control, files, pruner).unwrap())
        .collect();
    merge(&Tree::default(), &unpacked)
}

fn paths(tree: &Tree) -> Vec<&str> {
    tree.iter().map(|(path, _)| path.as_str()).collect()
}

#[test]
fn usr_is_merged_and_hard_links_follow() {
    let files: &[File<'_>] = &[
        ("./lib/", "", 0o755, 0),
        ("./lib/x/", "", 0o755, 0),
        ("./lib/x/libc.so.6", "elf", 0o755, 0),
        ("./lib/x/libc-again.so", "=>./lib/x/libc.so.6", 0o755, 0),
        ("./lib64/ld.so", "->/lib/x/ld.so", 0o777, 0),
        ("./var/run/", "", 0o755, 0),
        ("./var/lock/", "", 0o1777, 0),
    ];
    let merged = assemble(&[("libc6", "", files)], &pruner(&[], &[])).unwrap();
    assert_eq!(merged.tree.get("lib"), Some(&Entry::symlink("usr/lib")));
    assert_eq!(merged.tree.get("lib64"), Some(&Entry::symlink("usr/lib64")));
    assert_eq!(merged.tree.get("var/run"), Some(&Entry::symlink("/run")));
    assert_eq!(merged.tree.contents("usr/lib/x/libc-again.so").unwrap(), "elf");
    assert_eq!(merged.newest, 1_700_000_000);
    assert!(
        merged.files["libc6"]
            .iter()
            .any(|path| path.as_str() == "usr/lib/x/libc.so.6")
    );
}

#[test]
fn two_packages_may_bring_the_same_file_but_not_different_ones() {
    let one: &[File<'_>] = &[
        ("./etc/", "", 0o755, 0),
        ("./etc/same", "x", 0o644, 0),
        ("./etc/file", "one", 0o644, 0),
    ];
    let two: &[File<'_>] = &[
        ("./etc/", "", 0o755, 0),
        ("./etc/same", "x", 0o644, 0),
        ("./etc/file", "two", 0o644, 0),
    ];
    let error = assemble(&[("one", "", one), ("two", "", two)], &pruner(&[], &[])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the packages `one` and `two` bring different files `/etc/file`"
    );
    assert!(error.hint().unwrap().contains("etc/file"));

    let merged = assemble(
        &[("one", "", one), ("two", "Replaces: one (<< 2)\n", two)],
        &pruner(&[], &[]),
    )
    .unwrap();
    assert_eq!(merged.tree.contents("etc/file").unwrap(), "two");
    assert!(!merged.files["one"].iter().any(|path| path.as_str() == "etc/file"));
    assert!(
        assemble(
            &[("one", "", one), ("two", "Replaces: one (<< 1)\n", two)],
            &pruner(&[], &[])
        )
        .is_err()
    );
}

#[test]
fn a_file_cannot_stand_where_another_package_has_a_directory() {
    let one: &[File<'_>] = &[("./etc/x", "file", 0o644, 0)];
    let two: &[File<'_>] = &[("./etc/x/", "", 0o755, 0), ("./etc/x/y", "file", 0o644, 0)];
    assert!(assemble(&[("one", "", one), ("two", "", two)], &pruner(&[], &[])).is_err());
    let link: &[File<'_>] = &[("./etc/x", "->/root", 0o777, 0)];
    let through: &[File<'_>] = &[("./etc/x/y", "file", 0o644, 0)];
    let error = assemble(&[("one", "", link), ("two", "", through)], &pruner(&[], &[])).unwrap_err();
    assert!(matches!(error, AssembleError::Tree { .. }), "{error}");
}

#[test]
fn the_same_path_before_and_after_the_merge_is_a_conflict() {
    let one: &[File<'_>] = &[("./lib/x", "old", 0o644, 0)];
    let two: &[File<'_>] = &[("./usr/lib/x", "new", 0o644, 0)];
    assert!(matches!(
        assemble(&[("one", "", one), ("two", "", two)], &pruner(&[], &[])),
        Err(AssembleError::Conflict { .. })
    ));
}

#[test]
fn pruned_files_and_the_directories_they_leave_empty_are_gone() {
    let files: &[File<'_>] = &[
        ("./usr/share/doc/", "", 0o755, 0),
        ("./usr/share/doc/x/", "", 0o755, 0),
        ("./usr/share/doc/x/readme", "x", 0o644, 0),
        ("./usr/share/empty/", "", 0o755, 0),
        ("./usr/share/ca-certificates/mozilla/A.crt", "A", 0o644, 0),
        ("./usr/bin/tool", "elf", 0o755, 0),
        ("./usr/bin/again", "=>./usr/bin/tool", 0o755, 0),
        ("./usr/bin/third", "=>./usr/bin/tool", 0o755, 0),
    ];
    let rules = pruner(&["usr/share/doc/**", "usr/bin/tool", "usr/share/ca-certificates"], &[]);
    let merged = assemble(&[("x", "", files)], &rules).unwrap();
    let found = paths(&merged.tree);
    assert!(
        !found
            .iter()
            .any(|path| path.starts_with("usr/share/doc") || path.starts_with("usr/share/ca-")),
        "{found:?}"
    );
    assert!(found.contains(&"usr/share/empty"));
    assert_eq!(merged.certificates.len(), 1);
    assert_eq!(merged.tree.contents("usr/bin/again").unwrap(), "elf");
    assert_eq!(
        merged.tree.get("usr/bin/third").unwrap().kind,
        Kind::Hardlink("usr/bin/again".parse().unwrap())
    );
}

#[test]
fn set_id_bits_go_and_unknown_owners_are_errors() {
    let merged = assemble(
        &[(
            "x",
            "",
            &[("./usr/bin/su", "elf", 0o4755, 0), ("./var/mail/", "", 0o2775, 8)],
        )],
        &pruner(&[], &[]),
    )
    .unwrap();
    assert_eq!(merged.tree.get("usr/bin/su").unwrap().mode, 0o755);
    assert_eq!(
        merged.tree.get("var/mail").unwrap(),
        &Entry::directory(0o775).owned_by(0, 8).modified_at(1_700_000_000)
    );
    assert!(unpack("x", "", &[("./x", "", 0o644, 10_001)], &pruner(&[], &[])).is_ok());
    let error = unpack("x", "", &[("./x", "", 0o644, 117)], &pruner(&[], &[])).unwrap_err();
    assert!(error.to_string().contains("117"), "{error}");
}

#[test]
fn hostile_packages_are_refused() {
    for path in ["../etc/passwd", "/etc/passwd", "./a/../../b"] {
        assert!(
            unpack("x", "", &[(path, "x", 0o644, 0)], &pruner(&[], &[])).is_err(),
            "{path}"
        );
    }
    assert!(unpack("x", "", &[("./l", "=>./gone", 0o644, 0)], &pruner(&[], &[])).is_err());
    assert!(matches!(
        unpack_deb(
            "other",
            &verified(deb("x", "", &[])),
            Rules {
                pruner: &pruner(&[], &[]),
                permits: &Permits::default(),
                accounts: &accounts(),
            },
        ),
        Err(UnpackError::OtherPackage { .. })
    ));
}

#[test]
fn a_package_cannot_change_a_file_of_the_parent_image() {
    let mut parent = Tree::default();
    parent
        .add("etc/file".parse().unwrap(), Entry::file("ours", 0o644))
        .unwrap();
    let package = unpack(
        "x",
        "",
        &[("./etc/", "", 0o700, 0), ("./etc/file", "theirs", 0o644, 0)],
        &pruner(&[], &[]),
    )
    .unwrap();
    assert!(matches!(
        merge(&parent, &[package]),
        Err(AssembleError::ParentConflict { .. })
    ));
    let package = unpack(
        "x",
        "",
        &[("./etc/", "", 0o700, 0), ("./etc/file", "ours", 0o644, 0)],
        &pruner(&[], &[]),
    )
    .unwrap();
    let merged = merge(&parent, &[package]).unwrap();
    assert_eq!(merged.tree.get("etc").unwrap().mode, 0o755);
}
