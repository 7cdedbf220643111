//! Why packages cannot be laid together.

use qclock_oci::path::PathError;
use qclock_oci::tree::TreeError;
use qclock_packages::deb::{ArchiveError, PackageError};
use qclock_packages::rpm;
use qclock_packages::tarball::TarballError;
use thiserror::Error;

use crate::failure::{Class, Failure};
use crate::package_database::rpm::RpmDatabaseError;

#[derive(Debug, Error)]
pub enum UnpackError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Rpm(#[from] rpm::ArchiveError),
    #[error("it has a path that no image can hold")]
    Path(#[from] PathError),
    #[error("cannot read `/{path}`")]
    Read {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`/{path}` belongs to {user} ({id}), an id that no account or group of the image has")]
    Owner { path: String, user: String, id: u64 },
    #[error("`/{path}` belongs to the {kind} `{name}`, which neither the image nor the distribution declares")]
    OwnerName {
        path: String,
        /// `account` or `group`.
        kind: &'static str,
        name: String,
    },
    #[error("`/{path}` is a hard link to `/{target}`, which it does not have")]
    Hardlink { path: String, target: String },
    #[error(transparent)]
    Tarball(#[from] TarballError),
    #[error("its entry `{path}` lies outside of the folder that is unpacked")]
    Outside { path: String },
    #[error("its entry `{path}` is {what}")]
    Unwanted { path: String, what: &'static str },
    #[error("it is the package `{found}`")]
    OtherPackage { found: String },
}

impl UnpackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Owner { user, id, .. } => Some(format!(
                "declare `[[account]]` or `[[group]]` for {user} with the id {id}, or prune the file"
            )),
            Self::OwnerName { path, kind, name } => Some(format!(
                "declare `[[{kind}]]` `{name}`, which a scriptlet of the package would have made, or prune `{path}`"
            )),
            _ => None,
        }
    }
}

#[derive(Debug, Error)]
pub enum AssembleError {
    #[error("cannot unpack the package `{package}`")]
    Unpack {
        package: String,
        #[source]
        source: Box<UnpackError>,
    },
    #[error("the packages `{first}` and `{second}` bring different files `/{path}`")]
    Conflict {
        path: String,
        first: String,
        second: String,
    },
    #[error("the package `{package}` brings a file `/{path}` that differs from the parent image's")]
    ParentConflict { path: String, package: String },
    #[error("cannot put a file of the package `{package}`")]
    Tree {
        package: String,
        #[source]
        source: TreeError,
    },
    #[error("cannot read what the package `{package}` replaces")]
    Control {
        package: String,
        #[source]
        source: Box<PackageError>,
    },
    #[error("the package database cannot be written")]
    Database(#[from] RpmDatabaseError),
    #[error("`/{path}` is {what}, which no image of ours has without a reason")]
    Forbidden { path: String, what: &'static str },
    #[error("cannot link `/{name}` to `/usr/{name}`")]
    Merge {
        name: &'static str,
        #[source]
        source: TreeError,
    },
}

impl Failure for AssembleError {
    fn class(&self) -> Class {
        match self {
            Self::Unpack { source, .. }
                if matches!(**source, UnpackError::Owner { .. } | UnpackError::OwnerName { .. }) =>
            {
                Class::Usage
            }
            Self::Forbidden { .. } => Class::Usage,
            Self::Unpack { .. } | Self::Control { .. } | Self::Database(_) => Class::Verification,
            Self::Conflict { .. } | Self::ParentConflict { .. } | Self::Tree { .. } | Self::Merge { .. } => {
                Class::Answer
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Forbidden { path, .. } => Some(format!(
                "leave it out with `[[prune]]`, or write `[[permit]]` with `path = \"/{path}\"` and the reason"
            )),
            Self::Unpack { source, .. } => source.hint(),
            Self::Conflict { path, .. } | Self::ParentConflict { path, .. } => {
                Some(format!("leave one of the packages out, or prune `{path}`"))
            }
            _ => None,
        }
    }
}
