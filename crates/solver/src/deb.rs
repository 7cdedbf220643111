//! Debian's rules: what a package's fields ask for, and what is preferred.

mod universe;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use qclock_packages::deb::{Alternatives, Package, Relation, RelationError, Version, parse_alternatives};

use crate::engine::{self, Demand, Ecosystem as _, EngineError};
use universe::Universe;

/// Stands for the name of a package where the request itself asks.
const THE_REQUEST: &str = "the request";

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

/// Finds the packages that a request needs: the newest of each name that fits, the first alternative that can be had.
pub fn solve(request: &Request<'_>) -> Result<Solution, SolveError> {
    let universe = Universe::new(request)?;
    let demands = demands(request, &universe)?;
    let chosen = engine::solve(&universe, &demands, &universe.fixed).map_err(|error| match error {
        EngineError::Unsolvable { explanation } => SolveError::Unsolvable { explanation },
        EngineError::Ecosystem(error) => error,
    })?;
    let mut packages: Vec<usize> = chosen
        .into_iter()
        .filter(|&id| universe.package(id).is_some())
        .map(|id| id as usize)
        .collect();
    packages.sort_by_key(|&position| &request.index[position].name);
    let omitted = omitted(request, &universe, &packages)?;
    let unused = request
        .omit
        .iter()
        .filter(|name| !omitted.contains_key(*name))
        .cloned()
        .collect();
    Ok(Solution {
        packages,
        omitted,
        unused_omissions: unused,
    })
}

fn demands(request: &Request<'_>, universe: &Universe<'_>) -> Result<Vec<Demand>, SolveError> {
    let mut demands = Vec::new();
    for &id in &universe.fixed {
        demands.push(Demand {
            text: universe.describe(id),
            options: vec![id],
        });
    }
    for requirement in &request.install {
        demands.push(universe.demand(&requirement.0, THE_REQUEST)?);
    }
    if request.essential {
        for name in universe.essential() {
            let relation = Relation {
                name: name.to_owned(),
                architecture: None,
                version: None,
            };
            demands.push(universe.demand(&vec![relation], THE_REQUEST)?);
        }
    }
    Ok(demands)
}

/// Looks at each group of each chosen package: one that nothing chosen meets is met by a name that was left out.
fn omitted(
    request: &Request<'_>,
    universe: &Universe<'_>,
    packages: &[usize],
) -> Result<BTreeMap<String, Vec<String>>, SolveError> {
    let mut omitted: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let chosen: BTreeSet<usize> = packages.iter().copied().collect();
    let mut look_at = |group: &Alternatives, by| -> Result<(), SolveError> {
        let options = universe.demand(group, by)?.options;
        if !options.iter().any(|&option| chosen.contains(&(option as usize)))
            && let Some(name) = options.iter().find_map(|&option| universe.omission(option))
        {
            omitted.entry(name.to_owned()).or_default().insert(by);
        }
        Ok(())
    };
    for requirement in &request.install {
        look_at(&requirement.0, THE_REQUEST)?;
    }
    for &position in packages {
        let package = &request.index[position];
        for group in package.pre_depends.iter().chain(&package.depends) {
            look_at(group, &package.name)?;
        }
    }
    let names = |by: BTreeSet<&str>| by.into_iter().map(str::to_owned).collect();
    Ok(omitted.into_iter().map(|(name, by)| (name, names(by))).collect())
}
