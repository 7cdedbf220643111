//! Why a repository cannot be read.

use std::path::PathBuf;

use qclock_packages::rpm::{ModulesError, XmlError};
use qclock_trust::SignatureError;
use thiserror::Error;

use crate::cache::CacheError;
use crate::failure::{Class, Failure};
use crate::fetch::FetchError;

#[derive(Debug, Error)]
pub enum RepositoryError {
    #[error("`{text}` names no repository: {reason}")]
    Source { text: String, reason: &'static str },
    #[error("two repositories are called `{name}`")]
    SameName { name: String },
    #[error("repository `{name}` is a Debian archive, and this asks RPM repositories only")]
    DebianArchive { name: String },
    #[error("cannot read `{}` of repository `{name}`", path.display())]
    Read {
        name: String,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("repository `{name}` is at an address, and nothing may be fetched")]
    Offline { name: String },
    #[error(transparent)]
    Fetch(Box<FetchError>),
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error("`{file}` of repository `{name}` is not what `repomd.xml` says: {reason}")]
    Checksum { name: String, file: String, reason: String },
    #[error("`repomd.xml` of repository `{name}` names no `{what}`")]
    Missing { name: String, what: &'static str },
    #[error("`repomd.xml` of repository `{name}` gives `{file}` {reason}")]
    Metadata { name: String, file: String, reason: String },
    #[error("cannot read the metadata of repository `{name}`, `{file}`")]
    Xml {
        name: String,
        file: String,
        #[source]
        source: XmlError,
    },
    #[error("cannot read the streams of repository `{name}`")]
    Modules {
        name: String,
        #[source]
        source: ModulesError,
    },
    #[error("the metadata of repository `{name}` are not signed: it has no `repomd.xml.asc`")]
    Unsigned { name: String },
    #[error("the metadata of repository `{name}` are not signed as they must be")]
    Signature {
        name: String,
        #[source]
        source: Box<SignatureError>,
    },
}

impl From<FetchError> for RepositoryError {
    fn from(error: FetchError) -> Self {
        Self::Fetch(Box::new(error))
    }
}

impl RepositoryError {
    /// Whether the file that was asked for is not there, though the place answers.
    pub(crate) fn is_absent(&self) -> bool {
        match self {
            Self::Fetch(error) => error.is_absent(),
            Self::Read { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        }
    }
}

impl Failure for RepositoryError {
    fn class(&self) -> Class {
        match self {
            Self::Source { .. } | Self::SameName { .. } | Self::DebianArchive { .. } | Self::Offline { .. } => {
                Class::Usage
            }
            Self::Read { .. } | Self::Cache(_) => Class::Environment,
            Self::Fetch(error) => error.class(),
            Self::Checksum { .. }
            | Self::Missing { .. }
            | Self::Metadata { .. }
            | Self::Xml { .. }
            | Self::Modules { .. }
            | Self::Unsigned { .. }
            | Self::Signature { .. } => Class::Verification,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Source { .. } => Some("write `--repo ID=FOLDER` or `--repo ID=https://…`".to_owned()),
            Self::DebianArchive { .. } => Some("Debian's packages are chosen by `qclock lock`".to_owned()),
            Self::Read { path, .. } => Some(format!(
                "check that `{}` exists: a repository is the folder above `repodata`",
                path.display()
            )),
            Self::Fetch(error) => error.hint(),
            Self::Unsigned { .. } => Some(
                "name a mirror that has the signature, or take `signed_metadata` out of the flavour: the packages are signed all the same".to_owned(),
            ),
            Self::Signature { .. } => Some(
                "put the key that signs the repository's metadata into `images/flavours/keys` and name it in the flavour's `keys`".to_owned(),
            ),
            _ => None,
        }
    }
}
