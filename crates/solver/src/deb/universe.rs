//! The packages of a request, found by name and by what they provide; Debian's rules of what satisfies what.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use qclock_packages::deb::{Alternatives, MultiArch, Package, Relation, Version};

use super::{Request, SolveError};
use crate::engine::{Demand, Dependencies, Ecosystem, Exclusion, PackageId};

/// No package's name begins so.
const STANDS_FOR: char = '-';

/// All that may be chosen, and names that stand for what is left out: those have the numbers after the packages'.
pub(super) struct Universe<'a> {
    index: &'a [Package],
    architecture: &'a str,
    /// Sorted by name, the newest version first.  Sorted lists, because an index comes nearly sorted.
    named: Vec<PackageId>,
    /// Capabilities with their provider and the version that it gives them; sorted by name, the preferred provider first.
    provided: Vec<(&'a str, PackageId, Option<&'a Version>)>,
    /// Name left out, and the name under which the engine knows what stands for it; sorted.
    omitted: Vec<(&'a str, String)>,
    pub(super) fixed: BTreeSet<PackageId>,
}

impl<'a> Universe<'a> {
    pub(super) fn new(request: &Request<'a>) -> Result<Self, SolveError> {
        let mut universe = Self {
            index: request.index,
            architecture: request.architecture,
            named: Vec::with_capacity(request.index.len()),
            provided: Vec::new(),
            omitted: request
                .omit
                .iter()
                .map(|name| (name.as_str(), format!("{STANDS_FOR}{name}")))
                .collect(),
            fixed: BTreeSet::new(),
        };
        universe.fill();
        for (name, version) in &request.fixed {
            // Compared as text: versions that are equal in order may be different packages.
            let same = |package: &&PackageId| universe.index[**package as usize].version.as_str() == version.as_str();
            let package = universe.named(name).iter().find(same);
            let missing = || SolveError::FixedMissing {
                name: name.clone(),
                version: version.clone(),
            };
            let package = *package.ok_or_else(missing)?;
            universe.fixed.insert(package);
        }
        Ok(universe)
    }

    #[expect(clippy::cast_possible_truncation, reason = "an index has at most 2^20 packages")]
    fn fill(&mut self) {
        let index = self.index;
        let of = |id: PackageId| &index[id as usize];
        let seen = |package: &Package| package.architecture == self.architecture || package.architecture == "all";
        self.named = (0..index.len() as PackageId).filter(|&id| seen(of(id))).collect();
        // Stable, so that of equal versions the one that is named first comes first, and the others go.
        self.named.sort_by(|&left, &right| {
            let (left, right) = (of(left), of(right));
            left.name
                .cmp(&right.name)
                .then_with(|| right.version.cmp(&left.version))
        });
        self.named.dedup_by(|later, first| {
            of(*later).name == of(*first).name && of(*later).version.as_str() == of(*first).version.as_str()
        });
        for &id in &self.named {
            for relation in &of(id).provides {
                let version = relation.version.as_ref().map(|(_, version)| version);
                self.provided.push((&relation.name, id, version));
            }
        }
        let rank = |id: PackageId| {
            let package = of(id);
            (
                !package.essential,
                priority(&package.priority),
                &package.name,
                Reverse(&package.version),
            )
        };
        self.provided
            .sort_by(|left, right| left.0.cmp(right.0).then_with(|| rank(left.1).cmp(&rank(right.1))));
    }

    /// All packages of a name, the newest version first.
    fn named(&self, name: &str) -> &[PackageId] {
        let name_of = |id: &PackageId| self.index[*id as usize].name.as_str();
        let start = self.named.partition_point(|id| name_of(id) < name);
        let length = self.named[start..].partition_point(|id| name_of(id) == name);
        &self.named[start..start + length]
    }

    fn providers(&self, name: &str) -> &[(&'a str, PackageId, Option<&'a Version>)] {
        let start = self.provided.partition_point(|(capability, ..)| *capability < name);
        let length = self.provided[start..].partition_point(|(capability, ..)| *capability == name);
        &self.provided[start..start + length]
    }

