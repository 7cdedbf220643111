//! The repositories that the image was built from, for those who extend it: a source list of apt or of dnf, and the keys.
//!
//! The address of a mirror that somebody chose is not part of an image (its digest would depend on who built it).  A deb822 list names
//! suites, components and keys, and has `Enabled: no` with a placeholder that says where the address of one's own mirror goes; so has
//! dnf's where the flavour itself names no mirror.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use fs_err as fs;

use super::GenerateError;
use crate::flavour::{Archive, Flavour, Packaging};
use crate::project::Project;

/// Reserved for what must not resolve (RFC 6761 §6.4).
const NOWHERE: &str = "https://mirror.invalid";

/// Names below `folder`, and contents.
pub(super) fn files(project: &Project, folder: &str) -> Result<BTreeMap<String, Bytes>, GenerateError> {
    let flavour = &project.flavour;
    let folder = folder.trim_matches('/');
    let (name, list) = match flavour.packaging() {
        Packaging::Deb => (format!("{}.sources", flavour.name), apt(flavour, folder)),
        Packaging::Rpm => (format!("{}.repo", flavour.name), dnf(flavour, folder)),
    };
    let mut files = BTreeMap::from([(name, Bytes::from(list))]);
    for key in flavour.keys() {
        let bytes = fs::read(project.keys().join(key)).map_err(|source| GenerateError::Key {
            name: key.clone(),
            source,
        })?;
        files.insert(format!("keys/{key}"), Bytes::from(bytes));
    }
    Ok(files)
}

fn apt(flavour: &Flavour, folder: &str) -> String {
    let mut list = String::from(
        "# The repositories that this image was built from.  Put the address of your mirror in the place of mirror.invalid and remove\n\
         # the lines `Enabled: no`.\n",
    );
    for suite in &flavour.suites {
        let archive = match suite.archive {
            Archive::Debian => "debian",
            Archive::DebianSecurity => "debian-security",
        };
        let keys: Vec<String> = suite.keys.iter().map(|key| format!("/{folder}/keys/{key}")).collect();
        write!(
            list,
            "\nTypes: deb\nURIs: {NOWHERE}/{archive}\nSuites: {}\nComponents: {}\nArchitectures: {}\nSigned-By: {}\nEnabled: no\n",
            suite.name,
            suite.components.join(" "),
            flavour.architecture,
            keys.join(" "),
        )
        .expect("a string takes all writing");
    }
    list
}

fn dnf(flavour: &Flavour, folder: &str) -> String {
    let mut list = String::from("# The repositories that this image was built from.\n");
    if flavour.mirror.is_none() {
        list.push_str(
            "# Put the address of your mirror in the place of mirror.invalid and write 1 in the place of 0 after `enabled`.\n",
        );
    }
    let mirror = flavour.mirror.as_deref().unwrap_or(NOWHERE).trim_end_matches('/');
    for repository in &flavour.repositories {
        let keys: Vec<String> = repository
            .keys
            .iter()
            .map(|key| format!("file:///{folder}/keys/{key}"))
            .collect();
        write!(
            list,
            "\n[{name}]\nname={name}\nbaseurl={mirror}/{}\ngpgkey={}\ngpgcheck=1\nrepo_gpgcheck={}\nenabled={}\n",
            repository.path,
            keys.join(" "),
            u8::from(repository.signed_metadata),
            u8::from(flavour.mirror.is_some()),
            name = repository.name,
        )
        .expect("a string takes all writing");
    }
    list
}
