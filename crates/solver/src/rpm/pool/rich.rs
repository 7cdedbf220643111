//! Rich requirements whose parts are each about one package.

use qclock_packages::rpm::Requirement;

use super::{ListId, Pool, Solvable};

impl Pool<'_> {
    /// For rich requirements whose parts are each about one package; conditions count as met.
    pub(in crate::rpm) fn providers_of_requirement(&mut self, requirement: &Requirement) -> ListId {
        match requirement {
            Requirement::Plain(capability) => {
                self.providers_of(&capability.name, capability.range, &capability.version)
            }
            Requirement::With(left, right) | Requirement::Without(left, right) => {
                let wanted = matches!(requirement, Requirement::With(..));
                let left = self.providers_of_requirement(left);
                let right = self.providers_of_requirement(right);
                let others = self.list(right);
                let both: Vec<Solvable> = (self.list(left).iter().copied())
                    .filter(|package| others.contains(package) == wanted)
                    .collect();
                self.keep(&both)
            }
            Requirement::And(left, right) | Requirement::Or(left, right) => {
                let left = self.providers_of_requirement(left);
                let right = self.providers_of_requirement(right);
                let mut all: Vec<Solvable> = self.list(left).iter().chain(self.list(right)).copied().collect();
                all.sort_unstable();
                all.dedup();
                self.keep(&all)
            }
            Requirement::If(then, _, None) | Requirement::Unless(then, _, None) => self.providers_of_requirement(then),
            Requirement::If(then, _, Some(other)) | Requirement::Unless(then, _, Some(other)) => {
                let either = Requirement::Or(then.clone(), other.clone());
                self.providers_of_requirement(&either)
            }
        }
    }
}
