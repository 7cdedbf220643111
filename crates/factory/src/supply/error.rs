//! Why a locked package cannot be had.

use thiserror::Error;

use crate::cache::CacheError;
use crate::failure::{Class, Failure};
use crate::fetch::FetchError;

#[derive(Debug, Error)]
pub enum SupplyError {
    #[error("a locked package is no longer to be had{}", if *snapshot { "" } else { " from the mirror" })]
    Gone {
        #[source]
        source: FetchError,
        /// Whether a snapshot service was asked too.
        snapshot: bool,
    },
    #[error("cannot download the packages")]
    Fetch(#[source] FetchError),
    #[error("cannot download the package `{name}`: {reason}")]
    Mirror { name: String, reason: String },
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error("the lock's entry of the package `{name}` has no usable `{field}`")]
    Lock { name: String, field: &'static str },
    #[error("the file of the package `{name}` changes in the cache while it is read")]
    Unstable { name: String },
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
            Self::Gone { snapshot: true, .. } | Self::Lock { .. } => Some("run `qclock lock` to take what the mirror has now".to_owned()),
            Self::Gone { snapshot: false, .. } => Some(
                "run `qclock lock` to take what the mirror has now, or set `QCLOCK_DEBIAN_SNAPSHOT` to the address of a snapshot service".to_owned(),
            ),
            Self::Fetch(source) => source.hint(),
            Self::Mirror { .. } => Some("set `QCLOCK_DEBIAN_MIRROR` to the address of a Debian mirror, `…/debian`".to_owned()),
            Self::Cache(_) | Self::Unstable { .. } => Some("name another folder with `QCLOCK_CACHE_DIR`".to_owned()),
        }
    }
}
