//! What the chosen packages recommend and suggest: kept up to date decision by decision, as it is asked for at every choice.

use qclock_packages::rpm::{DependencyId, List};

use super::{Search, Solvable};
use crate::rpm::normal_form::{Blocks, Form, normalize};
use crate::rpm::pool::{SYSTEM, is_complex};

#[derive(Debug)]
pub(super) struct Wishes {
    recommended: Vec<bool>,
    suggested: Vec<bool>,
    /// Rich wishes with a condition that is open still: to be looked at again when it is chosen.
    postponed: Vec<Postponed>,
    /// So many decisions are in the maps; none: they are out of date.
    upto: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Postponed {
    condition: Solvable,
    package: Solvable,
    id: DependencyId,
    list: List,
}

impl Wishes {
    pub(super) fn new(count: usize) -> Self {
        Self {
            recommended: vec![false; count],
            suggested: vec![false; count],
            postponed: Vec::new(),
            upto: None,
        }
    }

    /// Decisions after the first `count` were taken back.
    pub(super) fn reverted_to(&mut self, count: usize) {
        if self.upto.is_some_and(|upto| upto > count) {
            self.upto = None;
        }
    }

    fn of(&mut self, list: List) -> &mut Vec<bool> {
        if list == List::Recommends {
            &mut self.recommended
        } else {
            &mut self.suggested
        }
    }
}

impl Search<'_, '_> {
    pub(in crate::rpm) fn is_wished(&self, package: Solvable, list: List) -> bool {
        let map = if list == List::Recommends {
            &self.wishes.recommended
        } else {
            &self.wishes.suggested
        };
        map[package.unsigned_abs() as usize]
    }

    pub(in crate::rpm) fn update_wishes(&mut self) {
        let from = self.wishes.upto.unwrap_or_else(|| {
            self.wishes.recommended.fill(false);
            self.wishes.suggested.fill(false);
            self.wishes.postponed.clear();
            0
        });
        self.wishes.upto = Some(self.decisions.len());
        for at in from..self.decisions.len() {
            let chosen = self.decisions[at];
            if chosen <= SYSTEM {
                continue;
            }
            if self.wishes.postponed.iter().any(|it| it.condition == chosen) {
                let due = |it: &mut Postponed| it.condition == chosen;
                let again: Vec<Postponed> = self.wishes.postponed.extract_if(.., due).collect();
                for Postponed { package, id, list, .. } in again {
                    self.add_wish(package, id, list);
                }
            }
            for list in [List::Recommends, List::Suggests] {
                for id in self.pool.dependencies(chosen, list) {
                    self.add_wish(chosen, id, list);
                }
            }
        }
    }

    fn add_wish(&mut self, package: Solvable, id: DependencyId, list: List) {
        let Some(blocks) = self.rich_blocks(package, id) else {
            let providers = self.pool.providers(package, id);
            let providers = self.pool.list(providers).to_vec();
            let map = self.wishes.of(list);
            for package in providers {
                map[package.unsigned_abs() as usize] = true;
            }
            return;
        };
        for block in blocks {
            let conditions = block.iter().take_while(|&&literal| literal < 0);
            if conditions.clone().count() == block.len() || conditions.clone().any(|&literal| self.is_true(literal)) {
                continue;
            }
            let open: Vec<Solvable> = conditions
                .map(|literal| -literal)
                .filter(|&it| self.is_open(it))
                .collect();
            if open.is_empty() {
                let map = self.wishes.of(list);
                for literal in block.into_iter().filter(|&literal| literal > 0) {
                    map[literal.unsigned_abs() as usize] = true;
                }
                continue;
            }
            for condition in open {
                let postponed = Postponed {
                    condition,
                    package,
                    id,
                    list,
                };
                if !self.wishes.postponed.contains(&postponed) {
                    self.wishes.postponed.push(postponed);
                }
            }
        }
    }

    /// A rich dependency that speaks of more than one package at a time, as blocks with their conditions first; none for any other.
    pub(super) fn rich_blocks(&mut self, package: Solvable, id: DependencyId) -> Option<Vec<Vec<Solvable>>> {
        if !self.pool.dependency(package, id).rich {
            return None;
        }
        let requirement = self.pool.rich(package, id)?;
        if !is_complex(&requirement) {
            return None;
        }
        let Ok(Blocks::Some(mut blocks)) = normalize(self.pool, &requirement, Form::Conjunctive) else {
            return Some(Vec::new());
        };
        for block in &mut blocks {
            block.sort_unstable();
        }
        Some(blocks)
    }
}
