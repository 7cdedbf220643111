//! The clauses of a request: what every package that could matter requires and excludes (libsolv's "rules").

use std::cmp::Ordering;
use std::collections::VecDeque;

use qclock_packages::rpm::{DependencyId, List, Requirement};

use super::normal_form::{Blocks, Form, TooLarge, invert, normalize};
use super::pool::{EMPTY, ListId, Pool, Solvable, is_complex};

/// Why a rule is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Requires,
    NothingProvides,
    NotInstallable,
    Unsupported,
    Conflicts,
    Obsoletes,
    SameName,
    /// The n-th of the request's specifications.
    Job(u32),
    /// The best of the n-th.
    Best(u32),
    InferiorArchitecture,
    Learnt,
}

/// A clause: `first`, and either `second` (0: none) or the literals of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) first: Solvable,
    /// 0: at most two literals.
    pub(super) list: ListId,
    /// The two literals that are watched; the second is the second literal of a short rule.
    pub(super) watches: [Solvable; 2],
    /// Next rules that watch the same literals.
    pub(super) next: [u32; 2],
    pub(super) kind: Kind,
    /// Who has the dependency, and which.
    pub(super) from: Solvable,
    pub(super) dependency: u32,
}

/// No dependency stands behind the rule.
pub(super) const NO_DEPENDENCY: u32 = u32::MAX;

impl Rule {
    pub(super) fn is_assertion(&self) -> bool {
        self.list == 0 && self.watches[1] == 0 && self.first != 0
    }

    /// The order of rules decides in which order they are looked at: that of libsolv.
    fn compare(&self, other: &Self, pool: &Pool<'_>) -> Ordering {
        self.first.cmp(&other.first).then_with(|| {
            let first_of = |rule: &Self| {
                if rule.list == 0 {
                    rule.watches[1]
                } else {
                    pool.lists[rule.list as usize]
                }
            };
            match (self.list, other.list) {
                (0, 0) => self.watches[1].cmp(&other.watches[1]),
                (0, _) => self.watches[1].cmp(&first_of(other)).then(Ordering::Less),
                (_, 0) => first_of(self).cmp(&other.watches[1]).then(Ordering::Greater),
                (left, right) if left == right => Ordering::Equal,
                (left, right) => pool.list(left).cmp(pool.list(right)),
            }
        })
    }
}

/// Makes rules for packages and all that they could bring with them.
#[derive(Debug)]
pub(super) struct RuleMaker<'p, 'a> {
    pub(super) pool: &'p mut Pool<'a>,
    pub(super) rules: Vec<Rule>,
    /// Packages that have their rules.
    pub(super) added: Vec<bool>,
    /// Decides whether a requirement is left out on purpose.
    pub(super) omissions: super::omission::Omissions<'a>,
    queue: VecDeque<Solvable>,
}

impl<'p, 'a> RuleMaker<'p, 'a> {
    pub(super) fn new(pool: &'p mut Pool<'a>, omissions: super::omission::Omissions<'a>) -> Self {
        let size = pool.end().unsigned_abs() as usize;
        Self {
            pool,
            rules: vec![Rule {
                first: 0,
                list: 0,
                watches: [0; 2],
                next: [0; 2],
                kind: Kind::Learnt,
                from: 0,
                dependency: NO_DEPENDENCY,
            }],
            added: vec![false; size],
            omissions,
            queue: VecDeque::new(),
        }
    }

    /// Adds the rules of a package and of all that it leads to.
    pub(super) fn add_package(&mut self, package: Solvable) {
        self.queue.push_back(package);
        while let Some(package) = self.queue.pop_front() {
            if !std::mem::replace(&mut self.added[package.unsigned_abs() as usize], true) {
                self.rules_of(package);
            }
        }
    }

    fn rules_of(&mut self, package: Solvable) {
        if !self.pool.can_be_installed(package) {
            self.assert_not(package, Kind::NotInstallable, NO_DEPENDENCY);
        }
        for id in self.pool.dependencies(package, List::Requires) {
            self.requires(package, id);
        }
        for id in self.pool.dependencies(package, List::Conflicts) {
            self.conflicts(package, id);
        }
        for id in self.pool.dependencies(package, List::Obsoletes) {
            self.obsoletes(package, id);
        }
        self.namesakes(package);
        // Even where nothing recommended is taken: which architectures there are among the packages in sight decides which are inferior.
        for list in [List::Recommends, List::Suggests] {
            for id in self.pool.dependencies(package, list) {
                self.visit_recommended(package, id);
            }
        }
    }

