//! Whether a lock answers the definitions as they stand now.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::{FORMAT, LockedArchive, LockedImage, LockedPackage, LockedSuite, Lockfile};
use crate::definition::Definition;
use crate::flavour::Flavour;
use crate::project::Project;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum LockMismatch {
    #[error("it has format {found}; this command knows format {FORMAT}")]
    Format { found: u32 },
    #[error("it is of the flavour `{found}`")]
    Flavour { found: String },
    #[error("it is for the architecture `{found}`")]
    Architecture { found: String },
    #[error("its suites are not the flavour's")]
    Suites,
    #[error("its repositories are not the flavour's")]
    Repositories,
    #[error("the package `{package}` comes from no suite or repository of the flavour")]
    Origin { package: String },
    #[error("its module streams or their platform are not the flavour's")]
    Streams,
    #[error("it does not hold the same images")]
    Images,
    #[error("the image `{image}` has another parent")]
    Parent { image: String },
    #[error("the image `{image}` installs other packages: {}", names.join(", "))]
    Install { image: String, names: Vec<String> },
    #[error("the image `{image}` leaves out others or for other reasons: {}", names.join(", "))]
    Omissions { image: String, names: Vec<String> },
    #[error("the image `{image}` has other archives: {}", names.join(", "))]
    Archives { image: String, names: Vec<String> },
    #[error("the image `{image}` has the package `{package}`, which is not in it, or is listed out of order")]
    Package { image: String, package: String },
}

impl Lockfile {
    /// Every choice that a definition makes is compared; the versions are the lock's own affair.
    pub(crate) fn check(&self, project: &Project) -> Result<(), LockMismatch> {
        let flavour = &project.flavour;
        if self.format != FORMAT {
            return Err(LockMismatch::Format { found: self.format });
        }
        if self.flavour != flavour.name {
            return Err(LockMismatch::Flavour {
                found: self.flavour.clone(),
            });
        }
        if self.architecture != flavour.architecture {
            return Err(LockMismatch::Architecture {
                found: self.architecture.clone(),
            });
        }
        self.check_origins(flavour)?;
        let names = project.images().iter().map(|image| &image.name);
        if !names.eq(self.images.iter().map(|image| &image.name)) {
            return Err(LockMismatch::Images);
        }
        for (image, locked) in project.images().iter().zip(&self.images) {
            self.check_image(project, image, locked)?;
        }
        Ok(())
    }

    fn check_origins(&self, flavour: &Flavour) -> Result<(), LockMismatch> {
        let locked = self.suites.iter().map(
            |LockedSuite {
                 name,
                 archive,
                 components,
                 ..
             }| (name, *archive, components),
        );
        let declared = flavour
            .suites
            .iter()
            .map(|suite| (&suite.name, suite.archive, &suite.components));
        if !locked.eq(declared) {
            return Err(LockMismatch::Suites);
        }
        let locked = self.repositories.iter();
        let locked = locked.map(|it| (&it.name, &it.path, it.signed_by.is_some()));
        let declared = flavour.repositories.iter();
        if !locked.eq(declared.map(|it| (&it.name, &it.path, it.signed_metadata))) {
            return Err(LockMismatch::Repositories);
        }
        if self.platform != flavour.platform || self.streams != flavour.streams {
            return Err(LockMismatch::Streams);
        }
        // What a package is verified with depends on where it comes from.
        let known = |package: &&LockedPackage| match (&package.suite, &package.repository) {
            (Some(suite), None) => flavour.suite(suite).is_some(),
            (None, Some(repository)) => flavour.repository(repository).is_some(),
            _ => false,
        };
        match self.packages.iter().find(|package| !known(package)) {
            Some(LockedPackage { name, .. }) => Err(LockMismatch::Origin { package: name.clone() }),
            None => Ok(()),
        }
    }

    pub(crate) fn check_image(
        &self,
        project: &Project,
        image: &Definition,
        locked: &LockedImage,
    ) -> Result<(), LockMismatch> {
        let name = || image.name.clone();
        if image.parent != locked.parent {
            return Err(LockMismatch::Parent { image: name() });
        }
        let selection = image.selection(&project.flavour.name);
        let wanted: BTreeSet<&String> = selection.install.iter().collect();
        let installed: BTreeSet<&String> = locked.install.iter().collect();
        if wanted != installed {
            return Err(LockMismatch::Install {
                image: name(),
                names: wanted
                    .symmetric_difference(&installed)
                    .map(|name| (*name).clone())
                    .collect(),
            });
        }
        let reasons = effective_omissions(project, image);
        let own = selection.omissions.iter().flat_map(|omission| &omission.names);
        let missing = own.filter(|name| !locked.omissions.iter().any(|omission| omission.name == **name));
        let foreign = locked
            .omissions
            .iter()
            .filter(|omission| reasons.get(omission.name.as_str()) != Some(&omission.reason.as_str()))
            .map(|omission| &omission.name);
        let names: Vec<String> = missing.chain(foreign).cloned().collect();
        if !names.is_empty() {
            return Err(LockMismatch::Omissions { image: name(), names });
        }
        let archives = LockedArchive::all_of(image);
        if archives != locked.archives {
            let either = archives.iter().chain(&locked.archives);
            let differs = either.filter(|it| !(archives.contains(it) && locked.archives.contains(it)));
            let names: BTreeSet<String> = differs.map(|archive| archive.name.clone()).collect();
            return Err(LockMismatch::Archives {
                image: name(),
                names: names.into_iter().collect(),
            });
        }
        let lost = locked.packages.iter().find(|package| self.package(package).is_none());
        lost.map_or(Ok(()), |package| {
            Err(LockMismatch::Package {
                image: name(),
                package: package.clone(),
            })
        })
    }
}

/// What the image leaves out, with the reasons: its ancestors' omissions, which its packages keep, and its own; what it
/// installs itself is not left out.
pub(crate) fn effective_omissions<'a>(project: &'a Project, image: &'a Definition) -> BTreeMap<&'a str, &'a str> {
    let mut reasons = BTreeMap::new();
    for ancestor in project.lineage(image) {
        let Some(selection) = ancestor.packages.get(&project.flavour.name) else {
            continue;
        };
        for omission in &selection.omissions {
            reasons.extend(
                omission
                    .names
                    .iter()
                    .map(|name| (name.as_str(), omission.reason.as_str())),
            );
        }
        for name in &selection.install {
            reasons.remove(name.as_str());
        }
    }
    reasons
}
