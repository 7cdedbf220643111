//! `/var/lib/rpm/rpmdb.sqlite` as librpm itself would have written it, table by table and blob by blob; and byte for byte the same
//! from the same packages.
//!
//! The journal is the old one, not the write-ahead log that librpm chooses: a database in that mode cannot be read from a file
//! system that is read-only.

mod index;
mod recorded;
mod sqlite;

use std::collections::BTreeSet;

use qclock_packages::rpm::{Container, ContainerError, FilesError, HeaderError};

pub use recorded::Recorded;

/// Where it lies in an image.
pub const PATH: &str = "var/lib/rpm/rpmdb.sqlite";

/// What librpm notes of an installation beside the package's own header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation<'a> {
    /// Seconds since 1970: of the installation, and of its transaction.
    pub time: u32,
    /// Paths, relative, that the image goes without: `rpm -V` does not miss them.
    pub left_out: &'a BTreeSet<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum RpmDatabaseError {
    #[error("the package cannot be recorded")]
    Container(#[from] ContainerError),
    #[error("the header of a package cannot be recorded")]
    Header(#[from] HeaderError),
    #[error("the files of a package cannot be recorded")]
    Files(#[from] FilesError),
    #[error("a record of the package database is damaged: {reason}")]
    Record { reason: &'static str },
    #[error("the packages' records are too many or too large")]
    TooLarge,
    #[error("the package database cannot be read or written")]
    Sqlite(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for RpmDatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// What the database records of a package: for [`write`].
pub fn record(container: &Container<'_>, installation: &Installation<'_>) -> Result<Recorded, RpmDatabaseError> {
    Recorded::new(container, installation)
}

/// The whole database.  Packages get their numbers in the order of their names.
pub fn write(packages: &[Recorded]) -> Result<Vec<u8>, RpmDatabaseError> {
    let mut sorted: Vec<&Recorded> = packages.iter().collect();
    sorted.sort_by(|left, right| (left.name(), left.blob()).cmp(&(right.name(), right.blob())));
    sqlite::write(&sorted)
}

/// The packages of a database, a parent image's for instance.
pub fn read(database: &[u8]) -> Result<Vec<Recorded>, RpmDatabaseError> {
    sqlite::read(database)
}
