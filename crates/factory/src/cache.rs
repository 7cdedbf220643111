//! Files by their digests, kept between runs and shared by processes.
//!
//! Every file is written beside its place and renamed into it, so a reader finds it whole or not at all; two writers of one
//! file write the same bytes.  What is read is hashed again: a damaged file is removed and counts as absent.

mod partial;
mod prune;

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use qclock_trust::{Digest, Sha256, Verified, check_digest};
use thiserror::Error;

pub(crate) use partial::Partial;
pub use prune::{Limits, Pruned, wanted_by};

use crate::failure::{Class, Failure};

#[derive(Debug, Error)]
#[error("cannot {action} `{}` in the cache", path.display())]
pub struct CacheError {
    pub action: &'static str,
    pub path: PathBuf,
    #[source]
    pub source: std::io::Error,
}

impl Failure for CacheError {
    fn class(&self) -> Class {
        Class::Environment
    }
}

/// Begins the names of the folders that a Maven client downloads into.
pub(crate) const MAVEN_REPOSITORY: &str = "qclock-maven-";

/// Folders of what was worked out from verified files; another form of the contents takes another name.
pub(crate) mod kind {
    pub(crate) const PACKAGES: &str = "index-1";
    pub(crate) const LOCKS: &str = "locks";
    pub(crate) const REPOSITORY: &str = "rpm-index";
    pub(crate) const MODULES: &str = "rpm-modules";
    pub(crate) const OWNERS: &str = "rpm-owners";
    pub(crate) const ALL: [&str; 5] = [PACKAGES, LOCKS, REPOSITORY, MODULES, OWNERS];
}

#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// What a look into the cache found.
#[derive(Debug)]
pub enum Found {
    Whole(Verified<Vec<u8>>),
    /// It had other contents than its name says; it has been removed.
    Damaged,
    Absent,
}

impl Cache {
    /// The folder is made when something is put in.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder, which is there from now on.
    pub(crate) fn make_root(&self) -> Result<&Path, CacheError> {
        self.make_folder(&self.root.join("x"))?;
        Ok(&self.root)
    }

    /// Whether a file of this size is there; whether it is whole shows when it is read.
    pub fn holds(&self, digest: impl Into<Digest>, size: u64) -> bool {
        fs::metadata(self.object(digest)).is_ok_and(|metadata| metadata.is_file() && metadata.len() == size)
    }

