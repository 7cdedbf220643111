//! The keys of suites and repositories: files of `images/flavours/keys`.

use fs_err as fs;
use qclock_trust::{Keyring, KeyringError};
use thiserror::Error;

use crate::failure::{Class, Failure};
use crate::project::Project;

#[derive(Debug, Error)]
pub enum KeysError {
    #[error("cannot read the key `{name}`")]
    File {
        name: String,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot use the keys of `{origin}`")]
    Unusable {
        /// The suite or repository.
        origin: String,
        #[source]
        source: KeyringError,
    },
}

impl Failure for KeysError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// Reads the key files that the flavour names for a suite or repository.
pub(crate) fn keyring(project: &Project, origin: &str, names: &[String]) -> Result<Keyring, KeysError> {
    let read = |name: &String| match fs::read(project.keys().join(name)) {
        Ok(bytes) => Ok((name.clone(), bytes)),
        Err(source) => Err(KeysError::File {
            name: name.clone(),
            source,
        }),
    };
    let files = names.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Keyring::from_files(files).map_err(|source| KeysError::Unusable {
        origin: origin.to_owned(),
        source,
    })
}
