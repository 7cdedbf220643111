//! The maintainer scripts of each package, by digest: none is run, so a change of one must be seen.

use std::collections::BTreeMap;

use qclock_packages::deb::Archive;
use qclock_trust::Sha256;
use rayon::prelude::*;

use super::LockError;
use crate::lockfile::{LockedPackage, Lockfile};
use crate::supply::Supply;

/// What dpkg and debconf run, and the declarations that make one package run another's.
const SCRIPTS: [&str; 6] = ["config", "postinst", "postrm", "preinst", "prerm", "triggers"];

/// Of packages with the same digest as in the old lock it is known; the others are fetched and opened.
pub(super) fn fill_in(lock: &mut Lockfile, old: Option<&Lockfile>, supply: Supply<'_>) -> Result<(), LockError> {
    let mut packages = std::mem::take(&mut lock.packages);
    for package in &mut packages {
        let known = old
            .and_then(|old| old.package(&package.name))
            .filter(|known| known.sha256 == package.sha256);
        if let Some(known) = known {
            package.scripts.clone_from(&known.scripts);
        }
    }
    let is_known = |package: &LockedPackage| {
        old.and_then(|old| old.package(&package.name))
            .is_some_and(|known| known.sha256 == package.sha256)
    };
    let unknown: Vec<&LockedPackage> = packages.iter().filter(|package| !is_known(package)).collect();
    supply.obtain(lock, &unknown)?;
    let found: Vec<BTreeMap<String, String>> = unknown
        .par_iter()
        .map(|package| scripts(package, lock, supply))
        .collect::<Result<_, _>>()?;
    let mut found = found.into_iter();
    for package in &mut packages {
        if !is_known(package) {
            package.scripts = found.next().unwrap_or_default();
        }
    }
    lock.packages = packages;
    Ok(())
}

fn scripts(
    package: &LockedPackage,
    lock: &Lockfile,
    supply: Supply<'_>,
) -> Result<BTreeMap<String, String>, LockError> {
    let bytes = supply.read(lock, package)?;
    let archive = Archive::open(&bytes).map_err(|source| LockError::Archive {
        name: package.name.clone(),
        version: package.version.clone(),
        source: Box::new(source),
    })?;
    let control = archive.control();
    if control.package != package.name {
        return Err(LockError::OtherPackage {
            name: package.name.clone(),
            found: control.package.clone(),
        });
    }
    let scripts = control
        .scripts
        .iter()
        .filter(|(name, _)| SCRIPTS.contains(&name.as_str()));
    Ok(scripts
        .map(|(name, bytes)| (name.clone(), Sha256::of(bytes).to_string()))
        .collect())
}
