//! Why there is no new lock.

use qclock_packages::deb::{ArchiveError, IndexError, ReleaseError};
use qclock_solver::deb::SolveError;
use qclock_solver::rpm;
use qclock_trust::{DigestError, RecordError, RpmError, SignatureError};
use thiserror::Error;

use crate::cache::CacheError;
use crate::failure::{Class, Failure};
use crate::fetch::FetchError;
use crate::keys::KeysError;
use crate::repository::RepositoryError;
use crate::supply::SupplyError;

#[derive(Debug, Error)]
pub enum LockError {
    #[error(transparent)]
    Keys(#[from] KeysError),
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
    #[error("cannot find the repository `{name}`: {reason}")]
    NoRepository {
        name: String,
        reason: String,
        hint: Option<String>,
    },
    #[error("cannot reach the repository `{name}` (tried for {seconds} s)")]
    Unreachable {
        name: String,
        /// Below the mirror.
        path: String,
        seconds: u64,
        /// What names another mirror.
        variable: String,
        #[source]
        source: Box<RepositoryError>,
    },
    #[error(transparent)]
    Repository(Box<RepositoryError>),
    #[error("cannot solve the image `{image}`")]
    SolveRpm {
        image: String,
        #[source]
        source: Box<rpm::SolveError>,
    },
    #[error("the repository `{repository}` gives the package `{name}` {reason}")]
    Record {
        name: String,
        repository: String,
        reason: &'static str,
    },
    #[error("a repository lists a package that it does not have")]
    Listed {
        #[source]
        source: FetchError,
    },
    #[error("the package `{name}` {version} is not what a key of the repository `{repository}` signed")]
    Rpm {
        name: String,
        version: String,
        repository: String,
        #[source]
        source: Box<RpmError>,
    },
    #[error("the package `{name}` is not the one that the repository `{repository}` lists")]
    OtherRpm {
        name: String,
        repository: String,
        #[source]
        source: Box<RecordError>,
    },
    #[error("cannot read the package `{name}` {version}")]
    RpmArchive {
        name: String,
        version: String,
        #[source]
        source: Box<qclock_packages::rpm::ArchiveError>,
    },
    #[error("cannot read the scriptlets of the package `{name}` {version}")]
    Scriptlets {
        name: String,
        version: String,
        #[source]
        source: qclock_packages::rpm::ScriptletError,
    },
}

impl From<RepositoryError> for LockError {
    fn from(error: RepositoryError) -> Self {
        Self::Repository(Box::new(error))
    }
}

impl Failure for LockError {
    fn class(&self) -> Class {
        match self {
            Self::Keys(source) => source.class(),
            Self::Repository(source) => source.class(),
            Self::SolveRpm { source, .. } if matches!(**source, rpm::SolveError::Module(_)) => Class::Usage,
            Self::Mirror { .. } | Self::NoRepository { .. } | Self::IdleOmissions { .. } | Self::Requirement { .. } => {
                Class::Usage
            }
            Self::FetchSuite { source, .. } | Self::FetchIndex { source, .. } => source.class(),
            Self::Signature { .. }
            | Self::Release { .. }
            | Self::Validity { .. }
            | Self::OtherSuite { .. }
            | Self::Decompress { .. }
            | Self::IndexDigest { .. }
            | Self::Index { .. }
            | Self::Archive { .. }
            | Self::OtherPackage { .. }
            | Self::Record { .. }
            | Self::Rpm { .. }
            | Self::OtherRpm { .. }
            | Self::RpmArchive { .. }
            | Self::Scriptlets { .. } => Class::Verification,
            Self::NoIndex { .. } | Self::Unreachable { .. } | Self::Listed { .. } | Self::Cache(_) => {
                Class::Environment
            }
            Self::Solve { .. } | Self::SolveRpm { .. } | Self::Diverging { .. } => Class::Answer,
            Self::Supply(source) => source.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Mirror { hint, .. } | Self::NoRepository { hint, .. } => hint.clone(),
            Self::Unreachable { path, variable, .. } => Some(format!(
                "set `{variable}` to the address, or the folder, of a mirror that can be reached, or put the repository into `vendor/{path}`"
            )),
            Self::Repository(source) => source.hint(),
            Self::Rpm { .. } => Some(
                "if the repository has a new key, put it into `images/flavours/keys` and name it in the flavour; else name another mirror".to_owned(),
            ),
            Self::Listed { .. } => Some(
                "try again later: a mirror that is being updated mends itself; else name another, or put the package into `vendor`".to_owned(),
            ),
            Self::OtherRpm { .. } | Self::Record { .. } => {
                Some("try again later: a mirror that is being updated mends itself; else name another".to_owned())
            }
            Self::SolveRpm { image, source } => Some(solver_hint(image, source)),
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

/// What the solver advises to those who ask it by options, for those who ask it by files.
fn solver_hint(image: &str, error: &rpm::SolveError) -> String {
    let mut hints = error.hints();
    hints.truncate(4);
    if hints.is_empty() {
        return format!(
            "change `images/{image}/image.toml`: ask for other packages, or leave out, with a reason, what the image does not need"
        );
    }
    hints
        .join("; or ")
        .replace("with `--module ", "in the flavour's `streams`: `")
}
