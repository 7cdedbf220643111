//! A project of RPM packages, a mirror of repositories signed with a key made for the run, and the command between them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use fs_err as fs;
use qclock_testkit::rpm::{File, Rpm};
use qclock_testkit::rpm_mirror::{Repository, RpmMirror};
use tempfile::TempDir;

use crate::support::Outcome;

pub(crate) struct RpmFixture {
    pub mirror: RpmMirror,
    folder: TempDir,
}

pub(crate) const BASEOS: &str = "EL9/baseos/x86_64";
pub(crate) const APPSTREAM: &str = "EL9/appstream/x86_64";

const FLAVOUR: &str = "name = 'test9'\ntitle = 'Test 9'\nevaluation = false\narchitecture = 'x86_64'\nplatform = 'el9'\n\
                       streams = ['php:8.2']\nmirror = 'http://127.0.0.1:1/unreachable'\n";
const BASE: &str = "name = 'base'\ntitle = 'Base'\ndescription = 'b'\n[packages.test9]\ninstall = ['glibc', 'filesystem']\n\
                    [[account]]\nname = 'web'\nuid = 48\ngid = 48\ncomment = 'Web'\nhome = '/srv'\nshell = '/usr/sbin/nologin'\n\
                    [[group]]\nname = 'web'\ngid = 48\n";
const APP: &str = "name = 'app'\ntitle = 'App'\ndescription = 'a'\nparent = 'base'\n[packages.test9]\ninstall = ['web', 'php-fpm']\n\
                   [[packages.test9.omit]]\nnames = ['/usr/bin/perl']\nreason = 'only a helper is written in it'\n\
                   [[packages.test9.omit]]\nnames = ['systemd*']\nreason = 'nothing but the supervisor starts anything'\n";
const MODULES: &str = "document: modulemd\nversion: 2\ndata:\n  name: php\n  stream: \"8.2\"\n  version: 9\n  context: c0ffee\n  arch: x86_64\n  \
                       dependencies:\n  - requires:\n      platform: [el9]\n  artifacts:\n    rpms:\n    - php-fpm-0:8.2-1.el9.x86_64\n";

impl RpmFixture {
    pub(crate) fn new() -> Result<Self> {
        let mut mirror = RpmMirror::new()?;
        let mut appstream = Repository::new(APPSTREAM, vec![web(), library(), php("8.0"), php("8.2")]);
        appstream.modules = Some(MODULES.to_owned());
        mirror.repositories = vec![Repository::new(BASEOS, vec![glibc(), filesystem(), perl()]), appstream];
        mirror.publish()?;
        let fixture = Self {
            mirror,
            folder: tempfile::tempdir()?,
        };
        let repository = |name: &str, path: &str| {
            format!("[[repository]]\nname = '{name}'\npath = 'EL9/{path}/@architecture@'\nkeys = ['packages.asc']\n")
        };
        let repositories = repository("baseos", "baseos") + &repository("appstream", "appstream");
        fixture.write("images/flavours/test9.toml", &format!("{FLAVOUR}{repositories}"))?;
        fixture.write("images/base/image.toml", BASE)?;
        fixture.write("images/app/image.toml", APP)?;
        let key = String::from_utf8(fixture.mirror.key()?)?;
        fixture.write("images/flavours/keys/packages.asc", &key)?;
        Ok(fixture)
    }

    /// Adds the same packages for another architecture to the mirror.
    pub(crate) fn add_aarch64(&mut self) -> Result<()> {
        let mut others = self.mirror.repositories.clone();
        for repository in &mut others {
            repository.path = repository.path.replace("x86_64", "aarch64");
            repository.modules = repository.modules.take().map(|text| text.replace("x86_64", "aarch64"));
            for package in &mut repository.packages {
                "aarch64".clone_into(&mut package.architecture);
            }
        }
        self.mirror.repositories.extend(others);
        self.mirror.publish()
    }

    /// The project, locked.
    pub(crate) fn locked() -> Result<Self> {
        let fixture = Self::new()?;
        let outcome = fixture.run(&["lock"]);
        anyhow::ensure!(outcome.status == 0, "{}", outcome.text());
        fixture.mirror.server.asked();
        Ok(fixture)
    }

