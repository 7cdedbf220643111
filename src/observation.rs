//! What one look at a watched service found.

use std::time::Duration;

use qclock_probe::apache::ApacheStatus;
use qclock_probe::database::DatabaseAnswer;
use qclock_probe::fpm::FpmStatus;
use qclock_probe::php::{Connection, Opcache, Php};
use qclock_probe::postgres::PostgresAnswer;
use serde::Serialize;
use serde_json::Value;

use crate::language::Text;
use crate::state::State;

/// The finding of one check at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// What it means.
    pub state: State,
    /// The same in a few words.
    pub summary: Text,
    /// How long the answer took, where there was one.
    pub latency: Option<Duration>,
    /// Seconds since the watched service started, where it tells: going back, it betrays a restart.
    pub uptime_seconds: Option<u64>,
    /// Something that is bad only when it lasts.
    pub concern: Option<Text>,
    /// For the interface: an object.
    pub details: Value,
    /// For the page: what to know beside the state.
    pub facts: Vec<Fact>,
    /// For the page: a list of parts.
    pub parts: Vec<Part>,
    /// For the metrics: the figures themselves.
    pub measured: Option<Measured>,
}

/// A label and its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fact {
    /// What it is.
    pub label: Text,
    /// What it amounts to.
    pub value: Text,
}

/// A part of what is watched, such as an extension.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its version, or what is wrong with it.
    pub note: String,
    /// Whether it is as it should be.
    pub good: bool,
}

/// The figures behind an observation.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// Of Apache.
    Apache(Box<ApacheStatus>),
    /// Of the pool, with the most workers that it may have, where known.
    Fpm(FpmStatus, Option<u64>),
    /// Of the interpreter.
    Php(Php, Option<Opcache>),
    /// Each critical extension, and whether it is loaded and works.
    Extensions(Vec<(&'static str, bool)>),
    /// Of PHP's way to the database.
    Connection(Connection),
    /// Of the database.
    Database(Box<DatabaseAnswer>),
    /// Of the identity provider's database.
    Postgres(Box<PostgresAnswer>),
}

impl Observation {
    /// An observation that has nothing but a state and its reason.
    pub fn bare(state: State, summary: Text) -> Self {
        Self {
            state,
            summary,
            latency: None,
            uptime_seconds: None,
            concern: None,
            details: Value::Object(serde_json::Map::new()),
            facts: Vec::new(),
            parts: Vec::new(),
            measured: None,
        }
    }

    /// Adds a fact, where there is one.
    pub fn push_fact(&mut self, label: Text, value: Option<Text>) {
        if let Some(value) = value {
            self.facts.push(Fact { label, value });
        }
    }
}
