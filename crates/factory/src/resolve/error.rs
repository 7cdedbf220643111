//! Why a question to the solver has no answer.

use std::path::PathBuf;

use qclock_packages::deb::RelationError;
use qclock_solver::deb;
use qclock_solver::rpm::SolveError;
use thiserror::Error;

use crate::failure::{Class, Failure};
use crate::lock::LockError;
use crate::repository::RepositoryError;

#[derive(Debug, Error)]
pub enum ResolveError {
    #[error(transparent)]
    Repository(Box<RepositoryError>),
    #[error(transparent)]
    Flavour(Box<LockError>),
    #[error("`{what}` is for repositories of RPM packages, and these are Debian's")]
    RpmOnly { what: &'static str },
    #[error("repositories of RPM and of Debian packages cannot be asked together")]
    Mixed,
    #[error("`{text}` asks for nothing that Debian's packages understand")]
    Requirement {
        text: String,
        #[source]
        source: RelationError,
    },
    #[error("repository `{name}` holds no index of packages for `{architecture}`")]
    NoDebianIndex { name: String, architecture: String },
    #[error("cannot read the index `{}` of repository `{name}`", path.display())]
    DebianIndex {
        name: String,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{source}")]
    Debian {
        /// The suites that were asked.
        names: Vec<String>,
        source: Box<deb::SolveError>,
    },
    #[error("{source}")]
    Solve {
        /// The repositories that were asked.
        names: Vec<String>,
        source: Box<SolveError>,
    },
}

impl From<RepositoryError> for ResolveError {
    fn from(error: RepositoryError) -> Self {
        Self::Repository(Box::new(error))
    }
}

impl From<LockError> for ResolveError {
    fn from(error: LockError) -> Self {
        Self::Flavour(Box::new(error))
    }
}

impl Failure for ResolveError {
    fn class(&self) -> Class {
        match self {
            Self::Repository(error) => error.class(),
            Self::Flavour(error) => error.class(),
            Self::RpmOnly { .. } | Self::Mixed | Self::Requirement { .. } | Self::NoDebianIndex { .. } => Class::Usage,
            Self::DebianIndex { .. } => Class::Environment,
            Self::Debian { .. } => Class::Answer,
            Self::Solve { source, .. } => match **source {
                SolveError::Module(_) => Class::Usage,
                _ => Class::Answer,
            },
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Repository(error) => error.hint(),
            Self::Flavour(error) => error.hint(),
            Self::Debian { names, .. } => Some(format!(
                "check the names, or add the suite that has what is missing (asked were {})",
                names.join(", ")
            )),
            Self::Requirement { .. } => Some("write `name`, `name=version` or `name (>= version)`".to_owned()),
            Self::NoDebianIndex { .. } => Some(
                "name the folder that holds `dists/`, or `Packages` itself, and its architecture with `--arch`"
                    .to_owned(),
            ),
            Self::RpmOnly { .. } | Self::Mixed | Self::DebianIndex { .. } => None,
            Self::Solve { names, source } => {
                let mut hints = source.hints();
                if hints.is_empty() {
                    return None;
                }
                hints.truncate(4);
                Some(format!("{} (asked were {})", hints.join("; or "), names.join(", ")))
            }
        }
    }
}
