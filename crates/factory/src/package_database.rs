//! The packaging system's own record of what is installed, as scanners read it.
//!
//! A database is one file that a child image must write anew; each packaging system has its own module here.

mod dpkg;
pub mod rpm;

use std::collections::BTreeMap;

use qclock_oci::path::TreePath;
use qclock_oci::tree::Tree;

use crate::assemble::{Metadata, Unpacked};
use crate::generate::Files;

/// The database's files, for the packages of `parent` (read from its own database) and these.
pub fn database(parent: &Tree, packages: &[Unpacked], files: &BTreeMap<String, Vec<TreePath>>) -> Files {
    let installed = packages.iter().map(|package| match &package.metadata {
        Metadata::Deb(control) => dpkg::Installed {
            control,
            files: files.get(&package.name).map_or(&[][..], Vec::as_slice),
        },
    });
    let deb: Vec<_> = installed.collect();
    if deb.is_empty() {
        Files::new()
    } else {
        dpkg::files(parent, &deb)
    }
}
