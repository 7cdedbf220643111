//! The engine's answers to the questions of the SAT solver (`resolvo`).

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::rc::Rc;

use resolvo::utils::{Pool, VersionSet};
use resolvo::{
    Candidates, Condition, ConditionId, ConditionalRequirement, Dependencies, DependencyProvider, Interner,
    KnownDependencies, NameId, Requirement, SolvableId, SolverCache, StringId, VersionSetId, VersionSetUnionId,
};

use super::{Demand, Ecosystem, Exclusion, PackageId};

/// An explicit set of packages of one name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Set {
    packages: Rc<[PackageId]>,
    /// Whether all but these are meant.
    all_but: bool,
    /// The words of the demand or exclusion that it is a part of.
    text: Rc<str>,
}

impl VersionSet for Set {
    type V = PackageId;
}

impl Set {
    fn contains(&self, package: PackageId) -> bool {
        self.packages.contains(&package) != self.all_but
    }
}

pub(super) struct Provider<'e, E: Ecosystem> {
    pub(super) ecosystem: &'e E,
    pool: Pool<Set>,
    solvables: RefCell<HashMap<PackageId, SolvableId>>,
    locked: HashMap<&'e str, PackageId>,
    failure: RefCell<Option<E::Error>>,
}

impl<'e, E: Ecosystem> Provider<'e, E> {
    pub(super) fn new(ecosystem: &'e E, locked: &BTreeSet<PackageId>) -> Self {
        Self {
            ecosystem,
            pool: Pool::new(),
            solvables: RefCell::default(),
            locked: locked
                .iter()
                .map(|&package| (ecosystem.name(package), package))
                .collect(),
            failure: RefCell::new(None),
        }
    }

    pub(super) fn package(&self, solvable: SolvableId) -> PackageId {
        self.pool.resolve_solvable(solvable).record
    }

    /// The words of a requirement; those of all its parts are the same.
    pub(super) fn requirement_text(&self, requirement: Requirement) -> &str {
        let first = match requirement {
            Requirement::Single(set) => Some(set),
            Requirement::Union(union) => self.pool.resolve_version_set_union(union).next(),
        };
        first.map_or("", |set| self.set_text(set))
    }

    pub(super) fn set_text(&self, set: VersionSetId) -> &str {
        &self.pool.resolve_version_set(set).text
    }

    pub(super) fn take_failure(&self) -> Option<E::Error> {
        self.failure.borrow_mut().take()
    }

    /// The requirements of one package (or of the request), so that choices are made in the order of the demands: the
    /// solver takes what leaves no choice first and in the reverse of its order, and decides the rest in its order.
    pub(super) fn requirements(&self, demands: &[Demand]) -> Vec<ConditionalRequirement> {
        let (forced, choices): (Vec<_>, Vec<_>) = demands.iter().partition(|demand| demand.options.len() < 2);
        forced
            .into_iter()
            .rev()
            .chain(choices)
            .map(|demand| self.requirement(demand).into())
            .collect()
    }

    /// Options that follow each other and share a name become one set; the union of the sets keeps the order.
    fn requirement(&self, demand: &Demand) -> Requirement {
        let text: Rc<str> = demand.text.as_str().into();
        let ecosystem = self.ecosystem;
        let mut sets = demand
            .options
            .chunk_by(|&left, &right| ecosystem.name(left) == ecosystem.name(right))
            .map(|packages| {
                let name = self.pool.intern_package_name(ecosystem.name(packages[0]));
                self.set(name, packages, false, &text)
            });
        let Some(first) = sets.next() else {
            // A name that no package has, since names have no spaces.
            let name = self.pool.intern_package_name(format!("{text} (nothing)"));
            return Requirement::Single(self.set(name, &[], false, &text));
        };
        let others: Vec<_> = sets.collect();
        if others.is_empty() {
            Requirement::Single(first)
        } else {
            Requirement::Union(self.pool.intern_version_set_union(first, others.into_iter()))
        }
    }

