//! Which of several packages is preferred: libsolv's order, step by step.

use std::cmp::Ordering;
use std::collections::HashSet;

use qclock_packages::rpm::{Evr, List, Range};

use super::pool::{Pool, Solvable};
use super::search::Search;

/// How far a choice is narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// All steps, and what is left in the order of preference.
    Choose,
    /// All steps that drop packages.
    ChooseUnordered,
    /// Only the best repository, architecture and version of each name.
    Best,
    /// Only the order.
    Order,
}

impl Search<'_, '_> {
    pub(super) fn narrow(&mut self, packages: &mut Vec<Solvable>, mode: Mode) {
        if mode == Mode::Order {
            self.pool.disliked_to_the_back(packages);
            sort_by_common_provides(self.pool, packages);
            self.suggested_to_the_front(packages);
            return;
        }
        if packages.len() > 1 {
            keep_best(self.pool, packages);
        }
        if packages.len() > 1 && mode != Mode::Best {
            self.keep_recommended(packages);
            if packages.len() > 1 && mode == Mode::Choose {
                self.pool.disliked_to_the_back(packages);
                sort_by_common_provides(self.pool, packages);
                self.suggested_to_the_front(packages);
            }
        }
    }

    fn keep_recommended(&mut self, packages: &mut Vec<Solvable>) {
        self.update_wishes();
        let recommended: Vec<Solvable> = (packages.iter().copied())
            .filter(|&package| self.is_recommended(package))
            .collect();
        if !recommended.is_empty() {
            *packages = recommended;
        }
    }

    pub(super) fn is_recommended(&mut self, package: Solvable) -> bool {
        self.is_wished(package, List::Recommends) || self.is_asked_for(package, List::Supplements)
    }

    fn suggested_to_the_front(&mut self, packages: &mut Vec<Solvable>) {
        self.update_wishes();
        let (mut front, back): (Vec<Solvable>, Vec<Solvable>) = packages.iter().partition(|&&package| {
            self.is_wished(package, List::Suggests) || self.is_asked_for(package, List::Enhances)
        });
        front.extend(back);
        *packages = front;
    }
}

/// The best repository, architecture, version of each name, and nothing that another one obsoletes.
pub(super) fn keep_best(pool: &mut Pool<'_>, packages: &mut Vec<Solvable>) {
    let priority = |pool: &Pool<'_>, package: Solvable| pool.repositories[pool.repository_of(package)].priority;
    if let Some(best) = packages.iter().map(|&package| priority(pool, package)).min() {
        packages.retain(|&package| priority(pool, package) == best);
    }
    if packages.len() > 1 {
        let scores = packages.iter().map(|&package| pool.rank(package).score);
        if let Some(best) = scores.filter(|&score| score > 1).min() {
            packages.retain(|&package| [1, best].contains(&pool.rank(package).score));
        }
    }
    if packages.len() > 1 {
        keep_best_versions(pool, packages);
    }
}

fn keep_best_versions(pool: &mut Pool<'_>, packages: &mut Vec<Solvable>) {
    packages.sort_by(|&left, &right| {
        let (left_view, right_view) = (pool.view(left), pool.view(right));
        (left_view.name().cmp(right_view.name()))
            .then_with(|| {
                let (left, right) = (pool.rank(left).score, pool.rank(right).score);
                if left > 1 && right > 1 {
                    left.cmp(&right)
                } else {
                    Ordering::Equal
                }
            })
            .then(left.cmp(&right))
    });
    let mut best: Vec<Solvable> = Vec::new();
    for &package in packages.iter() {
        match best.last_mut() {
            Some(last) if pool.same_name(*last, package) => {
                if pool.compare_versions(*last, package).is_lt() {
                    *last = package;
                }
            }
            _ => best.push(package),
        }
    }
    *packages = best;
    if packages.len() > 1 {
        drop_obsoleted(pool, packages);
    }
}

