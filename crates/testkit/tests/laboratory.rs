//! The laboratory's mirror is what its table says, as rpm and dnf see it.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use qclock_testkit::laboratory::{DebianPackages, Laboratory, missing_tools};

/// Made once, kept between runs; nothing where it cannot be made.
fn laboratory() -> Option<Laboratory> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cache = std::env::var_os("QCLOCK_CACHE_DIR")
        .map_or_else(|| std::env::home_dir().unwrap().join(".cache/qclock"), PathBuf::from);
    let own = root.join(".qclock/debian12.lock");
    let locks = [root.join("images/debian12.lock"), own];
    let debian = missing_tools().and_then(|()| {
        let mut found = locks.iter().map(|lock| DebianPackages::locked(lock, &cache));
        let first = found.next().unwrap();
        first.or_else(|error| found.next().unwrap().map_err(|_| error))
    });
    match debian {
        Ok(debian) => Some(Laboratory::prepare(&debian, &cache).unwrap()),
        Err(error) => {
            println!("skipped: {error:#}");
            None
        }
    }
}

#[test]
fn every_package_is_signed_by_the_key_and_nobody_else() {
    let Some(laboratory) = laboratory() else { return };
    let database = tempfile::tempdir().unwrap();
    let key = laboratory.mirror().join("key.asc");
    let keys = |arguments: &[&Path]| {
        let output = Command::new("rpmkeys")
            .arg("--dbpath")
            .arg(database.path())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    keys(&[Path::new("--import"), &key]);
    let package = std::fs::read_dir(laboratory.repositories()["appstream"].join("getPackage"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let said = keys(&[Path::new("--checksig"), Path::new("--verbose"), &package]);
    assert!(
        said.contains("OK") && !said.contains("NOKEY") && !said.contains("NOTFOUND"),
        "{said}"
    );
}

/// Nothing says that the stream is the default, so `dnf` takes PHP 8.0 until it is enabled, and 8.2 from then on.
#[test]
fn dnf_hides_what_an_enabled_stream_hides() {
    let Some(laboratory) = laboratory() else { return };
    if Command::new("dnf").arg("--version").output().is_err() {
        println!("skipped: dnf is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dnf = |words: &[&str]| {
        let mut command = Command::new("dnf");
        command
            .args([
                "--quiet",
                "--assumeyes",
                "--setopt=reposdir=/dev/null",
                "--setopt=module_platform_id=platform:el9",
            ])
            .args(["--releasever=9", "--forcearch=x86_64"])
            .arg(format!("--installroot={}", folder.path().join("root").display()))
            .arg(format!("--setopt=cachedir={}", folder.path().join("cache").display()));
        for (name, path) in laboratory.repositories() {
            command.arg(format!("--repofrompath={name},{}", path.display()));
        }
        let output = command.args(words).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let version = ["repoquery", "--available", "--qf", "%{version}", "php-fpm"];
    assert_eq!(dnf(&version), "8.0.30");
    dnf(&["module", "enable", "php:8.2"]);
    assert_eq!(dnf(&version), "8.2.28");
    let version = ["repoquery", "--available", "--qf", "%{version}", "postgresql-server"];
    assert_eq!(dnf(&version), "13.20");
    dnf(&["module", "enable", "postgresql:15"]);
    assert_eq!(dnf(&version), "15.12");
}
