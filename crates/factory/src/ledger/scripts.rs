//! The texts of a package's scripts, for people who read them.

use std::collections::BTreeMap;

use qclock_packages::{deb, rpm};
use qclock_trust::Verified;
use thiserror::Error;

use crate::failure::{Class, Failure};

#[derive(Debug, Error)]
pub enum ScriptsError {
    #[error("the package's scripts cannot be read")]
    Deb(#[source] deb::ArchiveError),
    #[error("the package's scripts cannot be read")]
    Rpm(#[source] rpm::ContainerError),
    #[error("the package's scripts cannot be read")]
    Scriptlets(#[source] rpm::ScriptletError),
}

impl Failure for ScriptsError {
    fn class(&self) -> Class {
        Class::Verification
    }
}

/// By the names that the lock uses.  The digest of each text is the lock's.
pub fn scripts(package: &Verified<Vec<u8>>) -> Result<BTreeMap<String, Vec<u8>>, ScriptsError> {
    if package.starts_with(b"!<arch>\n") {
        let archive = deb::Archive::open(package).map_err(ScriptsError::Deb)?;
        return Ok(archive.control().scripts.clone());
    }
    let container = rpm::Container::read(package).map_err(ScriptsError::Rpm)?;
    let scriptlets = rpm::scriptlets(&container.header).map_err(ScriptsError::Scriptlets)?;
    Ok(scriptlets
        .into_iter()
        .map(|scriptlet| (scriptlet_name(&scriptlet), scriptlet.text().into_bytes()))
        .collect())
}

/// As the lock calls it: `%post`, `%triggerin`.
pub(crate) fn scriptlet_name(scriptlet: &rpm::Scriptlet) -> String {
    format!("%{}", scriptlet.name)
}
