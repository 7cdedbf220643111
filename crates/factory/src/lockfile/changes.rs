//! What is different between two locks, as a person asks it: which packages came, went or moved.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Lockfile;

/// Serialised as `{"change": "upgraded", "name": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    Added {
        name: String,
        version: String,
    },
    Removed {
        name: String,
        version: String,
    },
    /// To another version, whichever direction.
    Moved {
        name: String,
        from: String,
        to: String,
    },
    /// The same version with other contents, from another place, or with other scripts.
    Replaced {
        name: String,
        version: String,
    },
}

/// Sorted by name; `old` is `None` at the first lock.
pub fn changes(old: Option<&Lockfile>, new: &Lockfile) -> Vec<Change> {
    let old: BTreeMap<&str, Item<'_>> = old.into_iter().flat_map(by_name).collect();
    let new: BTreeMap<&str, Item<'_>> = by_name(new).collect();
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    names
        .into_iter()
        .filter_map(|name| change(name, old.get(name).copied(), new.get(name).copied()))
        .collect()
}

/// A package, or an archive; should both have one name, the archive is told.
#[derive(Clone, Copy)]
struct Item<'a> {
    version: &'a str,
    sha256: &'a str,
}

fn by_name(lock: &Lockfile) -> impl Iterator<Item = (&str, Item<'_>)> {
    let packages = lock.packages.iter().map(|it| (&it.name, &it.version, &it.sha256));
    let archives = lock.images.iter().flat_map(|image| &image.archives);
    let archives = archives.map(|it| (&it.name, &it.version, &it.sha256));
    packages
        .chain(archives)
        .map(|(name, version, sha256)| (name.as_str(), Item { version, sha256 }))
}

fn change(name: &str, old: Option<Item<'_>>, new: Option<Item<'_>>) -> Option<Change> {
    let name = name.to_owned();
    match (old, new) {
        (None, Some(new)) => Some(Change::Added {
            name,
            version: new.version.to_owned(),
        }),
        (Some(old), None) => Some(Change::Removed {
            name,
            version: old.version.to_owned(),
        }),
        (Some(old), Some(new)) if old.version != new.version => Some(Change::Moved {
            name,
            from: old.version.to_owned(),
            to: new.version.to_owned(),
        }),
        (Some(old), Some(new)) if old.sha256 != new.sha256 => Some(Change::Replaced {
            name,
            version: new.version.to_owned(),
        }),
        _ => None,
    }
}
