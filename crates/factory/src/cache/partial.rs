//! A download under way: kept when it is broken off, so that the next attempt, or the next run, goes on where it stopped.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use fs_err as fs;
use qclock_trust::{Digest, Hasher};
use rustix::fs::{FlockOperation, flock};
use tempfile::TempPath;

use super::{Cache, CacheError};

/// Locked against other processes, which download to a file of their own meanwhile.
#[derive(Debug)]
pub(crate) struct Partial {
    file: File,
    path: PathBuf,
    /// A file of our own, that goes when it is not needed.
    temporary: Option<TempPath>,
    /// What the server called this version of the file, for `If-Range`.
    validator: Option<String>,
    validator_path: PathBuf,
    digest: Digest,
    hasher: Hasher,
    length: u64,
}

impl Cache {
    /// The download of `digest` that was broken off, or a new one; never longer than `size`.
    pub(crate) fn partial(&self, digest: impl Into<Digest>, size: u64) -> Result<Partial, CacheError> {
        let digest = digest.into();
        let path = self.root.join("partial").join(digest.to_string());
        self.make_folder(&path)?;
        let failed = |source| CacheError {
            action: "open",
            path: path.clone(),
            source,
        };
        let (file, path, temporary) = if let Some(file) = open_locked(&path).map_err(failed)? {
            (file, path.clone(), None)
        } else {
            let folder = path.parent().unwrap_or(&self.root);
            let (file, temporary) = tempfile::NamedTempFile::new_in(folder).map_err(failed)?.into_parts();
            (file, temporary.to_path_buf(), Some(temporary))
        };
        let validator_path = PathBuf::from(format!("{}.validator", path.display()));
        let mut partial = Partial {
            file,
            temporary,
            validator: None,
            validator_path,
            path,
            hasher: digest.hasher(),
            digest,
            length: 0,
        };
        partial.resume(size).map_err(|source| partial.failed("read", source))?;
        Ok(partial)
    }
}

fn open(path: &std::path::Path) -> std::io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

/// `None` where another process has it.
fn open_locked(path: &std::path::Path) -> std::io::Result<Option<File>> {
    loop {
        let file = open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // Whoever had it before may have finished and renamed it: then this is not the file of that name any more.
        let same =
            std::fs::metadata(path).is_ok_and(|named| file.metadata().is_ok_and(|opened| opened.ino() == named.ino()));
        if same {
            return Ok(Some(file));
        }
    }
}

impl Partial {
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn validator(&self) -> Option<&str> {
        self.validator.as_deref()
    }

    /// Remembers what the bytes that follow are a part of.
    pub(crate) fn set_validator(&mut self, validator: Option<&str>) {
        self.validator = validator.map(str::to_owned);
        if self.temporary.is_some() {
            return;
        }
        // Without it the next run begins at the start: no harm.
        let _ = match validator {
            Some(validator) => fs::write(&self.validator_path, validator),
            None => fs::remove_file(&self.validator_path),
        };
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), CacheError> {
        self.file
            .write_all(bytes)
            .map_err(|source| self.failed("write", source))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Forgets everything.
    pub(crate) fn restart(&mut self) -> Result<(), CacheError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|source| self.failed("empty", source))?;
        self.hasher = self.digest.hasher();
        self.length = 0;
        self.set_validator(None);
        Ok(())
    }

    /// Puts the file into the cache if it is the one; gives its digest otherwise, and keeps nothing.
    pub(crate) fn finish(mut self, cache: &Cache) -> Result<Result<(), Digest>, CacheError> {
        let found = std::mem::replace(&mut self.hasher, self.digest.hasher()).finish();
        self.set_validator(None);
        if found != self.digest {
            self.discard();
            return Ok(Err(found));
        }
        let target = cache.object(self.digest);
        cache.make_folder(&target)?;
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        let complete = self.file.set_permissions(readable).and_then(|()| self.file.sync_all());
        let moved = complete.and_then(|()| match self.temporary.take() {
            Some(temporary) => temporary.persist(&target).map_err(std::io::Error::from),
            None => fs::rename(&self.path, &target),
        });
        moved.map_err(|source| self.failed("keep", source))?;
        Ok(Ok(()))
    }

    fn discard(&self) {
        // What cannot be removed is found to be wrong again next time.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.validator_path);
    }

    fn resume(&mut self, size: u64) -> std::io::Result<()> {
        self.validator = fs::read_to_string(&self.validator_path)
            .ok()
            .filter(|validator| !validator.is_empty());
        let length = self.file.metadata()?.len();
        if length >= size || self.validator.is_none() {
            self.file.set_len(0)?;
            self.validator = None;
            return Ok(());
        }
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = self.file.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            self.hasher.update(&buffer[..count]);
            self.length += count as u64;
        }
    }

    fn failed(&self, action: &'static str, source: std::io::Error) -> CacheError {
        CacheError {
            action,
            path: self.path.clone(),
            source,
        }
    }
}
