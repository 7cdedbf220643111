//! All packages of all repositories by number, and who provides what among them.
//!
//! Lists of packages are kept once, one after the other, each ended by a 0, and named by where they begin.

mod files;
mod rich;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use qclock_packages::rpm::{
    Dependency, DependencyId, Evr, Index, List, PackageView, Range, Requirement, StringId, hash, is_primary_path,
};

use super::architecture::{Architectures, Rank};
use super::{Assumed, Repository};

/// A package by number; 0 is none, 1 the system itself.
pub(super) type Solvable = i32;
/// Where a list of packages begins.
pub(super) type ListId = u32;

pub(super) const SYSTEM: Solvable = 1;
const FIRST: Solvable = 2;
pub(super) const EMPTY: ListId = 1;
const ONLY_SYSTEM: ListId = 2;

/// rpm's own features, which packages may require; those of rpm 4.16 (EL9) and later that change how a package is read.
const RPMLIB: [&str; 24] = [
    "rpmlib(BuiltinLuaScripts)",
    "rpmlib(CaretInVersions)",
    "rpmlib(CompressedFileNames)",
    "rpmlib(ConcurrentAccess)",
    "rpmlib(DynamicBuildRequires)",
    "rpmlib(ExplicitPackageProvide)",
    "rpmlib(FileCaps)",
    "rpmlib(FileDigests)",
    "rpmlib(HeaderLoadSortsTags)",
    "rpmlib(HeaderTranslatedStrings)",
    "rpmlib(LargeFiles)",
    "rpmlib(PartialHardlinkSets)",
    "rpmlib(PayloadFilesHavePrefix)",
    "rpmlib(PayloadIsBzip2)",
    "rpmlib(PayloadIsXz)",
    "rpmlib(PayloadIsZstd)",
    "rpmlib(RichDependencies)",
    "rpmlib(ScriptletExpansion)",
    "rpmlib(ScriptletInterpreterArgs)",
    "rpmlib(ShortCircuited)",
    "rpmlib(TildeInVersions)",
    "rpmlib(VersionedDependencies)",
    "rpmlib(PayloadIsLzma)",
    "rpmlib(PayloadIsUstar)",
];
/// What this version cannot unpack, though rpm can.
const NOT_UNPACKED: [&str; 2] = ["rpmlib(PayloadIsLzma)", "rpmlib(PayloadIsUstar)"];

#[derive(Debug)]
pub(super) struct Pool<'a> {
    pub(super) repositories: &'a [Repository<'a>],
    /// Number of the first package of each repository, and the end.
    firsts: Vec<Solvable>,
    architectures: Architectures,
    /// Of each repository: those that can run here, by number.  Every package is asked for its own, many times.
    ranks: Vec<Vec<(StringId, Rank)>>,
    /// Packages that no solution may have, as an enabled stream hides them or theirs is not enabled.
    pub(super) hidden: Vec<bool>,
    /// Packages of which many versions may stand side by side.
    pub(super) multiple: Vec<bool>,
    pub(super) lists: Vec<Solvable>,
    /// Of each repository: dependency → list, 0 when not worked out.
    answers: Vec<Vec<ListId>>,
    /// Of each repository: name → list.
    names: Vec<Vec<ListId>>,
    rich: HashMap<(usize, u32), Rc<Requirement>>,
    assumed: BTreeMap<&'a str, &'a Assumed>,
    /// A path was asked for that only the full lists of files can answer.
    pub(super) missing_filelists: bool,
}

