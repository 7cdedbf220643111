//! A project, an archive, and the command between them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use fs_err as fs;
use qclock_testkit::deb::Deb;
use qclock_testkit::mirror::{Mirror, Suite};
use tempfile::TempDir;

pub(crate) struct Fixture {
    pub mirror: Mirror,
    folder: TempDir,
}

/// What a run of the command gave.
#[must_use = "compare the whole outcome, or at least the exit status"]
pub(crate) struct Outcome {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Images `base` (libc6) and `app` (web without perl); the archive has both suites, and web's update in neither.
const BASE: &str = "name = 'base'\ntitle = 'Base'\ndescription = 'b'\n[packages.test12]\ninstall = ['libc6']\n";
pub(crate) const APP: &str = "name = 'app'\ntitle = 'App'\ndescription = 'a'\nparent = 'base'\n[packages.test12]\ninstall = ['web']\n\
                   [[packages.test12.omit]]\nnames = ['perl']\nreason = 'only a helper is written in it'\n";

/// The one script there is, reviewed.
fn ledger() -> String {
    format!(
        "format = 1\nflavour = 'test12'\n[[script]]\npackages = ['libc6']\nname = 'postinst'\nsha256 = '{}'\n\
         verdict = 'not-needed'\nreason = 'refreshes a cache'\n",
        qclock_testkit::mirror::hex(b"#!/bin/sh\nldconfig\n")
    )
}

impl Fixture {
    pub(crate) fn new() -> Result<Self> {
        let mut mirror = Mirror::new()?;
        let mut main = Suite::new("debian", "bookworm");
        main.packages = vec![
            Deb::new("libc6", "2.36-9+deb12u1")
                .file("usr/lib/libc.so.6", b"library")
                .script("postinst", "#!/bin/sh\nldconfig\n"),
            Deb::new("web", "1.0-1")
                .field("Depends", "libc6 (>= 2.36), libmod | libmod-old, perl")
                .field("Source", "web-server (1.0)")
                .file("usr/sbin/web", b"server"),
            Deb::new("libmod", "3.1-2")
                .field("Depends", "libc6")
                .field("Provides", "libmod-abi (= 3)")
                .file("usr/lib/libmod.so", &[b'm'; 40_000]),
            Deb::new("perl", "5.36-7").file("usr/bin/perl", b"perl"),
        ];
        mirror.suites = vec![main, Suite::new("debian-security", "bookworm-security")];
        mirror.publish()?;

        let fixture = Self {
            mirror,
            folder: tempfile::tempdir()?,
        };
        let suite = |name: &str, archive: &str| {
            format!(
                "[[suite]]\nname = '{name}'\narchive = '{archive}'\ncomponents = ['main']\nkeys = ['archive.asc']\n"
            )
        };
        let head = "name = 'test12'\ntitle = 'Test 12'\nevaluation = true\narchitecture = 'amd64'\n";
        let suites = suite("bookworm", "debian") + &suite("bookworm-security", "debian-security");
        fixture.write("images/flavours/test12.toml", &format!("{head}{suites}"))?;
        fixture.write("images/base/image.toml", BASE)?;
        fixture.write("images/app/image.toml", APP)?;
        fixture.write("images/test12.ledger.toml", &ledger())?;
        let key = String::from_utf8(fixture.mirror.key()?)?;
        fixture.write("images/flavours/keys/archive.asc", &key)?;
        Ok(fixture)
    }

    /// The project, locked.
    pub(crate) fn locked() -> Result<Self> {
        let fixture = Self::new()?;
        let outcome = fixture.run(&["lock"]);
        anyhow::ensure!(outcome.status == 0, "{}", outcome.text());
        fixture.mirror.server.asked();
        Ok(fixture)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub(crate) fn lock_path(&self) -> PathBuf {
        self.root().join("images/test12.lock")
    }

    pub(crate) fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        Ok(fs::write(path, text)?)
    }

    pub(crate) fn append(&self, path: &str, text: &str) -> Result<()> {
        let old = fs::read_to_string(self.root().join(path))?;
        self.write(path, &(old + text))
    }

    /// Changes the package in its suite and publishes.
    pub(crate) fn change(&mut self, name: &str, change: impl FnOnce(&mut Deb)) -> Result<()> {
        change(self.mirror.suite("bookworm")?.package(name)?);
        self.mirror.publish()
    }

    /// Where the server has a package's file.
    pub(crate) fn pool(&mut self, name: &str) -> Result<String> {
        Ok(Mirror::pool_path(
            "debian",
            self.mirror.suite("bookworm")?.package(name)?,
        ))
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, &[])
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qclock"));
        command
            .args(arguments)
            .current_dir(self.root())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("QCLOCK_FLAVOUR", "test12")
            .env("QCLOCK_CACHE_DIR", self.cache())
            .env("QCLOCK_DEBIAN_MIRROR", self.mirror.address())
            .env("QCLOCK_NETWORK_TIMEOUT", "1");
        command
    }

    pub(crate) fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
        let output = self.command(arguments).envs(environment.iter().copied()).output();
        let output = output.expect("the command was built with the tests");
        Outcome {
            status: output.status.code().unwrap_or(-1),
            stdout: self.filtered(&output.stdout),
            stderr: self.filtered(&output.stderr),
        }
    }

    /// Without what is different in each run.
    fn filtered(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.replace(self.mirror.server.address(), "http://mirror")
            .replace(&self.folder.path().display().to_string(), "[folder]")
    }
}

impl Outcome {
    /// Everything at once, for snapshots.
    pub(crate) fn text(&self) -> String {
        let Self { status, stdout, stderr } = self;
        format!("status: {status}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}

/// Digests, fingerprints and dates are different in each run.
pub(crate) fn stable(act: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"\b[0-9a-f]{64}\b", "[sha256]");
    settings.add_filter(r"\b[0-9A-F]{40}\b", "[fingerprint]");
    settings.add_filter(r"\b[0-9A-F]{16}\b", "[key]");
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[date]");
    settings.add_filter(r"[0-9.]+ [KM]?i?B\b", "[size]");
    settings.add_filter(r"size = \d+", "size = [size]");
    settings.add_filter(r"tried for \d+ s", "tried for [seconds] s");
    settings.add_filter(r"os error \d+", "os error [number]");
    settings.bind(act);
}
