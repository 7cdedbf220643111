//! The images as bytes: the same from the same lock, and readable by everybody else's tools.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use qclock_testkit::stack::{Flavour, IMAGES, Stack};

/// Builds once more with everything different that must not matter: another checkout, home, time zone, locale, umask and an empty cache;
/// in the full run with programs compiled in that other checkout, too.
pub(crate) fn same_bytes(stack: &Stack) -> Result<()> {
    let here = digests(stack, stack.root(), None)?;
    let folder = tempfile::tempdir()?;
    let checkout = folder.path().join("another place");
    if stack.flavour == Flavour::Debian12 {
        copy_checkout(&checkout)?;
        fs_err::copy(root().join(lock_in_use()), checkout.join("images/debian12.lock"))?;
    } else {
        copy_folder(&stack.root().join("images"), &checkout.join("images"))?;
    }
    let compiles = stack.flavour == Flavour::Debian12 && std::env::var_os("QCLOCK_TEST_FULL").is_some();
    let programs = if compiles {
        compile(&checkout, folder.path())?
    } else {
        programs()?
    };
    let build = |cache: &Path| -> Result<std::process::Output> {
        Ok(elsewhere(
            &programs.join("qclock"),
            &["build", "--quiet", "--unreviewed", "warn"],
            &checkout,
            folder.path(),
        )
        .envs(stack.environment())
        .env("QCLOCK_CACHE_DIR", cache)
        .output()?)
    };
    let mut output = build(&folder.path().join("cache"))?;
    if output.status.code() == Some(4) {
        println!("    the mirror no longer has every locked file: building from this machine's cache");
        output = build(&cache())?;
    }
    ensure!(
        output.status.success(),
        "the second build: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let there = digests(stack, &checkout, Some(&programs))?;
    ensure!(here == there, "digests differ: here {here:?}, there {there:?}");
    Ok(())
}

/// `skopeo` reads the layout and the archive, `docker load` the archive; all agree on what they read.
pub(crate) fn other_readers(stack: &Stack) -> Result<()> {
    let programs = programs()?;
    let qclock = programs.join("qclock").display().to_string();
    let folder = tempfile::tempdir()?;
    let archive = folder.path().join("base.tar").display().to_string();
    let lock = lock_in_use().display().to_string();
    stack.run(
        &qclock,
        &[
            "build",
            "base",
            "--quiet",
            "--lock",
            &lock,
            "--unreviewed",
            "warn",
            "--archive",
            &archive,
        ],
    )?;
    let digest = stack.run(&qclock, &["digest", "base"])?;
    let digest = digest.trim();
    let read = |address: &str| stack.run("skopeo", &["inspect", "--format", "{{.Digest}}", address]);
    ensure!(
        read("oci:dist/debian12:qclock-base")?.trim() == digest,
        "skopeo reads another digest from the layout"
    );
    let read_from_archive = read(&format!("oci-archive:{archive}"))?;
    ensure!(
        read_from_archive.trim() == digest,
        "skopeo reads {read_from_archive} from the archive, not {digest}"
    );
    // With its layers unpacked, and in Docker's own form: nothing may be left over or cut off.
    let unpacked = folder.path().join("unpacked.tar").display().to_string();
    stack.run(
        "skopeo",
        &[
            "copy",
            "--quiet",
            &format!("oci-archive:{archive}:qclock-base"),
            &format!("docker-archive:{unpacked}:qclock-base:unpacked"),
        ],
    )?;
    let layers = |address: &str| {
        stack.run(
            "skopeo",
            &["inspect", "--config", "--format", "{{.RootFS.DiffIDs}}", address],
        )
    };
    ensure!(
        layers(&format!("docker-archive:{unpacked}"))? == layers(&format!("oci-archive:{archive}"))?,
        "skopeo unpacks other layers"
    );
    let loaded = stack.run("docker", &["load", "--input", &archive])?;
    ensure!(loaded.contains("qclock-base"), "docker load says {loaded}");
    Ok(())
}

/// The lock that the scripts have built from: the committed one, or this machine's own where that one had aged.
pub(crate) fn lock_in_use() -> PathBuf {
    let (own, committed) = (Path::new(".qclock/debian12.lock"), Path::new("images/debian12.lock"));
    let age = |path: &Path| {
        std::fs::metadata(root().join(path))
            .and_then(|data| data.modified())
            .ok()
    };
    if age(own).is_some_and(|own| age(committed).is_none_or(|committed| own > committed)) {
        own
    } else {
        committed
    }
    .to_owned()
}

fn digests(stack: &Stack, project: &Path, programs_there: Option<&Path>) -> Result<Vec<String>> {
    let programs = programs_there.map_or_else(programs, |folder| Ok(folder.to_owned()))?;
    let qclock = programs.join("qclock").display().to_string();
    let project = project.display().to_string();
    IMAGES
        .iter()
        .map(|image| stack.run(&qclock, &["digest", image, "--project", &project]))
        .collect()
}

/// Copies what git tracks or would track, as it stands in the work tree.
fn copy_checkout(to: &Path) -> Result<()> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .stdin(Stdio::null())
        .output()?;
    ensure!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    for name in String::from_utf8(output.stdout)?.split_terminator('\0') {
        let from = root().join(name);
        if from.is_file() {
            let target = to.join(name);
            fs_err::create_dir_all(target.parent().context("a file lies in a folder")?)?;
            fs_err::copy(&from, &target)?;
        }
    }
    Ok(())
}

pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let (path, target) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            fs_err::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// Compiles the other checkout with another home and another name for Cargo's folder.
fn compile(checkout: &Path, home: &Path) -> Result<PathBuf> {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .context("no home")?;
    let alias = home.join("cargo");
    std::os::unix::fs::symlink(&cargo_home, &alias)?;
    let rustup = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let rustup = rustup
        .or_else(|| std::env::home_dir().map(|home| home.join(".rustup")))
        .context("no home")?;
    let output = elsewhere(
        Path::new("cargo"),
        &["build", "--release", "--workspace", "--locked"],
        checkout,
        home,
    )
    .env("CARGO_HOME", &alias)
    .env("RUSTUP_HOME", rustup)
    .env_remove("CARGO_TARGET_DIR")
    .output()?;
    ensure!(
        output.status.success(),
        "cargo build: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let triple = programs()?;
    let triple = triple.parent().and_then(Path::file_name).context("no target folder")?;
    Ok(checkout.join("target").join(triple).join("release"))
}

/// A command run in another folder, home, time zone, locale and umask.
fn elsewhere(program: &Path, arguments: &[&str], folder: &Path, home: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask 0077; exec \"$@\"", "sh"])
        .arg(program)
        .args(arguments)
        .current_dir(folder)
        .env("HOME", home)
        .env("TZ", "Pacific/Kiritimati")
        .env("LANG", "tr_TR.UTF-8")
        .env("LC_ALL", "tr_TR.UTF-8")
        .stdin(Stdio::null());
    command
}

/// Folder of our own programs: the one above this test's.
pub(crate) fn programs() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program
        .parent()
        .and_then(Path::parent)
        .context("no folder of programs")?;
    ensure!(
        folder.join("qclock").exists(),
        "no qclock in {}: build the workspace first",
        folder.display()
    );
    Ok(folder.to_owned())
}

/// Where `qclock` keeps files.
pub(crate) fn cache() -> PathBuf {
    let named = std::env::var_os("QCLOCK_CACHE_DIR").map(PathBuf::from);
    let home = || std::env::home_dir().unwrap_or_default().join(".cache");
    named.unwrap_or_else(|| {
        std::env::var_os("XDG_CACHE_HOME")
            .map_or_else(home, PathBuf::from)
            .join("qclock")
    })
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
