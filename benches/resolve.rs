//! How long `qclock resolve` takes beside dnf, on the same repositories, in one run.
//!
//!     cargo bench -p qclock --bench resolve -- [--rounds N] [FOLDER]
//!
//! FOLDER holds Enterprise Linux 9 repositories (by default `../shared/el9` beside the checkout).  Both are asked for `httpd php-fpm`
//! with the stream php:8.2.  Cold: an empty cache, all metadata is read.  Warm: the second question.  Ends with 1 when cold is less than
//! 10 times as fast, warm less than 50 times, the answers differ, or a cold question takes more than 300 MB.

#![expect(clippy::print_stdout, reason = "a measurement for people")]

#[path = "measure.rs"]
mod measure;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};
use fs_err as fs;

use measure::{Race, arguments, timed};

const REPOSITORIES: [(&str, &str); 2] = [
    ("appstream", "centos-stream9-appstream-2025-01"),
    ("baseos", "centos-stream9-baseos-2022-02"),
];
const REQUEST: [&str; 2] = ["httpd", "php-fpm"];
const MODULE: &str = "[php]\nname=php\nstream=8.2\nprofiles=\nstate=enabled\n";
const MOST_MEGABYTES: u64 = 300;

fn main() -> Result<ExitCode> {
    let (rounds, place) = arguments(5)?;
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/el9");
    let folder = place.map_or(default, PathBuf::from);
    let Ok(folder) = fs::canonicalize(&folder) else {
        println!("skipped: there is no `{}`", folder.display());
        return Ok(ExitCode::SUCCESS);
    };
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
    let dnf = Dnf::new(&folder, scratch.path())?;
    let ours = Qclock {
        folder: &folder,
        cache: scratch.path().join("qclock"),
    };
    let (mut cold, mut warm) = (Race::new("cold", 10.0), Race::new("warm", 50.0));
    let (mut same, mut megabytes) = (true, 0);
    for _ in 0..rounds {
        forget(&dnf.cache())?;
        forget(&ours.cache)?;
        // Nothing is installed: dnf says that it was told not to, and ends with 1.
        let (theirs_took, theirs) = timed(&mut dnf.command(), &[0, 1])?;
        let (ours_took, answer) = timed(&mut ours.command(), &[0])?;
        cold.add(theirs_took, ours_took);
        same &= count_of_dnf(&theirs) == answer.lines().count();
        for _ in 0..6 {
            let (theirs_took, _) = timed(&mut dnf.command(), &[0, 1])?;
            let (ours_took, _) = timed(&mut ours.command(), &[0])?;
            warm.add(theirs_took, ours_took);
        }
        forget(&ours.cache)?;
        megabytes = megabytes.max(ours.memory()?);
    }
    println!(
        "answers are {}; a cold question takes {megabytes} MB",
        if same { "equal" } else { "different" }
    );
    let fast = [cold.tell(), warm.tell()];
    let good = same && megabytes < MOST_MEGABYTES && fast == [true; 2];
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Dnf {
    root: PathBuf,
    folder: PathBuf,
}

impl Dnf {
    fn new(folder: &Path, scratch: &Path) -> Result<Self> {
        let root = scratch.join("root");
        let modules = root.join("etc/dnf/modules.d");
        fs::create_dir_all(&modules)?;
        fs::write(modules.join("php.module"), MODULE)?;
        let folder = folder.to_owned();
        Ok(Self { root, folder })
    }

    fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    fn command(&self) -> Command {
        let mut command = Command::new("dnf");
        command.env("COLUMNS", "300").env("LC_ALL", "C");
        command.args(["-y", "--releasever", "9", "--forcearch", "x86_64"]);
        command.arg("--installroot").arg(&self.root);
        command.arg(format!("--setopt=cachedir={}", self.cache().display()));
        for setting in [
            "reposdir=/nonexistent",
            "module_platform_id=platform:el9",
            "install_weak_deps=0",
            "best=1",
            "gpgcheck=0",
        ] {
            command.arg(format!("--setopt={setting}"));
        }
        for (name, place) in REPOSITORIES {
            let place = self.folder.join(place);
            command
                .arg("--repofrompath")
                .arg(format!("{name},file://{}", place.display()));
        }
        command.args(["install", "--assumeno"]).args(REQUEST);
        command
    }
}

struct Qclock<'a> {
    folder: &'a Path,
    cache: PathBuf,
}

impl Qclock<'_> {
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qclock"));
        command.arg("resolve").args(REQUEST).args(["--module", "php:8.2"]);
        for (name, place) in REPOSITORIES {
            let place = self.folder.join(place);
            command.arg("--repo").arg(format!("{name}={}", place.display()));
        }
        command.env("QCLOCK_CACHE_DIR", &self.cache);
        command
    }

    /// The most memory that a question took, in MB, as the kernel counts it while it runs.
    fn memory(&self) -> Result<u64> {
        let mut child = self.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let status = format!("/proc/{}/status", child.id());
        let mut most = 0;
        while child.try_wait()?.is_none() {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            most = most.max(kilobytes.unwrap_or(0));
            std::thread::yield_now();
        }
        Ok(most / 1024)
    }
}

/// Packages in dnf's table.
fn count_of_dnf(output: &str) -> usize {
    let is_package = |line: &&str| line.starts_with(' ') && (line.contains(" x86_64 ") || line.contains(" noarch "));
    output.lines().filter(is_package).count()
}

fn forget(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("cannot forget"),
        _ => Ok(()),
    }
}