/// Drops packages that others obsolete, unless those lead back to them.
fn drop_obsoleted(pool: &mut Pool<'_>, packages: &mut Vec<Solvable>) {
    let obsoleted: Vec<Vec<usize>> = (packages.iter())
        .map(|&package| {
            let mut targets = Vec::new();
            for id in pool.dependencies(package, List::Obsoletes) {
                let found = packages.iter().enumerate().filter(|&(_, &other)| {
                    other != package && !pool.same_name(package, other) && pool.obsoletes(package, id, other)
                });
                targets.extend(found.map(|(at, _)| at));
            }
            targets
        })
        .collect();
    if obsoleted.iter().all(Vec::is_empty) {
        return;
    }
    // Reaches: package → all that it obsoletes, directly or through others.
    let reaches: Vec<Vec<bool>> = (0..packages.len())
        .map(|start| {
            let mut seen = vec![false; packages.len()];
            let mut waiting = vec![start];
            while let Some(at) = waiting.pop() {
                for &next in &obsoleted[at] {
                    if !std::mem::replace(&mut seen[next], true) {
                        waiting.push(next);
                    }
                }
            }
            seen
        })
        .collect();
    let mut at = 0;
    packages.retain(|_| {
        let this = at;
        at += 1;
        !reaches
            .iter()
            .enumerate()
            .any(|(other, reach)| reach[this] && !reaches[this][other])
    });
}

impl Pool<'_> {
    /// Packages of which a newer version of the same architecture exists (even one that is hidden) go to the back.
    fn disliked_to_the_back(&mut self, packages: &mut Vec<Solvable>) {
        let (mut front, mut back) = (Vec::new(), Vec::new());
        for &package in packages.iter() {
            let list = self.namesakes(package);
            let outdated = self.list(list).iter().any(|&other| {
                if other == package || other == super::pool::SYSTEM || !self.same_name(package, other) {
                    return false;
                }
                if self.view(package).architecture() != self.view(other).architecture() {
                    return false;
                }
                let priority = |package| self.repositories[self.repository_of(package)].priority;
                match priority(package).cmp(&priority(other)) {
                    Ordering::Less => false,
                    Ordering::Greater => true,
                    Ordering::Equal => self.compare_versions(other, package).is_gt(),
                }
            });
            if outdated {
                back.push(package);
            } else {
                front.push(package);
            }
        }
        front.append(&mut back);
        *packages = front;
    }
}

/// Of packages that provide the same name in different versions, those with the newer come first.
fn sort_by_common_provides(pool: &Pool<'_>, packages: &mut Vec<Solvable>) {
    // (name, version, whether less than it is meant, position)
    let mut provides: Vec<(&str, &str, bool, usize)> = Vec::new();
    for (at, &package) in packages.iter().enumerate() {
        // What a package says twice counts once.
        let mut seen = HashSet::new();
        for id in pool.dependencies(package, List::Provides) {
            let provide = pool.dependency(package, id);
            if !seen.insert((provide.name_id, provide.range, provide.version)) {
                continue;
            }
            let less = provide.range == Range::LESS;
            if less
                || provide.range == Range::EQUAL && !is_hash(provide.version)
                || provide.range == Range::EQUAL.or(Range::LESS)
            {
                provides.push((provide.name, provide.version, less, at));
            }
        }
    }
    if provides.len() < 2 {
        return;
    }
    provides.sort_by(|left, right| left.0.cmp(right.0).then_with(|| newest_first(left, right).cmp(&0)));
    let mut badness = vec![0_usize; packages.len()];
    let mut bad = 0;
    for pair in 0..provides.len() {
        if pair > 0 && provides[pair - 1].0 == provides[pair].0 {
            if provides[pair].3 != provides[pair - 1].3 && newest_first(&provides[pair - 1], &provides[pair]) == -1 {
                bad += 1;
            }
        } else {
            bad = 0;
        }
        badness[provides[pair].3] += bad;
    }
    let mut order: Vec<usize> = (0..packages.len()).collect();
    order.sort_by_key(|&at| badness[at]);
    *packages = order.into_iter().map(|at| packages[at]).collect();
}

/// As libsolv's comparison: negative when the left is to come first; -2 when the versions differ only in that the right has no release.
fn newest_first(left: &(&str, &str, bool, usize), right: &(&str, &str, bool, usize)) -> i32 {
    if left.1 == right.1 && left.2 == right.2 {
        return 0;
    }
    let (newer, older) = (Evr::parse(right.1), Evr::parse(left.1));
    let order = match newer.compare_as_requirement(&older) {
        Ordering::Less => -1,
        Ordering::Greater => 1,
        Ordering::Equal => match (newer.release, older.release) {
            (None, Some(_)) => -2,
            (Some(_), None) => 2,
            _ => 0,
        },
    };
    if order == 0 && left.2 != right.2 {
        return if right.2 { -1 } else { 1 };
    }
    order
}

/// Versions that are hashes of what they stand for have no order.
fn is_hash(version: &str) -> bool {
    version.len() >= 4 && version.bytes().all(|byte| matches!(byte, b'a'..=b'f' | b'0'..=b'9'))
}
