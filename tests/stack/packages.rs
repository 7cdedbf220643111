//! Built trees as rpm sees them, beside what dnf installs from the same repositories.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use qclock_testkit::laboratory::{DebianPackages, Laboratory};
use qclock_testkit::stack::Stack;

use crate::images::{cache, lock_in_use, root};

/// Where an image's package database is, and where this machine's rpm puts one.
const DATABASE: &str = "/var/lib/rpm";

/// What `rpm -Va` finds changed in a built tree (mode, link, capabilities), where, and why it is.
const CHANGED: &[(&str, &str, &str)] = &[
    (
        "M",
        "/usr/bin",
        "holds only our own program: what the package has there is pruned, and the folder made anew",
    ),
    (
        "M",
        "/usr/sbin",
        "what the package has there is pruned but for the servers, and the folder made anew",
    ),
    ("M", "/proc", "declared in the base image, where the runtime mounts"),
    ("M", "/sys", "declared in the base image, where the runtime mounts"),
    ("M", "/root", "declared in the base image"),
    (
        "M",
        "/run",
        "declared in the base image: any service account must be able to write to the memory mounted there",
    ),
    ("L", "/var/lock", "the same place, by an absolute link"),
    ("L", "/var/run", "the same place, by an absolute link"),
    (
        "M",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "generated, readable as any file of ours",
    ),
    (
        "L",
        "/etc/pki/tls/openssl.cnf",
        "a link to our configuration, which takes over the system-wide policy",
    ),
    ("M", "/etc/hosts", "the engine's: it is mounted over in every container"),
    (
        "MUG",
        "/var/lib/mysql",
        "declared in the db image: the server's account is ours",
    ),
    (
        "M",
        "/var/lib/mysql-files",
        "declared in the db image: empty, and nobody's to write to",
    ),
    (
        "P",
        "/usr/libexec/mysqld",
        "the capability to set priorities is dropped: with it the program cannot be started in a container that has none",
    ),
];

/// A path of a package that is left out, at which an image has something of its own: the supervisor goes by the name of bash's shell,
/// and refuses.
const NOT_THE_PACKAGES: &str = "/usr/bin/sh";

/// The same packages give the same files the same owners, and provide and require the same, whoever has installed them; and every
/// difference that `rpm -Va` finds in a built tree is in [`CHANGED`].
pub(crate) fn agree_with_dnf(stack: &Stack) -> Result<()> {
    if fs_err::metadata("/proc/self")?.uid() != 0 {
        println!("    skipped: rpm and dnf need root for trees of their own");
        return Ok(());
    }
    let debian = DebianPackages::locked(&root().join(lock_in_use()), &cache())?;
    let laboratory = Laboratory::prepare(&debian, &cache())?;
    let mut seen = BTreeSet::new();
    for service in ["app", "db", "identity-db"] {
        let folder = tempfile::tempdir()?;
        let built = Tree {
            root: folder.path().join("built"),
            database: DATABASE.to_owned(),
        };
        export(stack, service, &built.root)?;
        let installed = install(&laboratory, &built.packages()?, folder.path())?;
        compare(&built, &installed).context(service)?;
        seen.extend(verify(&built).context(service)?);
    }
    let idle: Vec<_> = CHANGED.iter().filter(|(_, path, _)| !seen.contains(*path)).collect();
    ensure!(idle.is_empty(), "reasons for differences that there are not: {idle:?}");
    Ok(())
}

struct Tree {
    root: PathBuf,
    database: String,
}

