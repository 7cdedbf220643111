//! Packages that others made and signed, from a repository that `createrepo_c` made, where both are at hand.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;
use tempfile::TempDir;

const DEFINITION: &str = "name = 'base'\ntitle = ''\ndescription = ''\n[packages.real9]\ninstall = ['epel-release', 'remi-release']\n\
    [[packages.real9.omit]]\nreason = 'for scriptlets, or for machines that are installed'\n\
    names = ['/bin/sh', '/usr/bin/bash', '(redhat-release >= 9.1 or centos-stream-release >= 9)', 'redhat-release', 'system-release*']\n";

/// The folder of published packages, or what is missing.
fn shared() -> std::result::Result<PathBuf, String> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/el9");
    let folder = std::env::var_os("QCLOCK_EL9_DATA").map_or(beside, PathBuf::from);
    if !folder.join("signed-rpms").is_dir() {
        return Err(format!("there is no folder {}", folder.display()));
    }
    for tool in ["createrepo_c", "rpm"] {
        if Command::new(tool).arg("--version").output().is_err() {
            return Err(format!("there is no `{tool}` on this machine"));
        }
    }
    Ok(folder)
}

struct Real(TempDir);

impl Real {
    fn new(shared: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let copy = |from: &str, to: &str| -> Result<()> {
            fs::create_dir_all(folder.path().join(to))?;
            for entry in fs::read_dir(shared.join(from))? {
                let entry = entry?;
                fs::copy(entry.path(), folder.path().join(to).join(entry.file_name()))?;
            }
            Ok(())
        };
        copy("signed-rpms", "mirror/R")?;
        copy("keys", "project/images/flavours/keys")?;
        let made = Command::new("createrepo_c")
            .arg("--quiet")
            .arg(folder.path().join("mirror/R"))
            .output()?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let real = Self(folder);
        real.write(
            "flavours/real9.toml",
            "name = 'real9'\ntitle = ''\nevaluation = true\narchitecture = 'x86_64'\nplatform = 'el9'\n[[repository]]\nname = 'real'\n\
             path = 'R'\nkeys = ['RPM-GPG-KEY-EPEL-9', 'RPM-GPG-KEY-remi2021', 'RPM-GPG-KEY-mysql-2022']\n",
        )?;
        real.write("base/image.toml", DEFINITION)?;
        Ok(real)
    }

    fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.0.path().join("project/images").join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        Ok(fs::write(path, text)?)
    }

    /// Status, and what was said.
    fn run(&self, arguments: &[&str]) -> Result<(i32, String)> {
        let output = Command::new(env!("CARGO_BIN_EXE_qclock"))
            .args(arguments)
            .args(["--flavour", "real9"])
            .current_dir(self.0.path().join("project"))
            .env_clear()
            .env("QCLOCK_CACHE_DIR", self.0.path().join("cache"))
            .env("QCLOCK_REAL_MIRROR", self.0.path().join("mirror"))
            .output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.code().unwrap_or(-1), String::from_utf8(said)?))
    }
}

#[test]
fn published_packages_are_locked_built_and_found_whole_by_rpm() -> Result<()> {
    let shared = match shared() {
        Ok(shared) => shared,
        Err(missing) => {
            eprintln!("skipped: {missing}");
            return Ok(());
        }
    };
    let real = Real::new(&shared)?;
    let (status, said) = real.run(&["lock"])?;
    assert_eq!(status, 0, "{said}");
    let lock = fs::read_to_string(real.0.path().join("project/images/real9.lock"))?;
    assert!(
        lock.contains("signed_by = \"FF8AD1344597106ECE813B918A3872BF3228467C\""),
        "{lock}"
    );
    let (status, said) = real.run(&["build", "--unreviewed", "warn"])?;
    assert_eq!(status, 0, "{said}");
    let layout = real.0.path().join("project/dist/real9");
    let root = tempfile::tempdir()?;
    crate::rpm_build::unpack_layout(&layout, "qclock-base", root.path())?;
    let rpm = |arguments: &[&str]| -> Result<String> {
        let output = Command::new("rpm")
            .arg("--root")
            .arg(root.path())
            .args(["--define", "_db_backend sqlite", "--define", "_dbpath /var/lib/rpm"])
            .args(arguments)
            .output()?;
        Ok(String::from_utf8([output.stdout, output.stderr].concat())?)
    };
    assert_eq!(rpm(&["-Va", "--nodeps", "--noscripts", "--nouser", "--nogroup"])?, "");
    assert_eq!(
        rpm(&["-qf", "/etc/yum.repos.d/epel.repo"])?,
        "epel-release-9-8.el9.noarch\n"
    );
    Ok(())
}

#[test]
fn a_published_package_whose_key_has_expired_since_is_not_locked() -> Result<()> {
    let shared = match shared() {
        Ok(shared) => shared,
        Err(missing) => {
            eprintln!("skipped: {missing}");
            return Ok(());
        }
    };
    let real = Real::new(&shared)?;
    real.write(
        "base/image.toml",
        "name = 'base'\ntitle = ''\ndescription = ''\n[packages.real9]\ninstall = ['mysql80-community-release']\n",
    )?;
    let (status, said) = real.run(&["lock"])?;
    assert_eq!(status, 3, "{said}");
    assert!(said.contains("has expired or been revoked since"), "{said}");
    Ok(())
}
