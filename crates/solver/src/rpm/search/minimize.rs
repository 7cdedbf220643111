//! Second thoughts: a choice whose alternative came in later anyway, or was recommended, is made again.

use super::{Search, Solvable, Step};

/// A choice between several packages.
#[derive(Debug)]
pub(super) struct Branch {
    /// At which it was made.
    pub(super) level: i32,
    /// The alternatives that were not tried.
    open: Vec<Solvable>,
    /// Those that were.
    tried: Vec<Solvable>,
}

impl Branch {
    pub(super) fn new(level: i32, packages: &[Solvable]) -> Self {
        let (tried, open) = packages.split_at(1);
        Self {
            level,
            open: open.to_vec(),
            tried: tried.to_vec(),
        }
    }
}

impl Search<'_, '_> {
    /// Takes another branch where that makes the solution smaller or better; none where all is well.
    pub(super) fn minimize(&mut self) -> Step<Option<i32>> {
        if self.branches.is_empty() {
            return Ok(None);
        }
        self.update_wishes();
        let mut last = None;
        for at in (0..self.branches.len()).rev() {
            let level = self.branches[at].level;
            let open = self.branches[at].open.clone();
            let mut recommended = None;
            let mut later = None;
            for package in open {
                if self.level_of[package.unsigned_abs() as usize] > level {
                    later = Some(package);
                    recommended = None;
                    break;
                }
                if recommended.is_none() && self.is_recommended(package) {
                    recommended = Some(package);
                }
            }
            if let Some(package) = later {
                last = Some((at, package));
            }
            if let Some(package) = recommended {
                // One that is recommended, while what was chosen is not.
                let tried = self.branches[at].tried.clone();
                for chosen in tried {
                    if self.level_of[chosen.unsigned_abs() as usize] == level + 1 && !self.is_recommended(chosen) {
                        last = Some((at, package));
                        break;
                    }
                }
            }
        }
        let Some((at, package)) = last else {
            return Ok(None);
        };
        self.take(at, package).map(Some)
    }

    /// Goes back to a branch and takes another way there.
    fn take(&mut self, at: usize, package: Solvable) -> Step<i32> {
        let level = self.branches[at].level;
        let branch = &mut self.branches[at];
        branch.open.retain(|&other| other != package);
        branch.tried.push(package);
        // The reason is that of the first decision above the level.
        let first = self
            .decisions
            .iter()
            .position(|literal| self.level_of[literal.unsigned_abs() as usize].abs() > level);
        let reason = first.map_or(0, |first| self.reasons[first]);
        // Going back would drop the branch with its decision; it is kept, with one alternative fewer.
        let mut kept = std::mem::take(&mut self.branches);
        kept.truncate(at + 1);
        self.revert(level);
        self.branches = kept;
        self.decide_and_learn(level, package, reason.min(0))
    }
}
