//! What a build needs from outside: packages, and somebody to tell what is going on.

use std::error::Error;
use std::fmt;

use qclock_trust::Verified;

use crate::definition::UpstreamArchive;
use crate::failure::{Class, Failure};
use crate::ledger::Doubt;
use crate::lockfile::LockedPackage;

/// Where locked packages come from.  Used from several threads at once.
pub trait PackageSource: Sync {
    /// Makes these packages available, all at once, so that what is missing can be downloaded in parallel.
    fn obtain(&self, packages: &[&LockedPackage]) -> Result<(), SourceError>;

    /// The package's bytes, checked against the lock.
    fn read(&self, package: &LockedPackage) -> Result<Verified<Vec<u8>>, SourceError>;

    /// The release's bytes, checked against what the definition says.
    fn archive(&self, archive: &UpstreamArchive) -> Result<Verified<Vec<u8>>, SourceError>;
}

/// What the source of packages said, whatever it is.
pub struct SourceError(Box<dyn Failure + Send + Sync>);

impl<E: Failure + Send + Sync + 'static> From<E> for SourceError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Debug for SourceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl SourceError {
    pub(super) fn class(&self) -> Class {
        self.0.class()
    }

    pub(super) fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    pub(super) fn as_error(&self) -> &(dyn Error + 'static) {
        let failure: &(dyn Failure + 'static) = &*self.0;
        failure
    }
}

/// Told what happens, from several threads at once.
pub trait Progress: Sync {
    fn report(&self, event: &Event<'_>);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    Unchanged {
        image: &'a str,
    },
    /// A blob of the layout is not what its name says; the image is made again.
    Damaged {
        image: &'a str,
    },
    Unpacking {
        image: &'a str,
        packages: usize,
    },
    /// `bytes` before compression.
    Compressing {
        image: &'a str,
        bytes: u64,
    },
    Built {
        image: &'a str,
    },
    /// `image` is an index of images for several architectures.
    Joined {
        image: &'a str,
        architectures: &'a [String],
    },
    /// Scripts that nobody has reviewed, of packages that are used all the same.
    Unreviewed {
        doubts: &'a [Doubt],
    },
    /// Something in the definition that has no effect any more.
    Idle {
        image: &'a str,
        kind: &'static str,
        what: &'a str,
    },
}

/// Tells nobody.
impl Progress for () {
    fn report(&self, _: &Event<'_>) {}
}
