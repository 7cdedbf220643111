//! What was done, kept in the data directory: the server that made it, and what our roles' passwords were given as.
//!
//! A verifier is what the server's own catalogue holds, so the file tells nobody more than the files beside it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use fs_err as fs;

use super::super::json;
use super::PostgresqlError;
use super::scram::Verifier;
use crate::clock::Timestamp;

const FILE: &str = "qclock-first-start.json";
const BESIDE: &str = "qclock-first-start.json.new";
const SCHEMA: &str = "qclock.first-start.postgresql/1";
const LARGEST: u64 = 1 << 16;

#[derive(Debug)]
pub(super) struct Journal {
    created: String,
    server: String,
    init: String,
    /// By role.
    verifiers: BTreeMap<String, String>,
}

impl Journal {
    pub(super) fn new(server: &str) -> Self {
        Self {
            created: Timestamp::now().rfc3339(),
            server: server.to_owned(),
            init: env!("CARGO_PKG_VERSION").to_owned(),
            verifiers: BTreeMap::new(),
        }
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn record(&mut self, role: &str, verifier: &Verifier) {
        self.verifiers.insert(role.to_owned(), verifier.text());
    }

    pub(super) fn verifier(&self, role: &str) -> Option<Verifier> {
        Verifier::parse(self.verifiers.get(role)?)
    }

    /// In one step: a kill leaves the old one or the new one.
    pub(super) fn write(&self, directory: &Path) -> Result<(), PostgresqlError> {
        let path = directory.join(FILE);
        let beside = directory.join(BESIDE);
        let text = json::object([
            ("schema", json::text(SCHEMA)),
            ("created", json::text(&self.created)),
            ("server", json::text(&self.server)),
            ("init", json::text(&self.init)),
            ("verifiers", json::texts(&self.verifiers)),
        ]);
        let written = || {
            let mut file = fs::File::create(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            fs::File::open(directory)?.sync_all()
        };
        written().map_err(|source| PostgresqlError::Write {
            path: path.clone(),
            source,
        })
    }

    /// None when there is none, as in a database from elsewhere.
    pub(super) fn read(directory: &Path) -> Option<Self> {
        let document = json::read(&directory.join(FILE), SCHEMA, LARGEST)?;
        Some(Self {
            created: json::get(&document, "created")?,
            server: json::get(&document, "server")?,
            init: json::get(&document, "init")?,
            verifiers: json::get_texts(&document, "verifiers")?,
        })
    }
}
