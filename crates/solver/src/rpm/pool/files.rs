//! Who has which file: from the packages' records, and from the lists of all files where those have been read.

use qclock_packages::rpm::{Owners, glob_matches};

use super::{Pool, Solvable};
use crate::rpm::FileLists;

impl Pool<'_> {
    pub(super) fn add_owners(&mut self, repository: usize, path: &str, before: usize, found: &mut Vec<Solvable>) {
        let owners: Option<&Owners> = match self.repositories[repository].files {
            FileLists::None => return,
            FileLists::Unread => {
                self.missing_filelists = true;
                return;
            }
            FileLists::Read(owners) => Some(owners),
        };
        let positions = owners
            .and_then(|owners| owners.get(path))
            .map_or(&[][..], Vec::as_slice);
        for &position in positions {
            let package = self.number(repository, position);
            if self.rank(package).score != 0 && !found[before..].contains(&package) {
                found.push(package);
            }
        }
        found[before..].sort_unstable();
    }

    /// Packages with a file whose path is like this.
    pub(in crate::rpm) fn owners_of_pattern(&mut self, pattern: &str) -> Vec<Solvable> {
        let mut found = Vec::new();
        for repository in 0..self.repositories.len() {
            let it = self.repositories[repository];
            for position in 0..it.index.len() {
                let mut files = it.index.package(position).files();
                if files.any(|path| glob_matches(pattern, path)) {
                    found.push(self.number(repository, position));
                }
            }
            match it.files {
                FileLists::None => {}
                FileLists::Unread => self.missing_filelists = true,
                FileLists::Read(owners) => {
                    let matching = owners.iter().filter(|(path, _)| glob_matches(pattern, path));
                    found.extend(matching.flat_map(|(_, positions)| {
                        let numbers = positions.iter().map(|&position| self.number(repository, position));
                        numbers.collect::<Vec<_>>()
                    }));
                }
            }
        }
        found
    }

    /// Whether a path counts as a capability: something here requires or provides it by name.
    fn is_capability(&self, path: &str) -> bool {
        self.repositories.iter().any(|it| {
            let index = it.index;
            let hash = qclock_packages::rpm::hash(path.as_bytes());
            let Some(id) = index.find(path.as_bytes(), hash) else {
                return false;
            };
            index.providers(id).any(|(_, provide)| provide.is_some()) || index.required_paths().any(|path| path == id)
        })
    }

    /// Whether a name is one that a search for capabilities finds.
    pub(in crate::rpm) fn is_provided_name(&self, name: &str) -> bool {
        !name.starts_with('/') || self.is_capability(name)
    }

    /// Names of capabilities like this.
    pub(in crate::rpm) fn provided_names(&self, pattern: &str) -> Vec<String> {
        let mut names = std::collections::BTreeSet::new();
        for it in self.repositories {
            let index = it.index;
            let required: std::collections::HashSet<_> = index.required_paths().collect();
            for id in (0..u32::try_from(index.strings()).unwrap_or(0)).map(qclock_packages::rpm::StringId) {
                let is_capability = index.providers(id).any(|(_, provide)| provide.is_some()) || required.contains(&id);
                if is_capability && glob_matches(pattern, index.text(id)) {
                    names.insert(index.text(id).to_owned());
                }
            }
        }
        names.into_iter().collect()
    }
}