impl<'a> Pool<'a> {
    pub(super) fn new(repositories: &'a [Repository<'a>], machine: &str, assumed: &'a [Assumed]) -> Self {
        let mut firsts = vec![FIRST];
        for repository in repositories {
            let count = Solvable::try_from(repository.index.len()).unwrap_or(Solvable::MAX / 64);
            firsts.push(firsts.last().copied().unwrap_or(FIRST) + count);
        }
        let end = firsts.last().copied().unwrap_or(FIRST);
        let architectures = Architectures::of(machine);
        let ranks = |index: &Index| {
            let names = architectures.names();
            let found = names.map(|name| {
                Some((
                    index.find(name.as_bytes(), hash(name.as_bytes()))?,
                    architectures.rank(name),
                ))
            });
            found.flatten().collect()
        };
        Self {
            repositories,
            ranks: repositories.iter().map(|it| ranks(it.index)).collect(),
            architectures,
            hidden: vec![false; end.unsigned_abs() as usize],
            multiple: vec![false; end.unsigned_abs() as usize],
            lists: vec![0, 0, SYSTEM, 0],
            answers: repositories.iter().map(|it| vec![0; it.index.dependencies()]).collect(),
            names: repositories.iter().map(|it| vec![0; it.index.strings()]).collect(),
            rich: HashMap::new(),
            assumed: assumed.iter().map(|it| (it.name.as_str(), it)).collect(),
            missing_filelists: false,
            firsts,
        }
    }

    /// Marks what provides one of these names.
    pub(super) fn mark_multiple(&mut self, names: &[&str]) {
        for name in names {
            let list = self.providers_of(name, Range::ANY, "");
            for package in self.list(list).to_vec() {
                self.multiple[package.unsigned_abs() as usize] = true;
            }
        }
    }

    /// One more than the number of the last package.
    pub(super) fn end(&self) -> Solvable {
        self.firsts.last().copied().unwrap_or(FIRST)
    }

    pub(super) fn all(&self) -> std::ops::Range<Solvable> {
        FIRST..self.end()
    }

    pub(super) fn number(&self, repository: usize, position: usize) -> Solvable {
        self.firsts[repository] + Solvable::try_from(position).unwrap_or(0)
    }

    pub(super) fn repository_of(&self, package: Solvable) -> usize {
        let mut repository = 0;
        while repository + 2 < self.firsts.len() && self.firsts[repository + 1] <= package {
            repository += 1;
        }
        repository
    }

    pub(super) fn index_of(&self, package: Solvable) -> &'a Index {
        self.repositories[self.repository_of(package)].index
    }

    pub(super) fn position_of(&self, package: Solvable) -> usize {
        (package - self.firsts[self.repository_of(package)]).unsigned_abs() as usize
    }

    pub(super) fn view(&self, package: Solvable) -> PackageView<'a> {
        self.index_of(package).package(self.position_of(package))
    }

    /// All packages of this very name, whatever their architecture.
    pub(super) fn named_exactly(&self, name: &str) -> Vec<Solvable> {
        let hash = hash(name.as_bytes());
        let mut found = Vec::new();
        for (repository, it) in self.repositories.iter().enumerate() {
            let Some(id) = it.index.find(name.as_bytes(), hash) else {
                continue;
            };
            for (position, _) in it.index.providers(id) {
                let package = self.number(repository, position);
                if it.index.package(position).name_id() == id && found.last() != Some(&package) {
                    found.push(package);
                }
            }
        }
        found.dedup();
        found
    }

    /// As though nothing were assumed to be there.
    pub(super) fn without_assumed<R>(&mut self, action: impl FnOnce(&mut Self) -> R) -> R {
        let assumed = std::mem::take(&mut self.assumed);
        let result = action(self);
        self.assumed = assumed;
        result
    }

    /// `name-[epoch:]version-release.arch`.
    pub(super) fn describe(&self, package: Solvable) -> String {
        let view = self.view(package);
        format!("{}-{}.{}", view.name(), view.evr(), view.architecture())
    }

    pub(super) fn dependency(&self, package: Solvable, id: DependencyId) -> Dependency<'a> {
        self.index_of(package).dependency(id)
    }

    pub(super) fn same_name(&self, left: Solvable, right: Solvable) -> bool {
        let (left_view, right_view) = (self.view(left), self.view(right));
        if self.repository_of(left) == self.repository_of(right) {
            left_view.name_id() == right_view.name_id()
        } else {
            left_view.name() == right_view.name()
        }
    }

    pub(super) fn same_architecture(&self, left: Solvable, right: Solvable) -> bool {
        let (left_view, right_view) = (self.view(left), self.view(right));
        if self.repository_of(left) == self.repository_of(right) {
            left_view.architecture_id() == right_view.architecture_id()
        } else {
            left_view.architecture() == right_view.architecture()
        }
    }

    pub(super) fn compare_versions(&self, left: Solvable, right: Solvable) -> std::cmp::Ordering {
        let (left, right) = (self.view(left).evr(), self.view(right).evr());
        Evr::parse(left).compare(&Evr::parse(right))
    }

    pub(super) fn rank(&self, package: Solvable) -> Rank {
        let view = self.view(package);
        let id = view.architecture_id();
        let known = self.ranks[self.repository_of(package)]
            .iter()
            .find(|(known, _)| *known == id);
        known.map_or_else(|| self.architectures.rank(view.architecture()), |&(_, rank)| rank)
    }

    pub(super) fn can_be_installed(&self, package: Solvable) -> bool {
        !self.hidden[package.unsigned_abs() as usize] && self.rank(package).score != 0
    }

    pub(super) fn list(&self, list: ListId) -> &[Solvable] {
        let rest = &self.lists[list as usize..];
        let end = rest.iter().position(|&package| package == 0).unwrap_or(rest.len());
        &rest[..end]
    }

    pub(super) fn keep(&mut self, packages: &[Solvable]) -> ListId {
        match packages {
            [] => EMPTY,
            [SYSTEM] => ONLY_SYSTEM,
            _ => {
                let list = ListId::try_from(self.lists.len()).unwrap_or(EMPTY);
                self.lists.extend_from_slice(packages);
                self.lists.push(0);
                list
            }
        }
    }

    pub(super) fn is_system(&self, list: ListId) -> bool {
        self.lists[list as usize] == SYSTEM
    }

    /// Who meets a requirement (conflict, recommendation…) of a package.  Rich ones that speak of more than one package at a time are
    /// not for here: see [`Pool::rich`].
    pub(super) fn providers(&mut self, package: Solvable, id: DependencyId) -> ListId {
        let repository = self.repository_of(package);
        let known = self.answers[repository].get(id.0 as usize).copied().unwrap_or(EMPTY);
        if known != 0 {
            return known;
        }
        let dependency = self.repositories[repository].index.dependency(id);
        let list = if dependency.rich {
            match self.rich(package, id) {
                Some(requirement) => self.providers_of_requirement(&requirement),
                None => EMPTY,
            }
        } else if dependency.range.is_any() {
            self.named(repository, dependency)
        } else {
            self.providers_of(dependency.name, dependency.range, dependency.version)
        };
        if let Some(answer) = self.answers[repository].get_mut(id.0 as usize) {
            *answer = list;
        }
        list
    }

    fn named(&mut self, repository: usize, dependency: Dependency<'a>) -> ListId {
        let at = dependency.name_id.0 as usize;
        if self.names[repository][at] == 0 {
            self.names[repository][at] = self.providers_of(dependency.name, Range::ANY, "");
        }
        self.names[repository][at]
    }

    /// Who provides the package's name: other versions of it, and what stands in for it.
    pub(super) fn namesakes(&mut self, package: Solvable) -> ListId {
        let repository = self.repository_of(package);
        let view = self.view(package);
        let at = view.name_id().0 as usize;
        if self.names[repository][at] == 0 {
            self.names[repository][at] = self.providers_of(view.name(), Range::ANY, "");
        }
        self.names[repository][at]
    }

    /// The tree of a rich requirement; none when it is malformed.
    pub(super) fn rich(&mut self, package: Solvable, id: DependencyId) -> Option<Rc<Requirement>> {
        let repository = self.repository_of(package);
        if let Some(known) = self.rich.get(&(repository, id.0)) {
            return Some(Rc::clone(known));
        }
        let parsed = Rc::new(
            self.repositories[repository]
                .index
                .dependency(id)
                .to_requirement()
                .ok()?,
        );
        self.rich.insert((repository, id.0), Rc::clone(&parsed));
        Some(parsed)
    }

    pub(super) fn providers_of(&mut self, name: &str, range: Range, version: &str) -> ListId {
        if let Some(assumed) = self.assumed.get(name)
            && assumed.range().meets(&assumed.version, range, version)
        {
            return ONLY_SYSTEM;
        }
        let mut found = Vec::new();
        let is_path = name.starts_with('/');
        let hash = hash(name.as_bytes());
        for repository in 0..self.repositories.len() {
            let index = self.repositories[repository].index;
            let before = found.len();
            if let Some(id) = index.find(name.as_bytes(), hash) {
                for (position, provide) in index.providers(id) {
                    let package = self.number(repository, position);
                    if found.last() == Some(&package) {
                        continue;
                    }
                    let meets = range.is_any()
                        || provide.is_none_or(|provide| {
                            let provide = index.dependency(provide);
                            provide.range.meets(provide.version, range, version)
                        });
                    if meets && self.rank(package).score != 0 {
                        found.push(package);
                    }
                }
            }
            if is_path && !is_primary_path(name) {
                self.add_owners(repository, name, before, &mut found);
            }
        }
        if found.is_empty() && name.starts_with("rpmlib(") && RPMLIB.contains(&name) && !NOT_UNPACKED.contains(&name) {
            return ONLY_SYSTEM;
        }
        self.keep(&found)
    }

    /// Whether an `obsoletes` of `package` means `other`: by its name, not by what it provides.
    pub(super) fn obsoletes(&self, package: Solvable, id: DependencyId, other: Solvable) -> bool {
        let obsolete = self.dependency(package, id);
        let view = self.view(other);
        view.name() == obsolete.name && Range::EQUAL.meets(view.evr(), obsolete.range, obsolete.version)
    }

    pub(super) fn dependencies(&self, package: Solvable, list: List) -> impl Iterator<Item = DependencyId> + use<'a> {
        self.view(package).list(list)
    }
}

/// Whether a requirement speaks of more than one package at a time, so that it becomes several rules.
pub(super) fn is_complex(requirement: &Requirement) -> bool {
    match requirement {
        Requirement::Plain(_) | Requirement::With(..) | Requirement::Without(..) => false,
        Requirement::Or(left, right) => is_complex(left) || is_complex(right),
        Requirement::And(..) | Requirement::If(..) | Requirement::Unless(..) => true,
    }
}
