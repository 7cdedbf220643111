//! The data directory and the one beside it in which a new database grows.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs_err as fs;
use thiserror::Error;

use crate::os;

/// A container that was killed a moment ago may still be about to let go.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Error)]
pub(super) enum DirectoryError {
    #[error("cannot open the volume `{}`", path.display())]
    Volume {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("another container uses the volume `{}`", path.display())]
    InUse { path: PathBuf },
    #[error("`{}` is neither empty nor a database", path.display())]
    Foreign { path: PathBuf },
    #[error("the volume `{}` holds a database of another image at its top", path.display())]
    OtherLayout { path: PathBuf, data: PathBuf },
    #[error("cannot {what} `{}`", path.display())]
    Step {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl DirectoryError {
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Volume { .. } => {
                Some("the volume must belong to the container's user, `chown 10001:10001`".to_owned())
            }
            Self::Foreign { path } => Some(format!(
                "look into `{}` and move it away if nothing in it matters",
                path.display()
            )),
            Self::OtherLayout { data, .. } => Some(format!(
                "this image keeps the database in the subdirectory `{}`",
                data.display()
            )),
            Self::InUse { .. } => Some("stop the other container first".to_owned()),
            Self::Step { .. } => None,
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Database,
    Nothing,
}

/// How the data directory of a kind of database is recognised.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) mark: &'static str,
    /// What the volume itself has at its top when another image keeps the database there.
    pub(super) at_top: &'static [&'static str],
}

/// The directory that holds `data`; locked as long as this lives.
#[derive(Debug)]
pub(super) struct Volume {
    directory: std::fs::File,
    path: PathBuf,
    data: PathBuf,
    beside: PathBuf,
}

impl Volume {
    pub(super) fn open(data: &Path) -> Result<Self, DirectoryError> {
        let path = data.parent().unwrap_or(Path::new("/")).to_owned();
        let failed = |source| DirectoryError::Volume {
            path: path.clone(),
            source,
        };
        let directory = std::fs::File::open(&path).map_err(failed)?;
        let deadline = Instant::now() + LOCK_PATIENCE;
        while !os::lock_directory(&directory).map_err(failed)? {
            if Instant::now() > deadline {
                return Err(DirectoryError::InUse { path });
            }
            os::pause(LOCK_PAUSE);
        }
        let mut beside = data.as_os_str().to_owned();
        beside.push(".new");
        Ok(Self {
            directory,
            path,
            data: data.to_owned(),
            beside: beside.into(),
        })
    }

    pub(super) fn look(&self, layout: &Layout) -> Result<Found, DirectoryError> {
        if self.data.join(layout.mark).exists() {
            return Ok(Found::Database);
        }
        if layout.at_top.iter().all(|name| self.path.join(name).exists()) {
            return Err(DirectoryError::OtherLayout {
                path: self.path.clone(),
                data: self.data.file_name().unwrap_or_default().into(),
            });
        }
        match fs::read_dir(&self.data) {
            Ok(mut entries) => match entries.next() {
                None => Ok(Found::Nothing),
                Some(_) => Err(DirectoryError::Foreign {
                    path: self.data.clone(),
                }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
            Err(source) => Err(self.step("look into", &self.data, source)),
        }
    }

    /// An empty directory beside, whatever an interrupted attempt left there.
    pub(super) fn begin(&self) -> Result<PathBuf, DirectoryError> {
        match fs::remove_dir_all(&self.beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(self.step("remove", &self.beside, error));
            }
            _ => {}
        }
        os::make_directory(&self.beside, 0o700).map_err(|error| self.step("make", &self.beside, error))?;
        Ok(self.beside.clone())
    }

    /// Everything to the disk, then the new name, then that to the disk.
    pub(super) fn complete(&self) -> Result<(), DirectoryError> {
        os::sync_file_system(&self.directory).map_err(|error| self.step("write to the disk", &self.beside, error))?;
        // Takes the place of an empty directory too (rename(2)).
        fs::rename(&self.beside, &self.data).map_err(|error| self.step("put into place", &self.data, error))?;
        self.directory
            .sync_all()
            .map_err(|error| self.step("write to the disk", &self.data, error))
    }

    #[expect(clippy::unused_self, reason = "reads as a part of each step above")]
    fn step(&self, what: &'static str, path: &Path, source: io::Error) -> DirectoryError {
        DirectoryError::Step {
            what,
            path: path.to_owned(),
            source,
        }
    }
}
