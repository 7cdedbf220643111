//! Requirements that are left out on purpose: counted as met, and remembered with who asked for them.

use std::collections::{BTreeMap, BTreeSet};

use qclock_packages::rpm::DependencyId;

use super::pool::{ListId, Pool, Solvable};

/// Each is the name of a capability (`/usr/bin/perl`, `perl(strict)`), of a package all of whose provides are meant, or either with a
/// `*` at its end.
#[derive(Debug, Default)]
pub(super) struct Omissions<'a> {
    names: Vec<&'a str>,
    /// Name → packages whose requirement it left out.
    pub(super) used: BTreeMap<&'a str, BTreeSet<Solvable>>,
}

impl<'a> Omissions<'a> {
    pub(super) fn new(names: &'a BTreeSet<String>) -> Self {
        Self {
            names: names.iter().map(String::as_str).collect(),
            used: BTreeMap::new(),
        }
    }

    pub(super) fn names(&self) -> &[&'a str] {
        &self.names
    }

    pub(super) fn leaves_out(&mut self, pool: &Pool<'_>, package: Solvable, id: DependencyId, list: ListId) -> bool {
        if self.names.is_empty() {
            return false;
        }
        let required = pool.dependency(package, id).name;
        let providers = pool.list(list);
        let found = self.names.iter().find(|&&name| {
            let named = |text: &str| match name.strip_suffix('*') {
                Some(start) => text.starts_with(start),
                None => text == name,
            };
            named(required)
                || !providers.is_empty() && providers.iter().all(|&provider| named(pool.view(provider).name()))
        });
        let Some(&name) = found else {
            return false;
        };
        self.used.entry(name).or_default().insert(package);
        true
    }
}
