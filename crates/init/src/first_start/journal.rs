//! What was done at the first start, kept in the data directory: a list of the scripts, and fingerprints of the secrets.

use std::collections::BTreeMap;
use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};

use super::directory::DirectoryError;
use super::scripts::{Script, ScriptError};
use super::settings::Settings;
use crate::clock::Timestamp;
use crate::secret::hexadecimal;

const FILE: &str = "qclock-first-start.json";
const SCHEMA: &str = "qclock.first-start/1";
const LARGEST: u64 = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Journal {
    schema: String,
    created: String,
    server: String,
    init: String,
    scripts: Vec<Entry>,
    /// Makes the fingerprints useless elsewhere.
    salt: String,
    /// SHA-256 of salt and value.  The data directory holds the accounts' own hashes as well, so it tells nobody more.
    secrets: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    sha256: String,
    statements: u64,
}

impl Journal {
    pub(super) fn new(server: &str, settings: &Settings) -> Self {
        let mut salt = [0; 16];
        // Without randomness the fingerprints still tell a change.
        let _ = getrandom::fill(&mut salt);
        let salt = hexadecimal(&salt);
        let secrets = settings
            .secrets()
            .map(|(name, secret)| (name.to_owned(), secret.fingerprint(&salt)))
            .collect();
        Self {
            schema: SCHEMA.to_owned(),
            created: Timestamp::now().rfc3339(),
            server: server.to_owned(),
            init: env!("CARGO_PKG_VERSION").to_owned(),
            scripts: Vec::new(),
            salt,
            secrets,
        }
    }

    pub(super) fn add(&mut self, script: &Script, statements: u64) -> Result<(), ScriptError> {
        self.scripts.push(Entry {
            name: script.name().to_owned(),
            sha256: script.digest()?,
            statements,
        });
        Ok(())
    }

    pub(super) fn write(&self, directory: &Path) -> Result<(), DirectoryError> {
        let path = directory.join(FILE);
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        fs::write(&path, text).map_err(|source| DirectoryError::Step {
            what: "write",
            path,
            source,
        })
    }

    /// None when there is none, as in a database from elsewhere.
    pub(super) fn read(directory: &Path) -> Option<Self> {
        let path = directory.join(FILE);
        let size = fs::metadata(&path).ok()?.len();
        let journal: Self = serde_json::from_slice(&fs::read(path).ok().filter(|_| size <= LARGEST)?).ok()?;
        (journal.schema == SCHEMA).then_some(journal)
    }

    /// Secrets that are given now and were others then.
    pub(super) fn changed(&self, settings: &Settings) -> Vec<&'static str> {
        let differs = |name: &str, now: String| self.secrets.get(name).is_some_and(|then| *then != now);
        let secrets = settings
            .secrets()
            .filter(|(name, secret)| differs(name, secret.fingerprint(&self.salt)));
        secrets.map(|(name, _)| name).collect()
    }
}