    /// Has a verdict on every scriptlet.
    pub(crate) fn review(&self) -> Result<()> {
        let reviewed = [("glibc", "%post"), ("web", "%pre")];
        for (package, script) in reviewed {
            let verdict = ["--verdict", "not-needed", "--reason", "nothing here needs it"];
            let outcome = self.run(&[&["ledger", "record", package, script][..], &verdict].concat());
            anyhow::ensure!(outcome.status == 0, "{}", outcome.text());
        }
        Ok(())
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub(crate) fn lock_path(&self) -> PathBuf {
        self.root().join("images/test9.lock")
    }

    pub(crate) fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        Ok(fs::write(path, text)?)
    }

    pub(crate) fn read(&self, path: &str) -> Result<String> {
        Ok(fs::read_to_string(self.root().join(path))?)
    }

    /// Changes a package of a repository and publishes.
    pub(crate) fn change(&mut self, repository: &str, name: &str, change: impl FnOnce(&mut Rpm)) -> Result<()> {
        change(self.mirror.repository(repository)?.package(name)?);
        self.mirror.publish()
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
            .env("QCLOCK_FLAVOUR", "test9")
            .env("QCLOCK_CACHE_DIR", self.cache())
            .env("QCLOCK_TEST_MIRROR", self.mirror.server.address())
            .env("QCLOCK_NETWORK_TIMEOUT", "1");
        command
    }

    /// A variable that is empty counts as not set.
    pub(crate) fn run_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
        let output = self.command(arguments).envs(environment.iter().copied()).output();
        let output = output.expect("the command was built with the tests");
        let filtered = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.replace(self.mirror.server.address(), "http://mirror")
                .replace(&self.folder.path().display().to_string(), "[folder]")
        };
        Outcome {
            status: output.status.code().unwrap_or(-1),
            stdout: filtered(&output.stdout),
            stderr: filtered(&output.stderr),
        }
    }
}

fn native(name: &str, files: Vec<File>) -> Rpm {
    Rpm {
        architecture: "x86_64".to_owned(),
        ..Rpm::new(name, files)
    }
}

fn program(path: &str, content: &[u8]) -> File {
    File {
        mode: 0o100_755,
        ..File::new(path, content)
    }
}

pub(crate) fn glibc() -> Rpm {
    native(
        "glibc",
        vec![
            File::directory("/usr/lib64"),
            program("/usr/lib64/libc.so.6", b"library"),
            File::symlink("/lib64/libc.so", "libc.so.6"),
        ],
    )
    .provides("libc.so.6()(64bit)")
    .scriptlet("post", "/sbin/ldconfig\n")
}

fn filesystem() -> Rpm {
    native(
        "filesystem",
        vec![
            File::directory("/usr"),
            File::directory("/usr/bin"),
            File::symlink("/bin", "usr/bin"),
            File::symlink("/lib64", "usr/lib64"),
        ],
    )
}

fn perl() -> Rpm {
    native("perl-interpreter", vec![program("/usr/bin/perl", b"perl")])
}

fn web() -> Rpm {
    let log = File {
        user: "web".to_owned(),
        group: "web".to_owned(),
        mode: 0o040_750,
        ..File::directory("/var/log/web")
    };
    let suexec = File {
        mode: 0o104_755,
        capabilities: "cap_setuid=ep".to_owned(),
        ..File::new("/usr/sbin/suweb", b"suweb")
    };
    let ghost = File {
        flags: 64,
        ..File::new("/var/lib/web/state", b"")
    };
    let mut first = program("/usr/sbin/web", b"server");
    first.inode = 7;
    let mut second = program("/usr/sbin/web-alias", b"server");
    second.inode = 7;
    native("web", vec![log, suexec, ghost, first, second])
        .requires("libc.so.6()(64bit)")
        .requires("libmod")
        .requires("/usr/bin/perl")
        .requires("systemd-units")
        .scriptlet("pre", "useradd -r -u 48 web\n")
}

fn library() -> Rpm {
    native("libmod", vec![File::new("/usr/lib64/libmod.so", &[b'm'; 40_000])]).requires("libc.so.6()(64bit)")
}

fn php(version: &str) -> Rpm {
    let mut package = native("php-fpm", vec![program("/usr/sbin/php-fpm", version.as_bytes())]);
    version.clone_into(&mut package.version);
    package
}
