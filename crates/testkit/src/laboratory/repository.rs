//! Packages built, signed, and put into repositories.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, anyhow};
use fs_err as fs;

use super::stage::{stage, walk};
use super::table::{Source, Table};
use super::{DebianPackages, run, spec};

/// Repositories and where they lie below the mirror, as on Oracle's.
pub(super) const PLACES: [(&str, &str); 2] = [
    ("baseos", "OL9/baseos/latest/x86_64"),
    ("appstream", "OL9/appstream/x86_64"),
];
/// The packages' own time, so that two mirrors from the same files have the same packages, but for their signatures.
const EPOCH: &str = "1751328000";
const USER: &str = "Laboratory of a test <laboratory@example.org>";

/// `mirror` in `work`.
pub(super) fn build(table: &Table, debian: &DebianPackages, work: &Path) -> Result<()> {
    let unpacked = work.join("debian");
    debian.unpack(&unpacked)?;
    let names: Vec<String> = debian.names().map(str::to_owned).collect();
    in_parallel(&table.sources, |number, source| {
        build_source(source, &unpacked, &names, &work.join(format!("source-{number}")))
            .with_context(|| format!("{} {}", source.name, source.version))
    })?;
    let mirror = work.join("mirror");
    let mut packages = Vec::new();
    for (number, source) in table.sources.iter().enumerate() {
        let folder = mirror.join(place(&source.repository)?).join("getPackage");
        fs::create_dir_all(&folder)?;
        for path in walk(&work.join(format!("source-{number}/RPMS")))? {
            let target = folder.join(path.file_name().context("no name")?);
            fs::rename(&path, &target)?;
            packages.push(target);
        }
    }
    fs::write(mirror.join("key.asc"), sign(&packages, work)?)?;
    for (name, path) in PLACES {
        index(table, name, &mirror.join(path), work)?;
    }
    Ok(())
}

fn place(repository: &str) -> Result<&'static str> {
    let found = PLACES.iter().find(|(name, _)| *name == repository);
    found
        .map(|(_, path)| *path)
        .with_context(|| format!("no repository {repository}"))
}

fn build_source(source: &Source, unpacked: &Path, names: &[String], work: &Path) -> Result<()> {
    let staged = work.join("stage");
    for package in &source.packages {
        stage(package, unpacked, names, &staged.join(&package.name))?;
    }
    let path = work.join(format!("{}.spec", source.name));
    fs::write(&path, spec::spec(source, &staged)?)?;
    run(Command::new("rpmbuild")
        .args(["-bb", "--quiet", "--target", "x86_64", "--define"])
        .arg(format!("_topdir {}", work.display()))
        .arg(&path)
        .env("SOURCE_DATE_EPOCH", EPOCH))?;
    Ok(())
}

/// With a key that is thrown away; returns its public part.
fn sign(packages: &[PathBuf], work: &Path) -> Result<String> {
    let home = work.join("gpg");
    fs::create_dir_all(&home)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&home, std::fs::Permissions::from_mode(0o700))?;
    }
    let gpg = |arguments: &[&str]| {
        run(Command::new("gpg")
            .env("GNUPGHOME", &home)
            .args(["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""])
            .args(arguments))
    };
    let signed = gpg(&["--quick-generate-key", USER, "rsa3072", "sign", "1y"]).and_then(|_| {
        run(Command::new("rpmsign")
            .env("GNUPGHOME", &home)
            .args(["--addsign", "--define"])
            .arg(format!("_gpg_name {USER}"))
            .arg("--define")
            .arg(format!("__gpg {}", program("gpg")?.display()))
            .args(packages))?;
        gpg(&["--armor", "--export", USER])
    });
    // The agent that gpg has started would stay.
    drop(run(Command::new("gpgconf")
        .env("GNUPGHOME", &home)
        .args(["--kill", "all"])));
    signed
}

/// rpm wants the whole path.
fn program(name: &str) -> Result<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.with_context(|| format!("no program {name}"))
}

fn index(table: &Table, name: &str, folder: &Path, work: &Path) -> Result<()> {
    run(Command::new("createrepo_c")
        .args([
            "--quiet",
            "--checksum",
            "sha256",
            "--set-timestamp-to-revision",
            "--revision",
            EPOCH,
        ])
        .arg(folder))?;
    let modular: Vec<&Source> = table
        .sources
        .iter()
        .filter(|source| source.repository == name && source.module.is_some())
        .collect();
    if modular.is_empty() {
        return Ok(());
    }
    let path = work.join("modules.yaml");
    fs::write(&path, modules(&modular))?;
    run(Command::new("modifyrepo_c")
        .args(["--mdtype=modules", "--compress-type=gz"])
        .arg(&path)
        .arg(folder.join("repodata")))?;
    Ok(())
}

/// For each stream a document, and one with the module's default profile: like Oracle's it names no default stream.
fn modules(sources: &[&Source]) -> String {
    let mut streams: BTreeMap<&str, Vec<&Source>> = BTreeMap::new();
    for source in sources {
        streams
            .entry(source.module.as_deref().unwrap_or_default())
            .or_default()
            .push(source);
    }
    streams
        .iter()
        .map(|(stream, sources)| module(stream, sources))
        .collect()
}

fn module(label: &str, sources: &[&Source]) -> String {
    let (name, stream) = label.split_once(':').unwrap_or((label, ""));
    let packages = || {
        sources
            .iter()
            .flat_map(|source| source.packages.iter().map(move |package| (source, package)))
    };
    let artifacts: String = packages()
        .map(|(source, package)| format!("      - {}\n", source.artifact(package)))
        .collect();
    // What the module is for.
    let server = packages()
        .map(|(_, package)| package.name.as_str())
        .find(|name| name.ends_with("-fpm") || name.ends_with("-server"))
        .unwrap_or(name);
    format!(
        "---\ndocument: modulemd\nversion: 2\ndata:\n  name: {name}\n  stream: \"{stream}\"\n  version: 9060020250601000000\n  context: 9.6\n  \
         arch: x86_64\n  summary: {name} of the laboratory\n  description: >-\n    {name} of the laboratory\n  license:\n    module:\n    - MIT\n  \
         dependencies:\n  - requires:\n      platform: [el9]\n  profiles:\n    common:\n      rpms:\n      - {server}\n  artifacts:\n    \
         rpms:\n{artifacts}...\n---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: {name}\n  profiles:\n    {stream}: [common]\n...\n"
    )
}

/// Each item once, on as many threads as there are processors.
fn in_parallel<T: Sync>(items: &[T], work: impl Fn(usize, &T) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(item) = items.get(number) else { return Ok(()) };
                        work(number, item)?;
                    }
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(anyhow!("a thread panicked"))))
    })
}
