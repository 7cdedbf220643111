//! Whether what a package supplements or enhances is there.

use qclock_packages::rpm::{List, Requirement};

use super::{Search, Solvable};
use crate::rpm::pool::{ListId, SYSTEM};

/// How far a dependency is met by what is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fulfilment {
    No,
    /// By the absence of something, or by the system itself.
    Anyway,
    ByChosen,
}

use Fulfilment::{Anyway, ByChosen, No};

impl Search<'_, '_> {
    /// Whether one of a package's supplements (or enhances) is met.
    pub(in crate::rpm) fn is_asked_for(&mut self, package: Solvable, list: List) -> bool {
        self.best_fulfilment(package, list) != No
    }

    /// Whether one of its supplements is met because something was chosen: only then does it come along by itself.
    pub(super) fn is_supplementing_chosen(&mut self, package: Solvable) -> bool {
        self.best_fulfilment(package, List::Supplements) == ByChosen
    }

    fn best_fulfilment(&mut self, package: Solvable, list: List) -> Fulfilment {
        let mut best = No;
        for id in self.pool.dependencies(package, list) {
            let found = if self.pool.dependency(package, id).rich {
                let requirement = self.pool.rich(package, id);
                requirement.map_or(No, |requirement| self.fulfilment(&requirement))
            } else {
                let providers = self.pool.providers(package, id);
                self.fulfilment_by(providers)
            };
            best = best.max(found);
        }
        best
    }

    fn fulfilment_by(&self, providers: ListId) -> Fulfilment {
        let mut best = No;
        for &package in self.pool.list(providers) {
            if package == SYSTEM {
                best = best.max(Anyway);
            } else if self.is_chosen(package) {
                return ByChosen;
            }
        }
        best
    }

    fn fulfilment(&mut self, requirement: &Requirement) -> Fulfilment {
        match requirement {
            Requirement::And(left, right) => {
                let (left, right) = (self.fulfilment(left), self.fulfilment(right));
                if left.min(right) == No { No } else { left.max(right) }
            }
            Requirement::Or(left, right) => self.fulfilment(left).max(self.fulfilment(right)),
            Requirement::If(then, condition, None) => {
                let then = self.fulfilment(then);
                if then == No && self.fulfilment(condition) == No {
                    Anyway
                } else {
                    then
                }
            }
            Requirement::Unless(then, condition, None) => {
                let then = self.fulfilment(then);
                if self.fulfilment(condition) == No { then } else { No }
            }
            Requirement::If(then, condition, Some(other)) => self.branch(condition, then, other),
            Requirement::Unless(then, condition, Some(other)) => self.branch(condition, other, then),
            Requirement::Plain(_) | Requirement::With(..) | Requirement::Without(..) => {
                let providers = self.pool.providers_of_requirement(requirement);
                self.fulfilment_by(providers)
            }
        }
    }

    fn branch(&mut self, condition: &Requirement, met: &Requirement, unmet: &Requirement) -> Fulfilment {
        let condition = self.fulfilment(condition);
        if condition == No {
            return self.fulfilment(unmet);
        }
        let met = self.fulfilment(met);
        if met == No { No } else { met.max(condition) }
    }
}
