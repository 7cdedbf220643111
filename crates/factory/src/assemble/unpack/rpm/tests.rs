//! RPM packages made by hand and signed for the run, and what becomes of them.

use std::time::SystemTime;

use qclock_oci::tree::Tree;
use qclock_testkit::rpm::{File, Rpm};
use qclock_testkit::rpm_mirror::RpmMirror;
use qclock_trust::{KeyAge, Keyring, verify_rpm};

use super::*;
use crate::assemble::{AssembleError, Permits, Pruner, merge};
use crate::definition::Prune;
use crate::generate::Accounts;

/// Signs and unpacks, leaving out what a pattern matches.
fn unpack_all(packages: &[Rpm], prune: &[&str]) -> Vec<Result<Unpacked, UnpackError>> {
    let mirror = RpmMirror::new().unwrap();
    let keyring = Keyring::from_files([("key", mirror.key().unwrap())]).unwrap();
    let rule = Prune {
        flavours: None,
        paths: prune.iter().map(|&pattern| pattern.to_owned()).collect(),
        keep: Vec::new(),
        reason: "test".to_owned(),
    };
    let pruner = Pruner::new([&rule].into_iter()).unwrap();
    let text = "name = 'x'\ntitle = ''\ndescription = ''\n[[account]]\nname = 'apache'\nuid = 48\ngid = 48\ncomment = ''\n\
                home = '/srv'\nshell = '/sbin/nologin'\n";
    let accounts = Accounts::of(&[&toml::from_str(text).unwrap()]);
    let rules = Rules {
        pruner: &pruner,
        permits: &Permits::default(),
        accounts: &accounts,
    };
    let unpack = |package: &Rpm| {
        let bytes = mirror.signed(package).unwrap();
        let signed = verify_rpm(bytes, &keyring, SystemTime::now(), KeyAge::ValidNow).unwrap();
        unpack_rpm(&package.name, &signed, rules)
    };
    packages.iter().map(unpack).collect()
}

fn unpack(files: Vec<File>, prune: &[&str]) -> Result<Unpacked, UnpackError> {
    unpack_all(&[Rpm::new("x", files)], prune).remove(0)
}

fn owned(path: &str, user: &str, group: &str) -> File {
    File {
        user: user.to_owned(),
        group: group.to_owned(),
        ..File::new(path, b"x")
    }
}

fn linked(path: &str) -> File {
    File {
        inode: 7,
        ..File::new(path, b"content")
    }
}

#[test]
fn owners_are_what_the_image_declares_or_the_distribution_fixes() {
    let files = vec![
        owned("/a", "apache", "apache"),
        owned("/b", "root", "mail"),
        owned("/c", "daemon", "tty"),
    ];
    let unpacked = unpack(files, &[]).unwrap();
    let owners: Vec<(u32, u32)> = unpacked.entries.values().map(|entry| (entry.uid, entry.gid)).collect();
    assert_eq!(owners, [(48, 48), (0, 12), (2, 5)]);
    let error = unpack(vec![owned("/d", "mysql", "root")], &[]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`/d` belongs to the account `mysql`, which neither the image nor the distribution declares"
    );
    // What is left out belongs to nobody.
    assert!(unpack(vec![owned("/d", "mysql", "root")], &["d"]).is_ok());
}

#[test]
fn names_of_one_file_stay_one_file_and_outlive_the_first() {
    let files = || vec![linked("/usr/bin/a"), linked("/usr/bin/b"), linked("/usr/bin/c")];
    let kinds = |prune: &[&str]| -> Vec<String> {
        let entries = unpack(files(), prune).unwrap().entries;
        let word = |(path, entry): (&TreePath, &Entry)| format!("{path} {}", entry.kind.word());
        entries.iter().map(word).collect()
    };
    // The last name has the content.
    assert_eq!(
        kinds(&[]),
        ["usr/bin/a a hard link", "usr/bin/b a hard link", "usr/bin/c a file"]
    );
    assert_eq!(kinds(&["usr/bin/c"]), ["usr/bin/a a file", "usr/bin/b a hard link"]);
    assert_eq!(kinds(&["usr/bin/{a,c}"]), ["usr/bin/b a file"]);
}

