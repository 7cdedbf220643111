//! A mirror shaped like Oracle Linux 9, for machines that cannot reach a real one: a small RPM repository with Oracle's package names,
//! versions, paths, requirements and scriptlets, built by `rpmbuild` and `createrepo_c`, signed with a key made for the run.
//!
//! The programs and libraries in it are Debian 12's, taken from the very packages that the evaluation flavour is locked to, and the
//! database behind Oracle's `mysqld` is MariaDB: the mirror proves how images are made from RPM repositories and that they run, not
//! that Oracle's programs do.  It is test equipment, and never the default of anything.

mod certificates;
mod repository;
mod spec;
mod stage;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use fs_err as fs;
use serde::Deserialize;
use sha2::Digest as _;

pub use table::Table;

use crate::mirror::hex;

const TABLE: &str = include_str!("laboratory/packages.toml");
const VERDICTS: &str = include_str!("laboratory/verdicts.toml");
/// Raised when the code here makes something else of the same table.
const GENERATION: u32 = 1;
/// Programs without which there is no laboratory, and Debian's packages that have them.
const TOOLS: [(&str, &str); 6] = [
    ("rpmbuild", "rpm"),
    ("rpmsign", "rpm"),
    ("createrepo_c", "createrepo-c"),
    ("modifyrepo_c", "createrepo-c"),
    ("gpg", "gpg"),
    // Not to make it, but to compare with.
    ("dnf", "dnf"),
];

/// A mirror that is ready.
#[derive(Debug)]
pub struct Laboratory {
    root: PathBuf,
}

impl Laboratory {
    /// The mirror made from these packages, from `cache` if it was made before.
    pub fn prepare(debian: &DebianPackages, cache: &Path) -> Result<Self> {
        let table = Table::parse(TABLE)?;
        let root = cache.join(format!("laboratory-{}", &identity(debian)?[..16]));
        fs::create_dir_all(cache)?;
        // Tests that run beside each other want the same one.
        let lock = fs::File::create(cache.join("laboratory.lock"))?;
        lock.file().lock()?;
        if !root.is_dir() {
            let work = tempfile::Builder::new().prefix("laboratory-new-").tempdir_in(cache)?;
            repository::build(&table, debian, work.path())?;
            remove_older(cache);
            fs::rename(work.path().join("mirror"), &root)?;
        }
        Ok(Self { root })
    }

    /// What `QCLOCK_ORACLELINUX_MIRROR` names.
    pub fn mirror(&self) -> &Path {
        &self.root
    }

    /// The public key, armored.
    pub fn key(&self) -> Result<String> {
        Ok(fs::read_to_string(self.root.join("key.asc"))?)
    }

    /// Folders of the repositories `baseos` and `appstream`.
    pub fn repositories(&self) -> BTreeMap<&'static str, PathBuf> {
        let folder = |(name, path): &(&'static str, &str)| (*name, self.root.join(path));
        repository::PLACES.iter().map(folder).collect()
    }

    /// Makes a project's copy in `to` the laboratory's: its key in the place of Oracle's, and the database's kind.
    pub fn adopt(&self, project: &Path) -> Result<()> {
        fs::write(project.join("images/flavours/keys/oracle-linux-9.asc"), self.key()?)?;
        let path = project.join("images/db/image.toml");
        let text = fs::read_to_string(&path)?;
        let (before, after) = text
            .split_once("[variables.oraclelinux9]")
            .context("no variables of oraclelinux9 in images/db/image.toml")?;
        let kind = "database_kind = \"mysql\"";
        ensure!(after.contains(kind), "no `{kind}` in images/db/image.toml");
        let after = after.replacen(kind, "database_kind = \"mariadb\"", 1).replacen(
            "database = \"MySQL\"",
            "database = \"MariaDB under the name of MySQL\"",
            1,
        );
        Ok(fs::write(&path, format!("{before}[variables.oraclelinux9]{after}"))?)
    }
}

/// What was decided on a scriptlet of the laboratory's packages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    pub package: String,
    pub script: String,
    pub verdict: String,
    pub by: Option<String>,
    pub reason: String,
}

/// By package.
pub fn verdicts() -> Result<Vec<Verdict>> {
    #[derive(Deserialize)]
    struct Document {
        #[serde(rename = "verdict")]
        verdicts: Vec<Verdict>,
    }
    let document: Document = toml::from_str(VERDICTS).context("the verdicts of the laboratory")?;
    Ok(document.verdicts)
}

/// Package files by name.
#[derive(Debug, Clone, Default)]
pub struct DebianPackages {
    files: BTreeMap<String, PathBuf>,
}

impl DebianPackages {
    /// Those that the lock names, out of the factory's cache; each is checked against the lock.
    pub fn locked(lock: &Path, cache: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct Lock {
            #[serde(rename = "package")]
            packages: Vec<Locked>,
        }
        #[derive(Deserialize)]
        struct Locked {
            name: String,
            sha256: String,
        }
        let lock: Lock = toml::from_str(&fs::read_to_string(lock)?).context("the lock of debian12")?;
        let mut files = BTreeMap::new();
        for Locked { name, sha256 } in lock.packages {
            let (folder, file) = sha256.split_at_checked(2).context("no digest")?;
            let path = cache.join("sha256").join(folder).join(file);
            let bytes = fs::read(&path)
                .with_context(|| format!("the package {name} is not in the cache: build debian12 first"))?;
            ensure!(hex(&bytes) == sha256, "{} is damaged", path.display());
            files.insert(name, path);
        }
        Ok(Self { files })
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Unpacks all of them, each into a folder of its name.
    fn unpack(&self, into: &Path) -> Result<()> {
        for (name, path) in &self.files {
            let folder = into.join(name);
            fs::create_dir_all(&folder)?;
            run(Command::new("dpkg-deb").arg("--extract").arg(path).arg(&folder))?;
        }
        Ok(())
    }
}

/// Why there can be no laboratory here, if so.
pub fn missing_tools() -> Result<()> {
    let missing: Vec<String> = TOOLS
        .iter()
        .filter(|(program, _)| {
            Command::new(program)
                .arg("--version")
                .stdin(Stdio::null())
                .output()
                .is_err()
        })
        .map(|(program, package)| format!("{program} (package {package})"))
        .collect();
    ensure!(missing.is_empty(), "not installed: {}", missing.join(", "));
    Ok(())
}

/// Digest of everything that the mirror is made of, but the key.
fn identity(debian: &DebianPackages) -> Result<String> {
    let mut hash = sha2::Sha256::new();
    hash.update(GENERATION.to_le_bytes());
    hash.update(TABLE);
    for (name, path) in &debian.files {
        hash.update(name);
        // In the cache the path is the digest.
        hash.update(path.as_os_str().as_encoded_bytes());
    }
    hash.update(run(Command::new("rpm").arg("--version"))?);
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Mirrors made from what is no longer current.
fn remove_older(cache: &Path) {
    let entries = fs::read_dir(cache).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("laboratory-")) {
        let fresh = entry
            .metadata()
            .and_then(|data| data.modified())
            .is_ok_and(|made| made.elapsed().is_ok_and(|age| age < std::time::Duration::from_hours(2)));
        if !fresh {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// Runs to the end; standard output, or an error that holds everything that was said.
fn run(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = command
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {shown}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{shown:.300}: {}\n{said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(said)
}