impl Tree {
    fn rpm(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("rpm");
        command.arg("--root").arg(&self.root).args(["--dbpath", &self.database]);
        let output = command.args(arguments).stdin(Stdio::null()).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// `name-epoch:version-release.arch`.
    fn packages(&self) -> Result<Vec<String>> {
        let format = "%{NAME}-%{EPOCHNUM}:%{VERSION}-%{RELEASE}.%{ARCH}\\n";
        let listed = self.rpm(&["--query", "--all", "--queryformat", format])?;
        let packages: Vec<String> = listed.lines().map(str::to_owned).collect();
        ensure!(packages.len() > 10, "only {packages:?} in the package database");
        Ok(packages)
    }
}

fn export(stack: &Stack, service: &str, to: &Path) -> Result<()> {
    fs_err::create_dir_all(to)?;
    let archive = to.with_extension("tar").display().to_string();
    stack.run("docker", &["export", "--output", &archive, &stack.container(service)?])?;
    let folder = to.display().to_string();
    stack.run(
        "tar",
        &[
            "--extract",
            "--preserve-permissions",
            "--numeric-owner",
            "--file",
            &archive,
            "--directory",
            &folder,
        ],
    )?;
    Ok(())
}

/// The very packages, and what they require besides; nothing of them is run.
fn install(laboratory: &Laboratory, packages: &[String], folder: &Path) -> Result<Tree> {
    let tree = folder.join("installed");
    let dnf = |words: &[String]| -> Result<()> {
        let mut command = Command::new("dnf");
        command
            .args([
                "--quiet",
                "--assumeyes",
                "--nogpgcheck",
                "--releasever=9",
                "--forcearch=x86_64",
            ])
            .args([
                "--setopt=reposdir=/dev/null",
                "--setopt=module_platform_id=platform:el9",
            ])
            .args([
                "--setopt=install_weak_deps=False",
                "--setopt=tsflags=noscripts,notriggers",
            ])
            .arg(format!("--installroot={}", tree.display()))
            .arg(format!("--setopt=cachedir={}", folder.join("dnf").display()));
        for (name, path) in laboratory.repositories() {
            command.arg(format!("--repofrompath={name},{}", path.display()));
        }
        let output = command.args(words).stdin(Stdio::null()).output().context("dnf")?;
        ensure!(
            output.status.success(),
            "dnf: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    };
    dnf(&["module", "enable", "php:8.2", "postgresql:15"].map(str::to_owned))?;
    dnf(&[&["install".to_owned()], packages].concat())?;
    let database = Command::new("rpm").args(["--eval", "%_dbpath"]).output()?;
    Ok(Tree {
        root: tree,
        database: String::from_utf8_lossy(&database.stdout).trim().to_owned(),
    })
}

fn compare(built: &Tree, installed: &Tree) -> Result<()> {
    let packages = built.packages()?;
    for what in [
        "--provides",
        "--requires",
        "--conflicts",
        "--obsoletes",
        "--scripts",
        "--triggers",
    ] {
        for package in &packages {
            let ours = built.rpm(&["--query", what, package])?;
            let theirs = installed.rpm(&["--query", what, package])?;
            ensure!(ours == theirs, "{what} of {package}: {ours} there {theirs}");
        }
    }
    let mut files = files_of_packages(&built.root)?;
    files.retain(|file| file != NOT_THE_PACKAGES);
    ensure!(files.len() > 300, "only {} files", files.len());
    let mut compared = 0;
    for part in files.chunks(400) {
        let arguments: Vec<&str> = ["--query", "--file"]
            .into_iter()
            .chain(part.iter().map(String::as_str))
            .collect();
        let (ours, theirs) = (built.rpm(&arguments)?, installed.rpm(&arguments)?);
        for ((ours, theirs), file) in ours.lines().zip(theirs.lines()).zip(part) {
            // Of what only an image has, neither knows anything.
            let nobodys = |line: &str| line.contains("not owned") || line.contains("No such file");
            ensure!(
                ours == theirs || (nobodys(ours) && nobodys(theirs)),
                "{file} belongs to {ours}, and as dnf installs to {theirs}"
            );
            compared += usize::from(!nobodys(ours));
        }
    }
    ensure!(compared > 300, "only {compared} files belong to a package");
    Ok(())
}

/// Files and links below folders that packages fill.
fn files_of_packages(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut pending: Vec<PathBuf> = ["etc", "usr"].iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = pending.pop() {
        for entry in fs_err::read_dir(folder)? {
            let path = entry?.path();
            if fs_err::symlink_metadata(&path)?.is_dir() {
                pending.push(path);
            } else {
                found.push(format!("/{}", path.strip_prefix(root)?.display()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The paths that are changed, all of which have their reasons.
fn verify(built: &Tree) -> Result<BTreeSet<String>> {
    let said = built.rpm(&["--verify", "--all", "--nodeps"])?;
    let mut seen = BTreeSet::new();
    let mut unknown = Vec::new();
    for line in said.lines() {
        let path = line.find('/').map_or("", |start| &line[start..]);
        // Nine letters, each a dot where there is no difference.
        let what: String = line.chars().take(9).filter(|letter| *letter != '.').collect();
        let known = |(kind, changed, _): &(&str, &str, &str)| *kind == what && *changed == path;
        if !CHANGED.iter().any(known) {
            unknown.push(line);
        }
        seen.insert(path.to_owned());
    }
    ensure!(
        unknown.is_empty(),
        "rpm --verify says without a known reason:\n{}",
        unknown.join("\n")
    );
    Ok(seen)
}
