//! Why there is no new lock.

use qclock_packages::deb::{ArchiveError, IndexError, ReleaseError};
use qclock_solver::deb::SolveError;
use qclock_trust::{DigestError, KeyringError, SignatureError};
use thiserror::Error;

use crate::cache::CacheError;
use crate::failure::{Class, Failure};
use crate::fetch::FetchError;
use crate::supply::SupplyError;

#[derive(Debug, Error)]
pub enum LockError {
    #[error("cannot read the key `{name}`")]
    KeyFile {
        name: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot use the keys of the suite `{suite}`")]
    Keys {
        suite: String,
        #[source]
        source: KeyringError,
    },
    #[error("cannot find the suite `{suite}`: {reason}")]
    Mirror {
        suite: String,
        reason: String,
        hint: Option<String>,
    },
    #[error("cannot fetch the suite `{suite}`")]
    FetchSuite {
        suite: String,
        #[source]
        source: FetchError,
    },
    #[error("the suite `{suite}` at {address} is not signed as it must be")]
    Signature {
        suite: String,
        address: String,
        #[source]
        source: Box<SignatureError>,
    },
    #[error("cannot read the description of the suite `{suite}` at {address}")]
    Release {
        suite: String,
        address: String,
        #[source]
        source: ReleaseError,
    },
    #[error("the suite `{suite}` at {address} is no longer, or not yet, valid")]
    Validity {
        suite: String,
        address: String,
        #[source]
        source: ReleaseError,
    },
    #[error("the suite `{suite}` at {address} calls itself `{found}`")]
    OtherSuite {
        suite: String,
        address: String,
        found: String,
    },
    #[error("the suite `{suite}` lists no index of `{component}` for `{architecture}`")]
    NoIndex {
        suite: String,
        component: String,
        architecture: String,
    },
    #[error("cannot fetch the index of `{component}` in the suite `{suite}`")]
    FetchIndex {
        suite: String,
        component: String,
        #[source]
        source: FetchError,
    },
    #[error("cannot decompress the index `{path}` of the suite `{suite}`")]
    Decompress {
        suite: String,
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the index `{path}` of the suite `{suite}` is not the one that was signed")]
    IndexDigest {
        suite: String,
        path: String,
        #[source]
        source: DigestError,
    },
    #[error("cannot read the index of the suite `{suite}`")]
    Index {
        suite: String,
        #[source]
        source: Box<IndexError>,
    },
    #[error("cannot solve the image `{image}`")]
    Solve {
        image: String,
        #[source]
        source: SolveError,
    },
    #[error("images/{image}/image.toml leaves out what no package asks for: `{}`", names.join("`, `"))]
    IdleOmissions { image: String, names: Vec<String> },
    #[error("two images need the package `{name}` in different versions: {}", versions.join(" and "))]
    Diverging { name: String, versions: [String; 2] },
    #[error("images/{image}/image.toml: `{name}` cannot be asked for")]
    Requirement {
        image: String,
        name: String,
        #[source]
        source: qclock_packages::deb::RelationError,
    },
    #[error(transparent)]
    Supply(#[from] SupplyError),
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error("cannot read the package `{name}` {version}")]
    Archive {
        name: String,
        version: String,
        #[source]
        source: Box<ArchiveError>,
    },
    #[error("the file of the package `{name}` says that it is the package `{found}`")]
    OtherPackage { name: String, found: String },
}

impl Failure for LockError {
    fn class(&self) -> Class {
        match self {
            Self::KeyFile { .. }
            | Self::Keys { .. }
            | Self::Mirror { .. }
            | Self::IdleOmissions { .. }
            | Self::Requirement { .. } => Class::Usage,
            Self::FetchSuite { source, .. } | Self::FetchIndex { source, .. } => source.class(),
            Self::Signature { .. }
            | Self::Release { .. }
            | Self::Validity { .. }
            | Self::OtherSuite { .. }
            | Self::Decompress { .. }
            | Self::IndexDigest { .. }
            | Self::Index { .. }
            | Self::Archive { .. }
            | Self::OtherPackage { .. } => Class::Verification,
            Self::NoIndex { .. } | Self::Cache(_) => Class::Environment,
            Self::Solve { .. } | Self::Diverging { .. } => Class::Answer,
            Self::Supply(source) => source.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Mirror { hint, .. } => hint.clone(),
            Self::FetchSuite { source, .. } | Self::FetchIndex { source, .. } => source.hint(),
            Self::Signature { .. } | Self::OtherSuite { .. } | Self::Release { .. } => Some(
                "name a mirror that you trust with `QCLOCK_DEBIAN_MIRROR`; if the archive has new keys, add them to `images/flavours/keys`".to_owned(),
            ),
            Self::Validity { .. } => Some("check this machine's clock, or name a mirror that is kept up to date with `QCLOCK_DEBIAN_MIRROR`".to_owned()),
            Self::IdleOmissions { image, .. } => Some(format!("remove them from `images/{image}/image.toml`")),
            Self::Solve { image, .. } => Some(format!(
                "change `images/{image}/image.toml`: ask for other packages, or leave out, with a reason, what the image does not need"
            )),
            Self::Supply(source) => source.hint(),
            Self::Cache(_) => Some("name another folder with `QCLOCK_CACHE_DIR`".to_owned()),
            _ => None,
        }
    }
}