    fn visit_recommended(&mut self, package: Solvable, id: DependencyId) {
        if self.pool.dependency(package, id).rich {
            if let Some(requirement) = self.pool.rich(package, id) {
                self.visit_positive(&requirement, true);
            }
            return;
        }
        let providers = self.pool.providers(package, id);
        self.visit(providers);
    }

    /// The packages whose presence can help to meet a rich requirement.
    fn visit_positive(&mut self, requirement: &Requirement, positive: bool) {
        match requirement {
            Requirement::And(left, right) | Requirement::Or(left, right) => {
                self.visit_positive(left, positive);
                self.visit_positive(right, positive);
            }
            Requirement::If(then, condition, other) | Requirement::Unless(then, condition, other) => {
                self.visit_positive(then, positive);
                self.visit_positive(condition, !positive);
                if let Some(other) = other {
                    self.visit_positive(other, positive);
                }
            }
            Requirement::Plain(_) | Requirement::With(..) | Requirement::Without(..) if positive => {
                let providers = self.pool.providers_of_requirement(requirement);
                self.visit(providers);
            }
            _ => {}
        }
    }

    fn requires(&mut self, package: Solvable, id: DependencyId) {
        if self.pool.dependency(package, id).rich {
            let Some(requirement) = self.pool.rich(package, id) else {
                self.assert_not(package, Kind::Unsupported, id.0);
                return;
            };
            if is_complex(&requirement) {
                match normalize(self.pool, &requirement, Form::Conjunctive) {
                    Ok(blocks) => self.clauses(package, id, Kind::Requires, blocks),
                    Err(TooLarge) => self.assert_not(package, Kind::Unsupported, id.0),
                }
                return;
            }
        }
        let list = self.pool.providers(package, id);
        if self.pool.is_system(list) || self.pool.list(list).contains(&package) {
            return;
        }
        if self.omissions.leaves_out(self.pool, package, id, list) {
            return;
        }
        if list == EMPTY {
            self.assert_not(package, Kind::NothingProvides, id.0);
            return;
        }
        self.add(-package, list, Kind::Requires, package, id.0);
        self.visit(list);
    }

    fn conflicts(&mut self, package: Solvable, id: DependencyId) {
        if self.pool.dependency(package, id).rich {
            let Some(requirement) = self.pool.rich(package, id) else {
                self.assert_not(package, Kind::Unsupported, id.0);
                return;
            };
            if is_complex(&requirement) {
                match normalize(self.pool, &requirement, Form::Disjunctive) {
                    Ok(blocks) => self.clauses(package, id, Kind::Conflicts, invert(blocks)),
                    Err(TooLarge) => self.assert_not(package, Kind::Unsupported, id.0),
                }
                return;
            }
        }
        let list = self.pool.providers(package, id);
        for other in self.pool.list(list).to_vec() {
            if other != package {
                self.exclude(package, other, Kind::Conflicts, id.0);
            }
        }
    }

    fn obsoletes(&mut self, package: Solvable, id: DependencyId) {
        let list = self.pool.providers(package, id);
        for other in self.pool.list(list).to_vec() {
            if other != package && self.pool.obsoletes(package, id, other) {
                self.exclude(package, other, Kind::Obsoletes, id.0);
            }
        }
    }

    /// Of packages with one name at most one is installed, unless their architectures differ in width.
    fn namesakes(&mut self, package: Solvable) {
        let list = self.pool.namesakes(package);
        let rank = self.pool.rank(package);
        let multiple = self.pool.multiple[package.unsigned_abs() as usize];
        let mut at = list as usize;
        while self.pool.lists[at] != 0 {
            let other = self.pool.lists[at];
            at += 1;
            if other == package || !self.pool.same_name(package, other) {
                continue;
            }
            let other_rank = self.pool.rank(other);
            let same_version = self.pool.view(package).evr() == self.pool.view(other).evr();
            let added = self.added[other.unsigned_abs() as usize];
            // The better architecture of the same version comes along, so that both can be kept in step.
            if !added && same_version && rank.score > 2 && other_rank.score > 1 && other_rank.score < rank.score {
                self.queue.push_back(other);
            }
            let both_fit = multiple && !(same_version && self.pool.same_architecture(package, other));
            let already = added && !self.pool.multiple[other.unsigned_abs() as usize];
            if rank.colors & other_rank.colors != 0 && !both_fit && !already {
                self.exclude(package, other, Kind::SameName, NO_DEPENDENCY);
            }
        }
    }

