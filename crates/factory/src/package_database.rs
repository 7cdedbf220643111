//! The packaging system's own record of what is installed, as scanners read it.
//!
//! A database is one file that a child image must write anew; each packaging system has its own module here.

mod dpkg;
pub mod rpm;

use std::collections::{BTreeMap, BTreeSet};

use qclock_oci::path::TreePath;
use qclock_oci::tree::{Entry, Tree};
use qclock_packages::rpm::{Container, Files as PackageFiles};

use crate::assemble::{Metadata, Unpacked, relocated};
use crate::generate::Files;
use rpm::{Installation, Recorded, RpmDatabaseError};

/// The database's files, for the packages of `parent` (read from its own database) and these, whose files are `files` and lie in `tree`.
/// `time` is that of the image, in seconds since 1970.
pub fn database(
    parent: &Tree,
    tree: &Tree,
    packages: &[Unpacked],
    files: &BTreeMap<String, Vec<TreePath>>,
    time: u64,
) -> Result<Files, RpmDatabaseError> {
    let mut deb = Vec::new();
    let mut rpm: BTreeMap<&str, &[u8]> = BTreeMap::new();
    for package in packages {
        match &package.metadata {
            Metadata::Deb(control) => deb.push(dpkg::Installed {
                control,
                files: files.get(&package.name).map_or(&[][..], Vec::as_slice),
            }),
            Metadata::Rpm(header) => drop(rpm.insert(&package.name, header)),
            Metadata::Upstream => {}
        }
    }
    let mut made = Files::new();
    if !deb.is_empty() {
        made.extend(dpkg::files(parent, &deb));
    }
    if !rpm.is_empty() {
        let bytes = rpm_database(parent, tree, &rpm, time)?;
        let path: TreePath = rpm::PATH.parse().expect("the database's path is clean");
        made.insert(path, Entry::file(bytes, 0o644));
    }
    Ok(made)
}

/// A package of the parent's of which this image restores files is recorded anew.
fn rpm_database(
    parent: &Tree,
    tree: &Tree,
    packages: &BTreeMap<&str, &[u8]>,
    time: u64,
) -> Result<Vec<u8>, RpmDatabaseError> {
    let mut recorded: Vec<Recorded> = match parent.contents(rpm::PATH) {
        Some(database) => rpm::read(database)?,
        None => Vec::new(),
    };
    recorded.retain(|package| !packages.contains_key(package.name()));
    let time = u32::try_from(time).unwrap_or(u32::MAX);
    for header in packages.values() {
        let container = Container::read(header)?;
        let left_out = left_out(&container, tree)?;
        let installation = Installation {
            time,
            left_out: &left_out,
        };
        recorded.push(rpm::record(&container, &installation)?);
    }
    rpm::write(&recorded)
}

/// Files of the package that the image goes without.
fn left_out(container: &Container<'_>, tree: &Tree) -> Result<BTreeSet<String>, RpmDatabaseError> {
    let files = PackageFiles::read(&container.header)?.list;
    let missing = files
        .into_iter()
        .filter(|file| !file.is_ghost() && !file.path.is_empty())
        // What is a link into `/usr` in every image is there under its own name.
        .filter(|file| relocated(&file.path).is_some_and(|path| tree.get(&path).is_none()));
    Ok(missing.map(|file| file.path).collect())
}
