//! Which packages the builds in use hide, and which those that are not in use.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use qclock_packages::rpm::Range;

use super::book::{Book, BuildId};
use crate::rpm::pool::{Pool, SYSTEM, Solvable};

#[derive(Debug, Default)]
pub(in crate::rpm) struct Hidden {
    /// Package → the stream that it would need, `php:8.2`; none when another stream's package of its name hides it.
    pub(in crate::rpm) packages: BTreeMap<Solvable, Option<String>>,
    /// `name:stream:version:context` of the builds in use.
    pub(in crate::rpm) active: BTreeSet<String>,
    /// Packages of the builds that specifications mean.
    pub(in crate::rpm) meant: HashSet<Solvable>,
}

/// Hides in the pool what is to be hidden.
pub(in crate::rpm) fn hide(
    pool: &mut Pool<'_>,
    book: &Book<'_>,
    active: &BTreeSet<BuildId>,
    meant: &BTreeSet<BuildId>,
) -> Hidden {
    let mut hidden = Hidden::default();
    let mut included = HashSet::new();
    let mut names = BTreeSet::new();
    let mut named = HashMap::new();
    for &id in active {
        let build = book.builds[id];
        hidden.active.insert(format!(
            "{}:{}:{}:{}",
            build.name, build.stream, build.version, build.context
        ));
        for artifact in build.artifacts.iter().filter_map(|text| Artifact::parse(text)) {
            if !build.demodularized.iter().any(|name| name == artifact.name) {
                names.insert(artifact.name);
            }
            let found = artifact.find(pool, &mut named);
            if meant.contains(&id) {
                hidden.meant.extend(&found);
            }
            included.extend(found);
        }
    }
    for (_, build) in book.builds.iter().enumerate().filter(|(id, _)| !active.contains(id)) {
        for artifact in build.artifacts.iter().filter_map(|text| Artifact::parse(text)) {
            for package in artifact.find(pool, &mut named) {
                if !included.contains(&package) {
                    let name = format!("{}:{}", build.name, build.stream);
                    hidden.packages.insert(package, Some(name));
                }
            }
        }
    }
    // Whatever has, or provides, a name of the enabled streams and is not theirs.
    for name in names {
        let list = pool.providers_of(name, Range::ANY, "");
        for &package in pool.list(list) {
            if package > SYSTEM && !included.contains(&package) {
                hidden.packages.entry(package).or_insert(None);
            }
        }
    }
    for &package in hidden.packages.keys() {
        pool.hidden[package.unsigned_abs() as usize] = true;
    }
    hidden
}

/// `name-epoch:version-release.architecture`.
struct Artifact<'a> {
    name: &'a str,
    evr: String,
    architecture: &'a str,
}

impl<'a> Artifact<'a> {
    /// Source packages are none of our concern.
    fn parse(text: &'a str) -> Option<Self> {
        let (rest, architecture) = text.rsplit_once('.')?;
        if matches!(architecture, "src" | "nosrc") {
            return None;
        }
        let (rest, release) = rest.rsplit_once('-')?;
        let (name, version) = rest.rsplit_once('-')?;
        let version = version.strip_prefix("0:").unwrap_or(version);
        Some(Self {
            name,
            evr: format!("{version}-{release}"),
            architecture,
        })
    }

    /// `named` remembers who has which name: streams have the same names, and mostly of packages that no repository has.
    fn find(&self, pool: &Pool<'_>, named: &mut HashMap<&'a str, Vec<Solvable>>) -> Vec<Solvable> {
        let candidates = named.entry(self.name).or_insert_with(|| pool.named_exactly(self.name));
        let is_it = |&&package: &&Solvable| {
            let view = pool.view(package);
            view.evr() == self.evr && view.architecture() == self.architecture
        };
        candidates.iter().filter(is_it).copied().collect()
    }
}