#[test]
fn paths_lead_where_the_image_has_them_and_ghosts_are_not_made() {
    let ghost = File {
        flags: rpm::flag::GHOST,
        ..File::new("/var/log/x.log", b"")
    };
    let files = [
        File::symlink("/lib64", "usr/lib64"),
        File::new("/lib64/libx.so", b"x"),
        File::directory("/var/run/x"),
        File::symlink("/sbin/x", "../usr/bin/y"),
        ghost,
    ];
    let unpacked = unpack_all(
        &[Rpm::new("x", files[1..].to_vec()), Rpm::new("y", files[..1].to_vec())],
        &[],
    );
    let paths: Vec<String> = unpacked
        .iter()
        .flat_map(|unpacked| unpacked.as_ref().unwrap().entries.keys().map(ToString::to_string))
        .collect();
    assert_eq!(paths, ["run/x", "usr/lib64/libx.so", "usr/sbin/x"]);
}

#[test]
fn set_id_bits_and_capabilities_are_dropped_and_told() {
    let file = File {
        mode: 0o104_755,
        capabilities: "cap_sys_nice=ep".to_owned(),
        ..File::new("/usr/libexec/mysqld", b"x")
    };
    let unpacked = unpack(vec![file.clone()], &[]).unwrap();
    let (path, entry) = unpacked.entries.first_key_value().unwrap();
    assert_eq!((entry.mode, entry.xattrs.len()), (0o755, 0));
    assert_eq!(unpacked.capabilities[path], "cap_sys_nice=ep");
    assert!(unpack(vec![file], &["usr/libexec"]).unwrap().capabilities.is_empty());
}

#[test]
fn of_programs_for_two_word_lengths_the_longer_one_s_stays() {
    let program = |class: u8, rest: &[u8]| [b"\x7fELF".as_slice(), &[class], rest].concat();
    let package = |name: &str, content: &[u8]| Rpm::new(name, vec![File::new("/usr/bin/tool", content)]);
    let merged = |first: &[u8], second: &[u8]| {
        let packages = unpack_all(&[package("a", first), package("b", second)], &[]);
        let packages: Vec<Unpacked> = packages.into_iter().map(Result::unwrap).collect();
        merge(&Tree::default(), &packages).map(|merged| merged.tree.contents("usr/bin/tool").unwrap().to_vec())
    };
    let (short, long) = (program(1, b"32"), program(2, b"64"));
    assert_eq!(merged(&short, &long).unwrap(), long);
    assert_eq!(merged(&long, &short).unwrap(), long);
    let other = program(2, b"another");
    assert!(matches!(merged(&long, &other), Err(AssembleError::Conflict { .. })));
    assert!(matches!(merged(b"one", b"two"), Err(AssembleError::Conflict { .. })));
}

#[test]
fn certificates_are_kept_aside_even_when_they_are_pruned() {
    let source = "/usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit";
    let unpacked = unpack(vec![File::new(source, b"anchors")], &["usr/share/pki"]).unwrap();
    assert!(unpacked.entries.is_empty());
    assert_eq!(unpacked.certificates.values().next().unwrap(), "anchors");
}

#[test]
fn a_package_by_another_name_is_refused() {
    let mirror = RpmMirror::new().unwrap();
    let keyring = Keyring::from_files([("key", mirror.key().unwrap())]).unwrap();
    let bytes = mirror.signed(&Rpm::new("x", vec![])).unwrap();
    let signed = verify_rpm(bytes, &keyring, SystemTime::now(), KeyAge::ValidNow).unwrap();
    let rules = Rules {
        pruner: &Pruner::new(std::iter::empty::<&Prune>()).unwrap(),
        permits: &Permits::default(),
        accounts: &Accounts::default(),
    };
    let error = unpack_rpm("y", &signed, rules).unwrap_err();
    assert!(matches!(error, UnpackError::OtherPackage { found } if found == "x"));
}
