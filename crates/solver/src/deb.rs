//! Debian's rules: what a package's fields ask for, and what is preferred.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use qclock_packages::deb::{Alternatives, Package, RelationError, Version, parse_alternatives};

/// What is asked of the solver.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub install: Vec<Requirement>,
    /// The parent's packages: in every solution, in exactly these versions.
    pub fixed: Vec<(String, Version)>,
    /// Names whose requirement counts as met without the package.
    pub omit: &'a BTreeSet<String>,
    /// All that may be chosen from, of any suite; a later duplicate of an equal name and version is passed over.
    pub index: &'a [Package],
    /// The one architecture, `amd64`; packages of `all` fit too, others are not seen.
    pub architecture: &'a str,
    /// Whether all packages marked essential are asked for as well.
    pub essential: bool,
}

/// One requirement of a request: `php8.2-fpm`, `libc6 (>= 2.36)`, `httpd | apache2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement(pub Alternatives);

/// The chosen packages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Solution {
    /// Positions in the request's index, sorted by the packages' names; the fixed ones among them.
    pub packages: Vec<usize>,
    /// Name left out → names of the chosen packages (or `the request`) that require it.
    pub omitted: BTreeMap<String, Vec<String>>,
    /// Names of `omit` that nothing chosen requires.
    pub unused_omissions: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum SolveError {
    #[error("no set of packages satisfies the request:\n{explanation}")]
    Unsolvable { explanation: String },
    #[error("package `{name}` {version} of the parent image is in no index")]
    FixedMissing { name: String, version: Version },
    #[error("package `{package}` has the requirement `{requirement}`, which cannot be expressed: {reason}")]
    Unsupported {
        package: String,
        requirement: String,
        reason: &'static str,
    },
}

impl FromStr for Requirement {
    type Err = RelationError;

    fn from_str(text: &str) -> Result<Self, RelationError> {
        parse_alternatives(text).map(Self)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, relation) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { " | " };
            write!(formatter, "{separator}{relation}")?;
        }
        Ok(())
    }
}

/// Finds the packages that a request needs.
pub fn solve(request: &Request<'_>) -> Result<Solution, SolveError> {
    let _ = request;
    Ok(Solution::default())
}
