//! Packages to a file tree: unpacked in memory, laid together, nothing executed.

mod empty_jar;
mod error;
mod forbidden;
mod merge;
mod prune;
mod relocate;
mod unpack;

pub use error::{AssembleError, UnpackError};
pub use forbidden::{Permits, check_forbidden};
pub use merge::{Merged, merge};
pub(crate) use prune::glob_set;
pub use prune::{PatternError, Pruner};
pub use relocate::link_merged_directories;
pub(crate) use relocate::relocated;
pub use unpack::{Metadata, Rules, Unpacked, UpstreamRules, unpack_deb, unpack_rpm, unpack_upstream};

/// Folders of the distributions' certificates.  Their files are kept aside even when they are pruned: the bundle is made of them.
pub(crate) const CERTIFICATES: [&str; 2] = ["usr/share/ca-certificates/mozilla/", "usr/share/pki/ca-trust-source/"];

#[cfg(test)]
pub(crate) mod tests;
