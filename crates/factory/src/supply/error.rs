//! Why a locked package cannot be had.

use thiserror::Error;

use crate::cache::CacheError;
use crate::failure::{Class, Failure};
use crate::fetch::FetchError;

#[derive(Debug, Error)]
pub enum SupplyError {
    #[error("a locked package is no longer to be had{}", if *others == Others::Asked { "" } else { " from the mirror" })]
    Gone {
        #[source]
        source: FetchError,
        others: Others,
    },
    #[error("cannot download the packages")]
    Fetch(#[source] FetchError),
    #[error("cannot download the package `{name}`: {reason}")]
    Mirror {
        name: String,
        reason: String,
        hint: Option<String>,
    },
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error("the lock's entry of the package `{name}` has no usable `{field}`")]
    Lock { name: String, field: &'static str },
    #[error("the file of the package `{name}` changes in the cache while it is read")]
    Unstable { name: String },
}

/// Whether a snapshot service could have what the mirror has no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    Asked,
    Possible,
    /// There are none for these repositories.
    None,
}

impl Failure for SupplyError {
    fn class(&self) -> Class {
        match self {
            Self::Fetch(source) => source.class(),
            Self::Gone { .. } | Self::Mirror { .. } | Self::Cache(_) | Self::Unstable { .. } => Class::Environment,
            Self::Lock { .. } => Class::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Gone { others: Others::Asked, .. } | Self::Lock { .. } => {
                Some("run `qclock lock` to take what the mirror has now".to_owned())
            }
            Self::Gone { others: Others::Possible, .. } => Some(
                "run `qclock lock` to take what the mirror has now, or set `QCLOCK_DEBIAN_SNAPSHOT` to the address of a snapshot service".to_owned(),
            ),
            Self::Gone { others: Others::None, .. } => {
                Some("run `qclock lock` to take what the mirror has now, or put the package into `vendor`".to_owned())
            }
            Self::Fetch(source) => source.hint(),
            Self::Mirror { hint, .. } => hint.clone(),
            Self::Cache(_) | Self::Unstable { .. } => Some("name another folder with `QCLOCK_CACHE_DIR`".to_owned()),
        }
    }
}
