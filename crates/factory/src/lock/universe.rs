//! The packages that can matter: those that can be reached from what is asked for.  Out of sixty thousand it is a few thousand.

use std::collections::{BTreeSet, HashMap};

use qclock_packages::deb::{Package, read_index};

use super::LockError;

/// Packages of all suites that requirements lead to, in the suites' order and there in the index's.
#[derive(Debug, Default)]
pub(crate) struct Universe {
    pub(crate) packages: Vec<Package>,
    /// Position of each package's suite.
    pub(crate) suites: Vec<usize>,
}

/// One stanza of one suite's index.
#[derive(Debug, Clone, Copy)]
struct Stanza<'a> {
    suite: usize,
    text: &'a str,
}

impl Universe {
    /// Everything that `names` and, from there, any alternative of any requirement can mean.  Requirements on `omitted` lead nowhere.
    pub(crate) fn reach(
        suites: &[&str],
        indexes: &[String],
        names: BTreeSet<String>,
        omitted: &BTreeSet<String>,
    ) -> Result<Self, LockError> {
        let stanzas: Vec<Stanza<'_>> = indexes
            .iter()
            .enumerate()
            .flat_map(|(suite, index)| {
                index.split("\n\n").map(move |text| Stanza {
                    suite,
                    text: text.trim_start_matches('\n'),
                })
            })
            .filter(|stanza| !stanza.text.trim().is_empty())
            .collect();
        let by_name = by_name(&stanzas);
        let mut pending: Vec<String> = names.into_iter().collect();
        let mut asked: BTreeSet<String> = pending.iter().cloned().collect();
        let mut reached: std::collections::BTreeMap<usize, Package> = std::collections::BTreeMap::new();
        while let Some(name) = pending.pop() {
            for &position in by_name.get(name.as_str()).into_iter().flatten() {
                if reached.contains_key(&position) {
                    continue;
                }
                let stanza = stanzas[position];
                let failed = |source| LockError::Index {
                    suite: suites[stanza.suite].to_owned(),
                    source: Box::new(source),
                };
                for package in read_index(stanza.text.as_bytes()).map_err(failed)? {
                    for relation in package.pre_depends.iter().chain(&package.depends).flatten() {
                        if !omitted.contains(&relation.name) && asked.insert(relation.name.clone()) {
                            pending.push(relation.name.clone());
                        }
                    }
                    reached.insert(position, package);
                }
            }
        }
        let mut universe = Self::default();
        for (position, package) in reached {
            universe.packages.push(package);
            universe.suites.push(stanzas[position].suite);
        }
        Ok(universe)
    }
}

/// Stanzas by the name of the package and by what it provides.  Looked up only, never walked.
fn by_name<'a>(stanzas: &[Stanza<'a>]) -> HashMap<&'a str, Vec<usize>> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::with_capacity(stanzas.len() * 2);
    for (position, stanza) in stanzas.iter().enumerate() {
        let mut provides = false;
        for line in stanza.text.lines() {
            let value = if let Some(name) = line.strip_prefix("Package:") {
                by_name.entry(name.trim()).or_default().push(position);
                continue;
            } else if let Some(value) = line.strip_prefix("Provides:") {
                provides = true;
                value
            } else {
                provides &= line.starts_with([' ', '\t']);
                if !provides {
                    continue;
                }
                line
            };
            for capability in value.split(',') {
                let name = capability.trim().split([' ', '(', ':']).next().unwrap_or_default();
                if !name.is_empty() {
                    by_name.entry(name).or_default().push(position);
                }
            }
        }
    }
    by_name
}
