//! The repositories that the image was built from, for those who extend it: a deb822 source list and the keys.
//!
//! The address of the mirror is not part of an image (its digest would depend on who built it): the list names suites,
//! components and keys, and has `Enabled: no` with a placeholder that says where the address of one's own mirror goes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use fs_err as fs;

use super::GenerateError;
use crate::flavour::Archive;
use crate::project::Project;

/// Reserved for what must not resolve (RFC 6761 §6.4).
const NOWHERE: &str = "https://mirror.invalid";

/// Names below `folder`, and contents.
pub(super) fn files(project: &Project, folder: &str) -> Result<BTreeMap<String, Bytes>, GenerateError> {
    let mut files = BTreeMap::new();
    let mut list = String::from(
        "# The repositories that this image was built from.  Put the address of your mirror in the place of mirror.invalid and remove\n\
         # the lines `Enabled: no`.\n",
    );
    for suite in &project.flavour.suites {
        let archive = match suite.archive {
            Archive::Debian => "debian",
            Archive::DebianSecurity => "debian-security",
        };
        let keys: Vec<String> = suite
            .keys
            .iter()
            .map(|key| format!("/{}/keys/{key}", folder.trim_matches('/')))
            .collect();
        write!(
            list,
            "\nTypes: deb\nURIs: {NOWHERE}/{archive}\nSuites: {}\nComponents: {}\nArchitectures: {}\nSigned-By: {}\nEnabled: no\n",
            suite.name,
            suite.components.join(" "),
            project.flavour.architecture,
            keys.join(" "),
        )
        .expect("a string takes all writing");
        for key in &suite.keys {
            let bytes = fs::read(project.keys().join(key)).map_err(|source| GenerateError::Key {
                name: key.clone(),
                source,
            })?;
            files.insert(format!("keys/{key}"), Bytes::from(bytes));
        }
    }
    files.insert(format!("{}.sources", project.flavour.name), Bytes::from(list));
    Ok(files)
}