    pub(super) fn package(&self, id: PackageId) -> Option<&'a Package> {
        self.index.get(id as usize)
    }

    /// Names of all packages that are marked essential.
    pub(super) fn essential(&self) -> BTreeSet<&'a str> {
        self.index
            .iter()
            .filter(|package| package.essential)
            .map(|package| package.name.as_str())
            .collect()
    }

    pub(super) fn omission(&self, id: PackageId) -> Option<&'a str> {
        self.stand_in_names(id).map(|(name, _)| *name)
    }

    fn stand_in_names(&self, id: PackageId) -> Option<&(&'a str, String)> {
        self.omitted.get((id as usize).checked_sub(self.index.len())?)
    }

    /// What meets a group, in the order of preference: the alternatives as they are written; for each the package of
    /// that name, the newest first, then those that provide it.
    pub(super) fn demand(&self, group: &Alternatives, of: &str) -> Result<Demand, SolveError> {
        let mut options = Vec::new();
        for relation in group {
            self.check_expressible(relation, of)?;
            for option in self.options(relation) {
                if !options.contains(&option) {
                    options.push(option);
                }
            }
        }
        let mut text = String::new();
        for (position, relation) in group.iter().enumerate() {
            let _ = write!(text, "{}{relation}", if position == 0 { "" } else { " | " });
        }
        if options.is_empty() {
            text.push_str(&self.near_misses(group));
        }
        Ok(Demand { text, options })
    }

    /// A package that is left out is replaced, in its place, by the name that stands for it.
    fn options(&self, relation: &Relation) -> Vec<PackageId> {
        let mut options = self.satisfying(relation);
        if options.iter().any(|option| self.fixed.contains(option)) {
            return options;
        }
        for option in &mut options {
            if let Some(stand_in) = self.stand_in(&self.index[*option as usize].name) {
                *option = stand_in;
            }
        }
        if let Some(stand_in) = self.stand_in(&relation.name) {
            options.insert(0, stand_in);
        }
        options
    }

    /// The number of the name that stands for a package which is left out.
    fn stand_in(&self, name: &str) -> Option<PackageId> {
        let position = self.omitted.binary_search_by_key(&name, |(name, _)| *name).ok()?;
        PackageId::try_from(self.index.len() + position).ok()
    }

    /// Packages that satisfy a relation: by name, then by what they provide (Debian Policy §7.5: only a versioned
    /// capability satisfies a versioned relation).
    fn satisfying(&self, relation: &Relation) -> Vec<PackageId> {
        let fits = |id: PackageId| {
            // `:any` may be satisfied only by a package that allows it (multi-arch specification).
            relation.architecture.as_deref() != Some("any") || self.index[id as usize].multi_arch == MultiArch::Allowed
        };
        let mut options = Vec::new();
        for &id in self.named(&relation.name) {
            if fits(id) && relation.accepts(&self.index[id as usize].version) {
                options.push(id);
            }
        }
        for &(_, id, version) in self.providers(&relation.name) {
            let accepted = relation.version.is_none() || version.is_some_and(|version| relation.accepts(version));
            if fits(id) && accepted && !options.contains(&id) {
                options.push(id);
            }
        }
        options
    }

    fn check_expressible(&self, relation: &Relation, of: &str) -> Result<(), SolveError> {
        match relation.architecture.as_deref() {
            None | Some("any") => Ok(()),
            Some(architecture) if architecture == self.architecture => Ok(()),
            Some(_) => Err(SolveError::Unsupported {
                package: of.to_owned(),
                requirement: relation.to_string(),
                reason: "it asks for a package of another architecture",
            }),
        }
    }

    /// What there is under the names of a group that nothing meets.
    fn near_misses(&self, group: &Alternatives) -> String {
        let mut versions = Vec::new();
        for relation in group {
            for &id in self.named(&relation.name) {
                versions.push(self.describe(id));
            }
        }
        if versions.is_empty() {
            String::new()
        } else {
            format!(" (there is {})", versions.join(", "))
        }
    }

    fn exclusions(&self, package: &Package, field: &str, relations: &[Relation]) -> Vec<Exclusion> {
        let mut exclusions = Vec::new();
        for relation in relations {
            let other = relation
                .architecture
                .as_deref()
                .is_some_and(|name| name != "any" && name != self.architecture);
            if other {
                continue; // A package of another architecture is never chosen.
            }
            let anything = Relation {
                architecture: None,
                ..relation.clone()
            };
            let mut packages = self.satisfying(&anything);
            // A package may exclude a capability that it has itself: all others that have it are meant.
            packages.retain(|&id| self.index[id as usize].name != package.name);
            if !packages.is_empty() {
                exclusions.push(Exclusion {
                    text: format!("{field} {relation}"),
                    packages,
                });
            }
        }
        exclusions
    }
}

impl Ecosystem for Universe<'_> {
    type Error = SolveError;

    fn name(&self, id: PackageId) -> &str {
        match self.package(id) {
            Some(package) => &package.name,
            None => self.stand_in_names(id).map_or("", |(_, stand_in)| stand_in),
        }
    }

    fn candidates(&self, name: &str) -> Vec<PackageId> {
        match name.strip_prefix(STANDS_FOR) {
            None => self.named(name).to_vec(),
            Some(name) => self.stand_in(name).into_iter().collect(),
        }
    }

    fn describe(&self, id: PackageId) -> String {
        match self.package(id) {
            Some(package) => format!("{} {}", package.name, package.version),
            None => format!("{} (left out)", self.omission(id).unwrap_or_default()),
        }
    }

    fn dependencies(&self, id: PackageId) -> Result<Dependencies, SolveError> {
        let Some(package) = self.package(id) else {
            return Ok(Dependencies::default());
        };
        let mut exclusions = self.exclusions(package, "conflicts with", &package.conflicts);
        exclusions.extend(self.exclusions(package, "breaks", &package.breaks));
        let mut demands = Vec::new();
        // What a fixed package needs was settled where it was chosen.
        if !self.fixed.contains(&id) {
            for group in package.pre_depends.iter().chain(&package.depends) {
                demands.push(self.demand(group, &package.name)?);
            }
        }
        Ok(Dependencies { demands, exclusions })
    }
}

/// dpkg's priorities, the most needed first.
fn priority(name: &str) -> u8 {
    match name {
        "required" => 0,
        "important" => 1,
        "standard" => 2,
        "optional" => 3,
        _ => 4,
    }
}
