//! Where a name is there in several architectures, the inferior ones are not taken, or only in step with the best one.

use std::collections::BTreeSet;

use super::jobs::Job;
use super::pool::{Pool, Solvable};
use super::rules::{Kind, NO_DEPENDENCY, RuleMaker};

/// An inferior package, and the packages of which one must stand beside it.
struct Inferior {
    package: Solvable,
    partners: Vec<Solvable>,
}

impl RuleMaker<'_, '_> {
    /// Rules against inferior architectures; none for the names of which the request means an inferior package.
    pub(super) fn add_inferior_architectures(&mut self, jobs: &[Job]) {
        let inferior = self.inferior();
        let packages: BTreeSet<Solvable> = inferior.iter().map(|it| it.package).collect();
        let meant: BTreeSet<&str> = (jobs.iter())
            .flat_map(|job| &job.candidates)
            .filter(|package| packages.contains(package))
            .map(|&package| self.pool.view(package).name())
            .collect();
        for Inferior { package, partners } in inferior {
            if meant.contains(self.pool.view(package).name()) {
                continue;
            }
            match *partners.as_slice() {
                [] => self.add_short(-package, 0, Kind::InferiorArchitecture, package, NO_DEPENDENCY),
                [only] => self.add_short(-package, only, Kind::InferiorArchitecture, package, NO_DEPENDENCY),
                _ => {
                    let list = self.pool.keep(&partners);
                    self.add(-package, list, Kind::InferiorArchitecture, package, NO_DEPENDENCY);
                }
            }
        }
    }

    /// Group after group, in the order of each group's first package.
    fn inferior(&mut self) -> Vec<Inferior> {
        let mut found = Vec::new();
        let mut seen = vec![false; self.added.len()];
        for first in self.pool.all() {
            let at = first.unsigned_abs() as usize;
            if !self.added[at] || seen[at] {
                continue;
            }
            let list = self.pool.namesakes(first);
            let pool = &*self.pool;
            let group: Vec<Solvable> = (pool.list(list).iter().copied())
                .filter(|&other| pool.same_name(first, other))
                .collect();
            let in_sight = |package: &&Solvable| self.added[package.unsigned_abs() as usize];
            let scores = group.iter().filter(in_sight).map(|&package| pool.rank(package).score);
            let best = scores.filter(|&score| score > 1).min();
            for &package in group.iter().filter(in_sight) {
                seen[package.unsigned_abs() as usize] = true;
                let score = pool.rank(package).score;
                if best.is_some_and(|best| score != 1 && score != best) {
                    let partners = partners(pool, package, &group, best.unwrap_or(1));
                    found.push(Inferior { package, partners });
                }
            }
        }
        found
    }
}

/// The same version in the best architecture, or for any.
fn partners(pool: &Pool<'_>, package: Solvable, group: &[Solvable], best: u32) -> Vec<Solvable> {
    let version = pool.view(package).evr();
    let fits = |other: Solvable| {
        other != package
            && pool.view(other).evr() == version
            && !pool.same_architecture(package, other)
            && [1, best].contains(&pool.rank(other).score)
    };
    group.iter().copied().filter(|&other| fits(other)).collect()
}