    /// Rules of a rich requirement, one for each block.
    fn clauses(&mut self, package: Solvable, id: DependencyId, kind: Kind, blocks: Blocks) {
        let blocks = match blocks {
            Blocks::Always => return,
            Blocks::Never if kind == Kind::Requires => return self.assert_not(package, Kind::NothingProvides, id.0),
            Blocks::Never => return self.assert_not(package, kind, id.0),
            Blocks::Some(blocks) => blocks,
        };
        for mut block in blocks {
            if block.contains(&package) {
                continue;
            }
            for &literal in block.iter().filter(|&&literal| literal > 0) {
                self.queue.push_back(literal);
            }
            if !block.contains(&-package) {
                block.push(-package);
                block.sort_unstable();
            } else if kind == Kind::Conflicts && block == [-package] {
                // A package does not conflict with itself.
                continue;
            }
            match *block.as_slice() {
                [only] => self.add_short(only, 0, kind, package, id.0),
                // Two literals: the package's own first, as in a plain requirement.
                [left, right] => self.add_short(left, right, kind, package, id.0),
                _ => {
                    let list = self.pool.keep(&block[1..]);
                    self.add(block[0], list, kind, package, id.0);
                }
            }
        }
    }

    fn visit(&mut self, list: ListId) {
        for &package in self.pool.list(list) {
            if package > 1 && !self.added[package.unsigned_abs() as usize] {
                self.queue.push_back(package);
            }
        }
    }

    fn assert_not(&mut self, package: Solvable, kind: Kind, dependency: u32) {
        self.add_short(-package, 0, kind, package, dependency);
    }

    fn exclude(&mut self, package: Solvable, other: Solvable, kind: Kind, dependency: u32) {
        // The system is always there: nothing can be installed against it.
        let (low, high) = match other {
            super::pool::SYSTEM => (-package, 0),
            _ => ((-package).min(-other), (-package).max(-other)),
        };
        self.add_short(low, high, kind, package, dependency);
    }

    pub(super) fn add(&mut self, first: Solvable, list: ListId, kind: Kind, from: Solvable, dependency: u32) {
        match *self.pool.list(list) {
            [] => self.add_short(first, 0, kind, from, dependency),
            [only] => self.add_short(first, only, kind, from, dependency),
            [second, ..] => self.rules.push(Rule {
                first,
                list,
                watches: [first, second],
                next: [0; 2],
                kind,
                from,
                dependency,
            }),
        }
    }

    pub(super) fn add_short(&mut self, first: Solvable, second: Solvable, kind: Kind, from: Solvable, dependency: u32) {
        self.rules.push(Rule {
            first,
            list: 0,
            watches: [first, second],
            next: [0; 2],
            kind,
            from,
            dependency,
        });
    }

    /// Packages that supplement or enhance what is there could come in, too.
    pub(super) fn add_supplementing(&mut self) {
        loop {
            let mut found = false;
            for repository in 0..self.pool.repositories.len() {
                let index = self.pool.repositories[repository].index;
                for position in index.supplementing() {
                    let package = self.pool.number(repository, position);
                    let added = self.added[package.unsigned_abs() as usize];
                    if !added && self.pool.can_be_installed(package) && self.could_be_asked_for(package) {
                        self.add_package(package);
                        found = true;
                    }
                }
            }
            if !found {
                return;
            }
        }
    }

    fn could_be_asked_for(&mut self, package: Solvable) -> bool {
        for list in [List::Supplements, List::Enhances] {
            for id in self.pool.dependencies(package, list) {
                let possible = if self.pool.dependency(package, id).rich {
                    let requirement = self.pool.rich(package, id);
                    requirement.is_some_and(|requirement| self.could_be_met(&requirement))
                } else {
                    let providers = self.pool.providers(package, id);
                    self.any_added(providers)
                };
                if possible {
                    return true;
                }
            }
        }
        false
    }

    /// Conditions count as met.
    fn could_be_met(&mut self, requirement: &Requirement) -> bool {
        match requirement {
            Requirement::If(..) | Requirement::Unless(..) => true,
            Requirement::And(left, right) => self.could_be_met(left) && self.could_be_met(right),
            Requirement::Or(left, right) => self.could_be_met(left) || self.could_be_met(right),
            Requirement::Plain(_) | Requirement::With(..) | Requirement::Without(..) => {
                let providers = self.pool.providers_of_requirement(requirement);
                self.any_added(providers)
            }
        }
    }

    fn any_added(&self, list: ListId) -> bool {
        let mut packages = self.pool.list(list).iter();
        packages.any(|&package| package == super::pool::SYSTEM || self.added[package.unsigned_abs() as usize])
    }

    /// Sorts the rules of packages and drops repetitions.
    pub(super) fn unify(&mut self) {
        let pool = &*self.pool;
        self.rules[1..].sort_by(|left, right| left.compare(right, pool));
        self.rules
            .dedup_by(|later, earlier| later.first != 0 && later.compare(earlier, pool).is_eq());
    }
}
