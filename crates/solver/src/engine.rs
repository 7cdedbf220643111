//! The part that is the same for every distribution: packages with names, ordered choices, and what excludes what.
//!
//! An [`Ecosystem`] turns its own rules (versions, capabilities, alternatives) into explicit lists of packages; the engine asks it
//! only about packages that the search arrives at, so an index of any size costs nothing by itself.

mod explanation;
mod provider;

use std::collections::BTreeSet;

use resolvo::{Problem, Solver, UnsolvableOrCancelled};

/// A package, by a number of the ecosystem's own.
pub(crate) type PackageId = u32;

/// What the engine asks about a distribution's packages.
pub(crate) trait Ecosystem {
    /// Why a package's requirements cannot be expressed.
    type Error;

    /// Of packages with one name at most one is chosen.
    fn name(&self, package: PackageId) -> &str;

    /// All packages of that name, the preferred one first.
    fn candidates(&self, name: &str) -> Vec<PackageId>;

    /// Name and version, for explanations.
    fn describe(&self, package: PackageId) -> String;

    fn dependencies(&self, package: PackageId) -> Result<Dependencies, Self::Error>;
}

/// What a package needs, and what it cannot be chosen with.
#[derive(Debug, Default)]
pub(crate) struct Dependencies {
    pub(crate) demands: Vec<Demand>,
    pub(crate) exclusions: Vec<Exclusion>,
}

/// One of these packages must be chosen.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    /// In the distribution's words, for explanations.
    pub(crate) text: String,
    /// In the order of preference.
    pub(crate) options: Vec<PackageId>,
}

/// None of these packages may be chosen.
#[derive(Debug, Clone)]
pub(crate) struct Exclusion {
    /// In the distribution's words, for explanations.
    pub(crate) text: String,
    pub(crate) packages: Vec<PackageId>,
}

#[derive(Debug)]
pub(crate) enum EngineError<E> {
    /// In words, a line for each dead end.
    Unsolvable {
        explanation: String,
    },
    Ecosystem(E),
}

/// Chooses packages that meet all demands, the locked ones among them; the answer is sorted by number.
pub(crate) fn solve<E: Ecosystem>(
    ecosystem: &E,
    demands: &[Demand],
    locked: &BTreeSet<PackageId>,
) -> Result<Vec<PackageId>, EngineError<E::Error>> {
    let provider = provider::Provider::new(ecosystem, locked);
    let requirements = provider.requirements(demands);
    let mut solver = Solver::new(provider);
    match solver.solve(Problem::new().requirements(requirements)) {
        Ok(solvables) => {
            let provider = solver.provider();
            let mut packages: Vec<_> = solvables
                .into_iter()
                .map(|solvable| provider.package(solvable))
                .collect();
            packages.sort_unstable();
            Ok(packages)
        }
        Err(UnsolvableOrCancelled::Unsolvable(conflict)) => {
            let explanation = explanation::explain(&conflict.graph(&solver), solver.provider());
            Err(EngineError::Unsolvable { explanation })
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => match solver.provider().take_failure() {
            Some(error) => Err(EngineError::Ecosystem(error)),
            None => Err(EngineError::Unsolvable {
                explanation: "the search was broken off".to_owned(),
            }),
        },
    }
}
