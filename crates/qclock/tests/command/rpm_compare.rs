//! An image beside what `rpm` itself makes of the same packages: the same answers, and the same files but for what images change on
//! purpose.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;
use qclock_testkit::rpm_mirror::RpmMirror;

use crate::rpm_build::unpack;
use crate::rpm_support::{APPSTREAM, BASEOS, RpmFixture};

/// Where an image differs from an installation, and why.
const DIFFERENCES: [(&str, &str); 15] = [
    ("etc", "accounts are declared, not made by scriptlets"),
    ("etc/group", "accounts are declared, not made by scriptlets"),
    ("etc/passwd", "accounts are declared, not made by scriptlets"),
    ("etc/qclock", "the image's record"),
    ("etc/qclock/image.json", "the image's record"),
    ("lib", "merged: links into /usr are always there"),
    ("sbin", "merged: links into /usr are always there"),
    ("usr/lib", "merged: what the links lead to"),
    ("usr/sbin/suweb", "set-id bits are dropped"),
    (
        "var/lib/rpm/.rpm.lock",
        "made by who writes to the database; nobody does in an image",
    ),
    (
        "var/lib/rpm/rpmdb.sqlite",
        "installed at another time, and not in the order of names",
    ),
    (
        "var/lib/rpm/rpmdb.sqlite-shm",
        "the image's database has no write-ahead log, so that it can be read from a read-only root",
    ),
    (
        "var/lib/rpm/rpmdb.sqlite-wal",
        "the image's database has no write-ahead log, so that it can be read from a read-only root",
    ),
    ("var/lock", "what install scripts turn into links"),
    ("var/run", "what install scripts turn into links"),
];

#[test]
fn an_image_is_what_rpm_installs_but_for_what_is_changed_on_purpose() -> Result<()> {
    if Command::new("rpm").arg("--version").output().is_err() {
        eprintln!("skipped: there is no `rpm` on this machine");
        return Ok(());
    }
    if rustix::process::geteuid().as_raw() != 0 {
        eprintln!("skipped: only root can install packages");
        return Ok(());
    }
    let mut fixture = RpmFixture::locked()?;
    fixture.review()?;
    assert_eq!(fixture.run(&["build"]).status, 0);
    let (image, installed) = (tempfile::tempdir()?, tempfile::tempdir()?);
    unpack(&fixture, "qclock-app", image.path())?;
    install(&mut fixture, installed.path())?;

    for question in [
        &["-qa"][..],
        &["-qa", "--provides"],
        &["-qa", "--requires"],
        &["-qal"],
        &["-qa", "--scripts"],
        &[
            "-qa",
            "--queryformat",
            "%{NEVRA} %{SIZE} %{SOURCERPM} %{LICENSE} %{SIGMD5} %{SHA256HEADER}\n",
        ],
        &["-qf", "/usr/sbin/web", "/usr/lib64/libc.so.6", "/var/log/web"],
    ] {
        let (ours, theirs) = (ask(image.path(), question)?, ask(installed.path(), question)?);
        assert_eq!(ours, theirs, "{question:?}");
        assert!(!ours.is_empty(), "{question:?}");
    }

    let (ours, theirs) = (files(image.path())?, files(installed.path())?);
    let mut different: Vec<&str> = ours
        .keys()
        .chain(theirs.keys())
        .filter(|path| ours.get(*path) != theirs.get(*path))
        .map(String::as_str)
        .collect();
    different.sort_unstable();
    different.dedup();
    let unexplained: Vec<String> = different
        .iter()
        .filter(|path| !DIFFERENCES.iter().any(|(known, _)| known == *path))
        .map(|path| {
            format!(
                "{path}: {:?} in the image, {:?} installed",
                ours.get(*path),
                theirs.get(*path)
            )
        })
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    let gone: Vec<_> = DIFFERENCES
        .iter()
        .filter(|(path, _)| !different.contains(path))
        .collect();
    assert!(gone.is_empty(), "no difference any more: {gone:#?}");
    Ok(())
}

fn install(fixture: &mut RpmFixture, root: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    fixture.mirror.write_to(folder.path())?;
    let lock = fixture.read("images/test9.lock")?;
    let mut files = Vec::new();
    for repository in [BASEOS, APPSTREAM] {
        for package in &fixture.mirror.repository(repository)?.packages {
            let path = RpmMirror::package_path(repository, package);
            let file = path.rsplit('/').next().unwrap_or_default();
            if lock.contains(file) {
                files.push(folder.path().join(path.trim_start_matches('/')));
            }
        }
    }
    // The directories that links of `filesystem` lead to come first.
    files.sort_by_key(|path| !path.display().to_string().contains("/filesystem-"));
    for file in files {
        let output = Command::new("rpm")
            .arg("--root")
            .arg(root)
            .args(["--define", "_db_backend sqlite", "--define", "_dbpath /var/lib/rpm"])
            .args([
                "--install",
                "--nodeps",
                "--noscripts",
                "--nosignature",
                "--force-debian",
            ])
            .arg(&file)
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "{}: {said}", file.display());
    }
    Ok(())
}

/// Lines, sorted.
fn ask(root: &Path, question: &[&str]) -> Result<String> {
    let output = Command::new("rpm")
        .arg("--root")
        .arg(root)
        .args(["--define", "_db_backend sqlite", "--define", "_dbpath /var/lib/rpm"])
        .args(question)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    Ok(lines.join("\n"))
}

/// Mode, kind and contents of everything, by path.
fn files(root: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let metadata = fs::symlink_metadata(&path)?;
            let what = if metadata.is_dir() {
                pending.push(path.clone());
                "folder".to_owned()
            } else if metadata.is_symlink() {
                format!("link to {}", fs::read_link(&path)?.display())
            } else {
                format!("file {}", qclock_testkit::mirror::hex(&fs::read(&path)?))
            };
            let name = path.strip_prefix(root)?.display().to_string();
            found.insert(name, format!("{:o} {what}", metadata.mode() & 0o7777));
        }
    }
    Ok(found)
}