    fn constraint(&self, exclusion: &Exclusion) -> Vec<VersionSetId> {
        let text: Rc<str> = exclusion.text.as_str().into();
        let mut packages = exclusion.packages.clone();
        packages.sort_by(|&left, &right| self.ecosystem.name(left).cmp(self.ecosystem.name(right)));
        let same_name = |left: &PackageId, right: &PackageId| self.ecosystem.name(*left) == self.ecosystem.name(*right);
        packages
            .chunk_by(same_name)
            .map(|packages| {
                let name = self.pool.intern_package_name(self.ecosystem.name(packages[0]));
                self.set(name, packages, true, &text)
            })
            .collect()
    }

    fn set(&self, name: NameId, packages: &[PackageId], all_but: bool, text: &Rc<str>) -> VersionSetId {
        self.pool.intern_version_set(
            name,
            Set {
                packages: packages.into(),
                all_but,
                text: Rc::clone(text),
            },
        )
    }

    fn solvable(&self, name: NameId, package: PackageId) -> SolvableId {
        *self
            .solvables
            .borrow_mut()
            .entry(package)
            .or_insert_with(|| self.pool.intern_solvable(name, package))
    }
}

impl<E: Ecosystem> DependencyProvider for Provider<'_, E> {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        version_set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        let set = self.pool.resolve_version_set(version_set);
        candidates
            .iter()
            .copied()
            .filter(|&candidate| set.contains(self.package(candidate)) != inverse)
            .collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        let text = self.pool.resolve_package_name(name);
        let packages = self.ecosystem.candidates(text);
        if packages.is_empty() {
            return None;
        }
        let candidates = packages
            .into_iter()
            .map(|package| self.solvable(name, package))
            .collect();
        let locked = self
            .locked
            .get(text.as_str())
            .map(|&package| self.solvable(name, package));
        Some(Candidates {
            candidates,
            locked,
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _solver: &SolverCache<Self>, solvables: &mut [SolvableId]) {
        let Some(&first) = solvables.first() else { return };
        let order = self
            .ecosystem
            .candidates(self.pool.resolve_package_name(self.solvable_name(first)));
        solvables.sort_by_key(|&solvable| order.iter().position(|&package| package == self.package(solvable)));
    }

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        match self.ecosystem.dependencies(self.package(solvable)) {
            Ok(dependencies) => Dependencies::Known(KnownDependencies {
                requirements: self.requirements(&dependencies.demands),
                constrains: dependencies
                    .exclusions
                    .iter()
                    .flat_map(|exclusion| self.constraint(exclusion))
                    .collect(),
            }),
            Err(error) => {
                self.failure.borrow_mut().get_or_insert(error);
                Dependencies::Unknown(self.pool.intern_string("its requirements cannot be expressed"))
            }
        }
    }

    /// A requirement that cannot be expressed ends the search: going around the package would hide it.
    fn should_cancel_with_value(&self) -> Option<Box<dyn Any>> {
        self.failure.borrow().is_some().then(|| Box::new(()) as Box<dyn Any>)
    }
}

impl<E: Ecosystem> Interner for Provider<'_, E> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        self.ecosystem.describe(self.package(solvable))
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        self.pool.resolve_package_name(name).clone()
    }

    fn display_version_set(&self, version_set: VersionSetId) -> impl Display + '_ {
        self.set_text(version_set).to_owned()
    }

    fn display_string(&self, string: StringId) -> impl Display + '_ {
        self.pool.resolve_string(string).to_owned()
    }

    fn version_set_name(&self, version_set: VersionSetId) -> NameId {
        self.pool.resolve_version_set_package_name(version_set)
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        self.pool.resolve_solvable(solvable).name
    }

    fn version_sets_in_union(&self, union: VersionSetUnionId) -> impl Iterator<Item = VersionSetId> {
        self.pool.resolve_version_set_union(union)
    }

    fn resolve_condition(&self, condition: ConditionId) -> Condition {
        self.pool.resolve_condition(condition).clone()
    }
}
