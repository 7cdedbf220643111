//! Packages laid together over the parent image.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use qclock_oci::path::TreePath;
use qclock_oci::tree::{Entry, Kind, Tree};
use qclock_packages::deb::{Control, Package, Version};

use super::AssembleError;
use super::relocate::link_merged_directories;
use super::unpack::{Metadata, Unpacked};

/// The parent's tree with the packages' files.
#[derive(Debug)]
pub struct Merged {
    pub tree: Tree,
    /// Paths of each package's files, as they are kept.
    pub files: BTreeMap<String, Vec<TreePath>>,
    /// Of the packages, pruned or not.
    pub certificates: BTreeMap<TreePath, Bytes>,
    /// The newest package's own date, seconds since the epoch; 0 without packages.
    pub newest: u64,
}

/// Two packages may bring the same directory and the very same file.  Where they bring different ones, the one that declares `Replaces`
/// on the other wins, as with dpkg; and of two RPM packages' programs for different word lengths the longer one's, as with rpm.
/// Diversions, which only install scripts make, are not known.
pub fn merge(parent: &Tree, packages: &[Unpacked]) -> Result<Merged, AssembleError> {
    let mut chosen: BTreeMap<&TreePath, (&Unpacked, &Entry)> = BTreeMap::new();
    for package in packages {
        for (path, entry) in &package.entries {
            let winner = match chosen.get(path) {
                None => (package, entry),
                Some(&(other, existing)) => prefer((other, existing), (package, entry), path)?,
            };
            chosen.insert(path, winner);
        }
    }

    let mut tree = parent.clone();
    let mut files: BTreeMap<String, Vec<TreePath>> = packages
        .iter()
        .map(|package| (package.name.clone(), Vec::new()))
        .collect();
    for (path, (package, entry)) in chosen {
        add(&mut tree, parent, path, package, entry)?;
        if let Some(list) = files.get_mut(&package.name) {
            list.push(path.clone());
        }
    }
    remove_emptied(&mut tree, parent, packages, &mut files);
    link_merged_directories(&mut tree)?;
    let certificates = packages
        .iter()
        .flat_map(|package| package.certificates.clone())
        .collect();
    let newest = packages.iter().map(|package| package.newest).max().unwrap_or_default();
    Ok(Merged {
        tree,
        files,
        certificates,
        newest: u64::try_from(newest).unwrap_or_default(),
    })
}

type Brought<'a> = (&'a Unpacked, &'a Entry);

fn prefer<'a>(first: Brought<'a>, second: Brought<'a>, path: &TreePath) -> Result<Brought<'a>, AssembleError> {
    let both_directories = first.1.is_directory() && second.1.is_directory();
    if both_directories || first.1.same_but_time(second.1) {
        return Ok(first);
    }
    match (wins(first, second)?, wins(second, first)?) {
        (true, false) => Ok(first),
        (false, true) => Ok(second),
        _ => Err(AssembleError::Conflict {
            path: path.to_string(),
            first: first.0.name.clone(),
            second: second.0.name.clone(),
        }),
    }
}

fn wins(one: Brought<'_>, other: Brought<'_>) -> Result<bool, AssembleError> {
    match (&one.0.metadata, &other.0.metadata) {
        (Metadata::Deb(control), Metadata::Deb(other_control)) => replaces(one.0, control, other.0, other_control),
        _ => Ok(word_length(one.1) == Some(64) && word_length(other.1) == Some(32)),
    }
}

/// Of a compiled file.
fn word_length(entry: &Entry) -> Option<u8> {
    let Kind::File(contents) = &entry.kind else { return None };
    match contents.get(..5)? {
        b"\x7fELF\x01" => Some(32),
        b"\x7fELF\x02" => Some(64),
        _ => None,
    }
}

fn replaces(
    package: &Unpacked,
    control: &Control,
    other: &Unpacked,
    other_control: &Control,
) -> Result<bool, AssembleError> {
    let read = |name: &str, stanza: &str| {
        Package::from_control(stanza).map_err(|source| AssembleError::Control {
            package: name.to_owned(),
            source: Box::new(source),
        })
    };
    let version: Version = read(&other.name, &other_control.stanza)?.version;
    let replaces = read(&package.name, &control.stanza)?.replaces;
    Ok(replaces
        .iter()
        .any(|relation| relation.name == other.name && relation.accepts(&version)))
}

fn add(
    tree: &mut Tree,
    parent: &Tree,
    path: &TreePath,
    package: &Unpacked,
    entry: &Entry,
) -> Result<(), AssembleError> {
    let failed = |source| AssembleError::Tree {
        package: package.name.clone(),
        source,
    };
    // A directory that a deeper path of an earlier package made up gets its real owner and mode.
    if entry.is_directory() && parent.get(path.as_str()).is_none() {
        return tree.replace(path.clone(), entry.clone()).map_err(failed);
    }
    let differs = |existing: &Entry| {
        let directories = existing.is_directory() && entry.is_directory();
        !directories && existing.kind.word() == entry.kind.word() && !existing.same_but_time(entry)
    };
    if parent.get(path.as_str()).is_some_and(differs) {
        return Err(AssembleError::ParentConflict {
            path: path.to_string(),
            package: package.name.clone(),
        });
    }
    tree.add(path.clone(), entry.clone()).map_err(failed)
}

/// Directories that held nothing but pruned files go as well.
fn remove_emptied(tree: &mut Tree, parent: &Tree, packages: &[Unpacked], files: &mut BTreeMap<String, Vec<TreePath>>) {
    let emptied: BTreeSet<&String> = packages.iter().flat_map(|package| &package.emptied).collect();
    let mut gone = BTreeSet::new();
    for directory in emptied.into_iter().rev() {
        if parent.get(directory).is_none()
            && tree
                .get(directory)
                .is_some_and(|entry| matches!(entry.kind, Kind::Directory))
            && tree.remove(directory).is_some()
        {
            gone.insert(directory.as_str());
        }
    }
    for list in files.values_mut() {
        list.retain(|path| !gone.contains(path.as_str()));
    }
}