    /// Reads and checks.
    pub fn read(&self, digest: impl Into<Digest>, size: u64) -> Result<Found, CacheError> {
        let digest = digest.into();
        let path = self.object(digest);
        let bytes = match fs::metadata(&path).and_then(|metadata| {
            if metadata.len() == size {
                fs::read(&path)
            } else {
                Ok(Vec::new())
            }
        }) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Absent),
            Err(source) => {
                return Err(CacheError {
                    action: "read",
                    path,
                    source,
                });
            }
        };
        if let Ok(verified) = check_digest(bytes, digest, size) {
            mark_used(&path);
            return Ok(Found::Whole(verified));
        }
        match fs::remove_file(&path) {
            Ok(()) => Ok(Found::Damaged),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Found::Damaged),
            Err(source) => Err(CacheError {
                action: "remove the damaged",
                path,
                source,
            }),
        }
    }

    /// Something worked out from verified files, which can be worked out again: `kind` is a folder, `name` tells all it depends on.
    pub(crate) fn derived(&self, kind: &str, name: &str) -> Option<Vec<u8>> {
        let mut file = self.derived_file(kind, name)?;
        let length = file.metadata().ok()?.len();
        // Room for all of it at once: growing costs more than reading.
        let mut bytes = Vec::with_capacity(usize::try_from(length).ok()?.saturating_add(1));
        std::io::Read::read_to_end(&mut file, &mut bytes).ok()?;
        Some(bytes)
    }

    /// The same, open.  Only what this user wrote and nobody else can write to is taken back: what is in it is believed without the
    /// checksums that its sources were believed for.
    pub(crate) fn derived_file(&self, kind: &str, name: &str) -> Option<std::fs::File> {
        let path = self.root.join(kind).join(name);
        let file = std::fs::File::open(&path).ok()?;
        mark_used(&path);
        let metadata = file.metadata().ok()?;
        let is_own = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0;
        (metadata.is_file() && is_own).then_some(file)
    }

    pub(crate) fn put_derived(&self, kind: &str, name: &str, bytes: &[u8]) -> Result<(), CacheError> {
        self.write(&self.root.join(kind).join(name), bytes)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), CacheError> {
        self.make_folder(path)?;
        write_beside(path, bytes).map_err(|source| CacheError {
            action: "write",
            path: path.to_owned(),
            source,
        })
    }

    fn make_folder(&self, path: &Path) -> Result<(), CacheError> {
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(|source| CacheError {
            action: "make the folder",
            path: folder.to_owned(),
            source,
        })
    }

    pub(crate) fn object(&self, digest: impl Into<Digest>) -> PathBuf {
        let digest = digest.into();
        let name = digest.to_string();
        let (shelf, rest) = name.split_at(2);
        self.root.join(digest.kind()).join(shelf).join(rest)
    }

    /// Makes a file that is kept under a digest of another kind known by its sha256, too, by which locks name files.
    pub(crate) fn name_by_sha256(&self, digest: &Digest, bytes: &[u8]) -> Result<Sha256, CacheError> {
        let sha256 = Sha256::of(bytes);
        let target = self.object(sha256);
        if self.holds(sha256, bytes.len() as u64) {
            return Ok(sha256);
        }
        self.make_folder(&target)?;
        // What was there had another size: damaged.
        let _ = fs::remove_file(&target);
        if fs::hard_link(self.object(digest), &target).is_err() {
            self.write(&target, bytes)?;
        }
        Ok(sha256)
    }
}

/// So that it is not taken for one that nobody needs.  Of another user's file it cannot be said, and need not.
fn mark_used(path: &Path) {
    let now = rustix::fs::Timespec {
        tv_sec: 0,
        tv_nsec: rustix::fs::UTIME_NOW,
    };
    let times = rustix::fs::Timestamps {
        last_access: now,
        last_modification: now,
    };
    let _ = rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::empty());
}

/// Writes a file whole or not at all; mode 0644 whatever the umask.
pub fn write_beside(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".qclock-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file()
        .set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_comes_out_and_a_damaged_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(&folder.path().join("not/yet/there"));
        let digest = Sha256::of(b"contents");
        assert!(matches!(cache.read(digest, 8).unwrap(), Found::Absent));
        let mut partial = cache.partial(digest, 8).unwrap();
        partial.append(b"contents").unwrap();
        assert_eq!(partial.finish(&cache).unwrap(), Ok(()));
        assert!(cache.holds(digest, 8));
        assert!(matches!(cache.read(digest, 8).unwrap(), Found::Whole(bytes) if *bytes == b"contents"));

        let other = Digest::parse("sha512", &"ab".repeat(64)).unwrap();
        assert!(cache.partial(other, 8).unwrap().finish(&cache).unwrap().is_err());
        assert!(!cache.holds(other, 8));

        fs::write(cache.object(digest), b"cOntents").unwrap();
        assert!(matches!(cache.read(digest, 8).unwrap(), Found::Damaged));
        assert!(matches!(cache.read(digest, 8).unwrap(), Found::Absent));
        fs::write(cache.object(digest), b"longer contents").unwrap();
        assert!(matches!(cache.read(digest, 8).unwrap(), Found::Damaged));
    }

    #[test]
    fn derived_files_that_others_may_write_are_not_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        cache.put_derived("index", "a", b"x").unwrap();
        assert_eq!(cache.derived("index", "a").as_deref(), Some(b"x".as_slice()));
        let path = folder.path().join("index/a");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
        assert_eq!(cache.derived("index", "a"), None);
    }
}
