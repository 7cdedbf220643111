//! What is recommended comes along when it can: never at the cost of what is required.

use qclock_packages::rpm::{DependencyId, List};

use super::{Search, Solvable, Step};
use crate::rpm::policy::Mode;
use crate::rpm::pool::SYSTEM;

impl Search<'_, '_> {
    /// Chooses recommended packages; the new level, or none when there is nothing to choose.
    pub(super) fn resolve_weak(&mut self, mut level: i32) -> Step<Option<i32>> {
        let recommended = self.all_recommended();
        let mut supplementing = self.all_supplementing();
        let mut candidates = recommended;
        for &package in &supplementing {
            if !candidates.contains(&package) {
                candidates.push(package);
            }
        }
        match *candidates.as_slice() {
            [] => return Ok(None),
            [only] => return self.decide_and_learn(level, only, 0).map(Some),
            _ => {}
        }
        self.narrow(&mut candidates, Mode::Best);
        supplementing.retain(|package| candidates.contains(package));
        if supplementing.len() > 1 {
            self.narrow(&mut supplementing, Mode::Order);
        }
        let decided = self.decisions.len();
        for package in supplementing {
            if !self.is_open(package) {
                continue;
            }
            let before = level;
            level = self.decide_and_learn(level, package, 0)?;
            if level <= before {
                return Ok(Some(level));
            }
        }
        if self.decisions.len() < decided {
            return Ok(Some(level));
        }
        for at in 0..decided {
            let package = self.decisions[at];
            if package <= SYSTEM {
                continue;
            }
            for id in self.pool.dependencies(package, List::Recommends) {
                let mut choice = self.open_recommendation(package, id);
                choice.retain(|package| candidates.contains(package));
                if choice.is_empty() {
                    continue;
                }
                let before = level;
                level = self.choose(level, choice, 0)?;
                if level <= before || self.decisions.len() < decided {
                    return Ok(Some(level));
                }
            }
        }
        Ok(Some(level))
    }

    fn all_recommended(&mut self) -> Vec<Solvable> {
        let mut found = Vec::new();
        for package in self.pool.all() {
            if !self.is_chosen(package) {
                continue;
            }
            for id in self.pool.dependencies(package, List::Recommends) {
                for package in self.open_recommendation(package, id) {
                    if !found.contains(&package) {
                        found.push(package);
                    }
                }
            }
        }
        found
    }

    fn all_supplementing(&mut self) -> Vec<Solvable> {
        let mut found = Vec::new();
        for repository in 0..self.pool.repositories.len() {
            let index = self.pool.repositories[repository].index;
            for position in index.supplementing() {
                let package = self.pool.number(repository, position);
                if self.is_open(package)
                    && self.pool.can_be_installed(package)
                    && self.is_supplementing_chosen(package)
                    && !self.is_out_of_place(package)
                {
                    found.push(package);
                }
            }
        }
        found
    }

    /// Open packages that would meet a recommendation; none when it is met.
    fn open_recommendation(&mut self, package: Solvable, id: DependencyId) -> Vec<Solvable> {
        let blocks = self.rich_blocks(package, id).unwrap_or_else(|| {
            let providers = self.pool.providers(package, id);
            vec![self.pool.list(providers).to_vec()]
        });
        let mut found = Vec::new();
        for block in blocks {
            let applies = |&literal: &Solvable| literal > 0 || self.is_chosen(-literal);
            if !block.iter().all(applies) || block.iter().any(|&literal| literal > 0 && self.is_chosen(literal)) {
                continue;
            }
            for literal in block.into_iter().filter(|&literal| literal > 0) {
                if self.is_open(literal) && !found.contains(&literal) {
                    found.push(literal);
                }
            }
        }
        found
    }

    /// Whether a package of that name was chosen beside which a supplementing one would be out of place: another architecture's, or any
    /// where several versions may stand side by side.
    fn is_out_of_place(&mut self, package: Solvable) -> bool {
        let multiple = self.pool.multiple[package.unsigned_abs() as usize];
        let list = self.pool.namesakes(package);
        let mut others = self.pool.list(list).iter();
        others.any(|&other| {
            other > SYSTEM
                && self.is_chosen(other)
                && self.pool.same_name(package, other)
                && (multiple || !self.pool.same_architecture(package, other))
        })
    }
}
