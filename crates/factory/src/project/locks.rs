//! The locks beside the definitions: where they lie, and which answers them.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::{Project, ProjectError};
use crate::document;
use crate::lockfile::Lockfile;

impl Project {
    /// Where the lock belongs, unless someone says otherwise.
    pub fn lock_path(&self) -> PathBuf {
        self.root.join("images").join(format!("{}.lock", self.label()))
    }

    /// The lock at `path` whatever it answers, if there is one in this format.
    pub fn parse_lock(&self, path: &Path) -> Result<Option<Lockfile>, ProjectError> {
        if !path.exists() {
            return Ok(None);
        }
        let (lock, _) = document::read::<Lockfile>(path, path.strip_prefix(&self.root).unwrap_or(path))?;
        Ok(Some(lock).filter(|lock| lock.format == crate::lockfile::FORMAT))
    }

    /// The flavour's locks for all architectures, but for the one at `path`.
    pub fn other_locks(&self, path: &Path) -> Result<Vec<Lockfile>, ProjectError> {
        let mut locks = Vec::new();
        for entry in fs::read_dir(self.root.join("images")).map_err(ProjectError::Folder)? {
            let other = entry.map_err(ProjectError::Folder)?.path();
            let name = other.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let own = name
                .strip_prefix(&self.flavour.name)
                .and_then(|rest| rest.strip_suffix(".lock"));
            if own.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) && other != path {
                locks.extend(self.parse_lock(&other)?);
            }
        }
        Ok(locks)
    }

    /// The lock at `path`, which must be of this flavour and answer these definitions.
    pub fn read_lock(&self, path: &Path) -> Result<Lockfile, ProjectError> {
        let shown = path.strip_prefix(&self.root).unwrap_or(path);
        if !path.exists() {
            return Err(ProjectError::NoLock { path: shown.to_owned() });
        }
        let (lock, _) = document::read::<Lockfile>(path, shown)?;
        lock.check(self).map_err(|source| ProjectError::LockMismatch {
            path: shown.to_owned(),
            source,
        })?;
        Ok(lock)
    }
}
