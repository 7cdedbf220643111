//! How long `qclock build` takes for an image of a hundred RPM packages from the cache, beside `dnf --installroot` of the same packages
//! followed by tar and gzip, in one run.
//!
//!     cargo bench -p qclock --bench image -- [--rounds N]
//!
//! The packages are made for the run and signed with a key made for the run; what is in them are this machine's own libraries and
//! programs, about a megabyte each.  Needs dnf, and root for `--installroot`.  Ends with 1 when it is less than 5 times as fast.

#![expect(clippy::print_stdout, reason = "a measurement for people")]

#[path = "measure.rs"]
mod measure;

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Result, ensure};
use fs_err as fs;
use qclock_testkit::rpm::{File, Rpm};
use qclock_testkit::rpm_mirror::{Repository, RpmMirror};

use measure::{Race, arguments, timed};

const PACKAGES: usize = 100;
/// Of each package, before compression.
const PACKAGE_BYTES: u64 = 1 << 20;
const PATH: &str = "EL9/baseos/x86_64";
const FLAVOUR: &str = "name = 'test9'\ntitle = 'Test 9'\nevaluation = false\narchitecture = 'x86_64'\nplatform = 'el9'\n\
                       mirror = 'http://127.0.0.1:1/unreachable'\n[[repository]]\nname = 'baseos'\n\
                       path = 'EL9/baseos/@architecture@'\nkeys = ['packages.asc']\n";

fn main() -> Result<ExitCode> {
    let (rounds, _) = arguments(3)?;
    if Command::new("dnf")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        println!("skipped: there is no dnf to compare with (Debian's package `dnf` has it)");
        return Ok(ExitCode::SUCCESS);
    }
    let scratch = tempfile::tempdir()?;
    let mut mirror = RpmMirror::new()?;
    mirror.repositories = vec![Repository::new(PATH, packages()?)];
    mirror.publish()?;
    mirror.write_to(&scratch.path().join("mirror"))?;
    let bench = Bench {
        folder: scratch.path(),
        mirror: &mirror,
    };
    bench.write_project()?;
    // Both have everything at hand: ours in its cache, dnf in the folder of the repository, whose metadata it has read.
    timed(&mut bench.qclock(&["lock"]), &[0])?;
    timed(&mut bench.qclock(&["build"]), &[0])?;
    timed(&mut bench.dnf(), &[0])?;
    let mut race = Race::new("image of 100 packages", 5.0);
    for _ in 0..rounds {
        bench.forget()?;
        let (installed, _) = timed(&mut bench.dnf(), &[0])?;
        let (packed, _) = timed(&mut bench.tar(), &[0])?;
        let (built, _) = timed(&mut bench.qclock(&["build"]), &[0])?;
        println!(
            "dnf {:.2} s, tar and gzip {:.2} s; qclock {:.2} s",
            installed.wall.as_secs_f64(),
            packed.wall.as_secs_f64(),
            built.wall.as_secs_f64()
        );
        race.add(installed + packed, built);
    }
    Ok(if race.tell() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Bench<'a> {
    folder: &'a Path,
    mirror: &'a RpmMirror,
}

impl Bench<'_> {
    fn project(&self) -> PathBuf {
        self.folder.join("project")
    }

    fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    fn write_project(&self) -> Result<()> {
        let names: Vec<String> = (0..PACKAGES).map(|number| format!("'{}'", name(number))).collect();
        let image = format!(
            "name = 'base'\ntitle = 'Base'\ndescription = 'b'\n[packages.test9]\ninstall = [{}]\n",
            names.join(", ")
        );
        let images = self.project().join("images");
        fs::create_dir_all(images.join("flavours/keys"))?;
        fs::create_dir_all(images.join("base"))?;
        fs::write(images.join("flavours/test9.toml"), FLAVOUR)?;
        fs::write(images.join("flavours/keys/packages.asc"), self.mirror.key()?)?;
        Ok(fs::write(images.join("base/image.toml"), image)?)
    }

    fn qclock(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qclock"));
        command
            .args(arguments)
            .current_dir(self.project())
            .env("QCLOCK_FLAVOUR", "test9")
            .env("QCLOCK_CACHE_DIR", self.folder.join("cache"))
            .env("QCLOCK_TEST_MIRROR", self.mirror.server.address());
        command
    }

    fn dnf(&self) -> Command {
        let mut command = Command::new("dnf");
        command.args(["-q", "-y", "--nogpgcheck", "--releasever=9", "--forcearch=x86_64"]);
        for setting in [
            "reposdir=/dev/null",
            "module_platform_id=platform:el9",
            "install_weak_deps=False",
            "tsflags=noscripts,notriggers",
        ] {
            command.arg(format!("--setopt={setting}"));
        }
        command
            .arg(format!("--setopt=cachedir={}", self.folder.join("dnf").display()))
            .arg(format!("--installroot={}", self.root().display()))
            .arg(format!(
                "--repofrompath=baseos,{}",
                self.folder.join("mirror").join(PATH).display()
            ))
            .arg("install")
            .args((0..PACKAGES).map(name));
        command
    }

    fn tar(&self) -> Command {
        let mut command = Command::new("sh");
        let script = "tar --directory \"$1\" --sort=name --create . | gzip --no-name > \"$2\"";
        command
            .args(["-c", script, "sh"])
            .arg(self.root())
            .arg(self.folder.join("layer.tar.gz"));
        command
    }

    /// What was installed and built, but not what was fetched.
    fn forget(&self) -> Result<()> {
        fs::remove_dir_all(self.root())?;
        Ok(fs::remove_dir_all(self.project().join("dist"))?)
    }
}

fn name(number: usize) -> String {
    format!("part-{number:03}")
}

/// Packages of this machine's files, as they come.
fn packages() -> Result<Vec<Rpm>> {
    let mut paths = files_in("/usr/lib/x86_64-linux-gnu")?;
    paths.extend(files_in("/usr/bin")?);
    let mut paths = paths.into_iter();
    let mut packages = Vec::new();
    for number in 0..PACKAGES {
        let folder = format!("/usr/share/part/{number}");
        let mut files = vec![File::directory(&folder)];
        let mut size = 0;
        while size < PACKAGE_BYTES {
            let Some(path) = paths.next() else {
                break;
            };
            let content = fs::read(&path)?;
            // Without its first byte it is no program, whose libraries an image must have, but as large and as easy to compress.
            let Some(content) = content.get(1..) else {
                continue;
            };
            size += content.len() as u64;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.push(File::new(&format!("{folder}/{name}"), content));
        }
        packages.push(Rpm {
            architecture: "x86_64".to_owned(),
            ..Rpm::new(&name(number), files)
        });
    }
    let full = packages.iter().filter(|package| package.files.len() > 1).count();
    ensure!(full == PACKAGES, "this machine has files for {full} packages only");
    Ok(packages)
}

/// Files of a size that packages mostly have, by name.
fn files_in(folder: &str) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let metadata = fs::symlink_metadata(&path)?;
        if metadata.is_file() && (4 << 10..2 << 20).contains(&metadata.size()) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
