//! The answer of the PHP probe script, schema `qclock.php-probe/1`.
//!
//! The script runs in the pool that serves the users, so an answer proves that the pool serves.  It may be asked for a part only;
//! what was not asked is absent.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::text;

/// The schema that is understood.
pub const SCHEMA: &str = "qclock.php-probe/1";
/// The most extensions that are taken over.
const MOST_EXTENSIONS: usize = 256;

/// What PHP says about itself.
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct PhpAnswer {
    schema: String,
    /// The interpreter.
    #[serde(default)]
    pub php: Option<Php>,
    /// The extensions.
    #[serde(default)]
    pub extensions: Option<Extensions>,
    /// The opcode cache.
    #[serde(default)]
    pub opcache: Option<Opcache>,
    /// The database through PDO.
    #[serde(default)]
    pub pdo_mysql: Option<Connection>,
    /// The database through MySQLi.
    #[serde(default)]
    pub mysqli: Option<Connection>,
    /// PHP's clock, in seconds since 1970.
    #[serde(default)]
    pub time: Option<f64>,
}

/// The interpreter.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Php {
    #[serde(deserialize_with = "shown")]
    pub version: Option<String>,
    #[serde(deserialize_with = "shown")]
    pub sapi: Option<String>,
    #[serde(deserialize_with = "shown")]
    pub zend_version: Option<String>,
    #[serde(deserialize_with = "shown")]
    pub ini: Option<String>,
    #[serde(deserialize_with = "shown")]
    pub memory_limit: Option<String>,
    #[serde(deserialize_with = "shown")]
    pub timezone: Option<String>,
}

/// The extensions: which are loaded, and which do what they are for.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Extensions {
    /// Name and version.
    pub loaded: BTreeMap<String, Option<String>>,
    /// Name, and whether one trivial call of it gave the right result.
    pub working: BTreeMap<String, bool>,
}

/// The opcode cache; all figures are PHP's own.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Opcache {
    pub enabled: Option<bool>,
    pub cache_full: Option<bool>,
    /// Bytes.
    pub memory_used: Option<u64>,
    /// Bytes.
    pub memory_free: Option<u64>,
    /// Bytes.
    pub memory_wasted: Option<u64>,
    pub cached_scripts: Option<u64>,
    pub hits: Option<u64>,
    pub misses: Option<u64>,
    /// Per cent.
    pub hit_rate: Option<f64>,
    pub oom_restarts: Option<u64>,
    pub hash_restarts: Option<u64>,
    pub manual_restarts: Option<u64>,
}

/// One way from PHP to the database.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Connection {
    /// Whether a query was answered.
    pub connected: bool,
    /// From the connection's beginning to the query's answer.
    pub latency_ms: Option<f64>,
    /// What the server calls itself.
    #[serde(deserialize_with = "shown")]
    pub server_version: Option<String>,
    /// Why not.
    #[serde(deserialize_with = "shown")]
    pub error: Option<String>,
}

/// Why an answer is not one of the probe script.
#[derive(Debug, Error)]
pub enum PhpError {
    /// Not JSON of the right shape.
    #[error("the answer is not one of the probe script")]
    NotAnswer(#[source] serde_json::Error),
    /// Another schema.
    #[error("the probe script answers in schema `{0}`, wanted `{SCHEMA}`")]
    Schema(String),
}

impl PhpAnswer {
    /// Reads the answer to `/probe`.
    pub fn parse(answer: &[u8]) -> Result<Self, PhpError> {
        let mut answer: Self = serde_json::from_slice(answer).map_err(PhpError::NotAnswer)?;
        if answer.schema != SCHEMA {
            return Err(PhpError::Schema(text::shown(&answer.schema)));
        }
        if let Some(extensions) = &mut answer.extensions {
            extensions.bound();
        }
        Ok(answer)
    }
}

impl Extensions {
    fn bound(&mut self) {
        let loaded = std::mem::take(&mut self.loaded);
        self.loaded = loaded
            .into_iter()
            .take(MOST_EXTENSIONS)
            .map(|(name, version)| (text::shown(&name), version.map(|version| text::shown(&version))))
            .collect();
        let working = std::mem::take(&mut self.working);
        self.working = working
            .into_iter()
            .take(MOST_EXTENSIONS)
            .map(|(name, works)| (text::shown(&name), works))
            .collect();
    }

    /// The version of a loaded extension, or an empty text where it tells none; nothing when it is not loaded.  The opcode cache is
    /// found under either of its two names, and letter case does not matter, as it does not for PHP.
    pub fn version_of(&self, name: &str) -> Option<&str> {
        find(&self.loaded, name).map(|version| version.as_deref().unwrap_or(""))
    }

    /// Whether an extension works, where the script tried it.
    pub fn works(&self, name: &str) -> Option<bool> {
        find(&self.working, name).copied()
    }
}

fn find<'a, T>(map: &'a BTreeMap<String, T>, name: &str) -> Option<&'a T> {
    let same =
        |key: &str| key.eq_ignore_ascii_case(name) || (name == "opcache" && key.eq_ignore_ascii_case("Zend OPcache"));
    map.iter().find(|(key, _)| same(key)).map(|(_, value)| value)
}

fn shown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(|value| text::shown(&value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_answer_is_read() {
        let answer = PhpAnswer::parse(
            br#"{"schema":"qclock.php-probe/1","php":{"version":"8.2.29","sapi":"fpm-fcgi","zend_version":"4.2.29"},
            "extensions":{"loaded":{"pdo_mysql":"8.2.29","Zend OPcache":"8.2.29","json":null},"working":{"mbstring":true}},
            "opcache":{"enabled":true,"memory_used":9000000,"hit_rate":98.5,"something_new":[1]},
            "pdo_mysql":{"connected":true,"latency_ms":1.25,"server_version":"10.11.6","error":null},
            "mysqli":{"connected":false,"latency_ms":null,"server_version":null,"error":"no\u0007 way"},"time":1732240000.25}"#,
        )
        .unwrap();
        let extensions = answer.extensions.unwrap();
        assert_eq!(extensions.version_of("opcache"), Some("8.2.29"));
        assert_eq!(
            (extensions.version_of("JSON"), extensions.version_of("intl")),
            (Some(""), None)
        );
        assert_eq!(
            (extensions.works("mbstring"), extensions.works("intl")),
            (Some(true), None)
        );
        assert_eq!(answer.mysqli.unwrap().error.as_deref(), Some("no  way"));
        assert_eq!(answer.opcache.unwrap().hit_rate, Some(98.5));
    }

    #[test]
    fn parts_that_were_not_asked_are_absent() {
        let answer = PhpAnswer::parse(br#"{"schema":"qclock.php-probe/1","php":{}}"#).unwrap();
        assert_eq!(answer.php, Some(Php::default()));
        assert_eq!((answer.mysqli, answer.opcache), (None, None));
    }

    #[test]
    fn something_else_is_refused() {
        assert!(matches!(PhpAnswer::parse(b"<?php"), Err(PhpError::NotAnswer(_))));
        assert!(matches!(
            PhpAnswer::parse(br#"{"schema":"x/2"}"#),
            Err(PhpError::Schema(_))
        ));
    }
}
