//! What was done at the first start, kept in the data directory: a list of the scripts, and fingerprints of the secrets.

use std::collections::BTreeMap;
use std::path::Path;

use fs_err as fs;

use super::directory::DirectoryError;
use super::json;
use super::scripts::{Script, ScriptError};
use super::settings::Settings;
use crate::clock::Timestamp;
use crate::secret::hexadecimal;

const FILE: &str = "qclock-first-start.json";
const SCHEMA: &str = "qclock.first-start/1";
const LARGEST: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Journal {
    created: String,
    server: String,
    scripts: Vec<Entry>,
    fingerprints: Fingerprints,
}

#[derive(Debug)]
pub(super) struct Fingerprints {
    /// Makes them useless elsewhere.
    salt: String,
    /// SHA-256 of salt and value.  The data directory holds the accounts' own hashes as well, so it tells nobody more.
    secrets: BTreeMap<String, String>,
}

#[derive(Debug)]
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
        let mut secrets = BTreeMap::new();
        for (name, secret) in settings.secrets() {
            secrets.insert(name.to_owned(), secret.fingerprint(&salt));
        }
        Self {
            created: Timestamp::now().rfc3339(),
            server: server.to_owned(),
            scripts: Vec::new(),
            fingerprints: Fingerprints { salt, secrets },
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
        fs::write(&path, self.document()).map_err(|source| DirectoryError::Step {
            what: "write",
            path,
            source,
        })
    }

    fn document(&self) -> String {
        let scripts = self.scripts.iter().map(|script| {
            json::object([
                ("name", json::text(&script.name)),
                ("sha256", json::text(&script.sha256)),
                ("statements", script.statements.to_string()),
            ])
        });
        json::object([
            ("schema", json::text(SCHEMA)),
            ("created", json::text(&self.created)),
            ("server", json::text(&self.server)),
            ("init", json::text(env!("CARGO_PKG_VERSION"))),
            ("scripts", json::list(scripts)),
            ("salt", json::text(&self.fingerprints.salt)),
            ("secrets", json::texts(&self.fingerprints.secrets)),
        ])
    }
}

impl Fingerprints {
    /// None when there is no journal, as in a database from elsewhere.
    pub(super) fn read(directory: &Path) -> Option<Self> {
        let document = json::read(&directory.join(FILE), SCHEMA, LARGEST)?;
        Some(Self {
            salt: json::get(&document, "salt")?,
            secrets: json::get_texts(&document, "secrets")?,
        })
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
