//! The status page of PHP-FPM, `?json`.
//!
//! The fields about the listen queue are not read: FPM fills them for TCP sockets only, so on our Unix socket they are always 0, and a
//! queue of 0 that means nothing is worse than none.  `max_children` is not in the page; with `pm = static` it is the number of processes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::text;

/// What a pool says about itself.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct FpmStatus {
    /// The pool's name.
    pub pool: String,
    /// `static`, `dynamic` or `ondemand`.
    #[serde(rename(deserialize = "process manager"))]
    pub process_manager: String,
    /// When the pool was started or reloaded, in seconds since 1970.
    #[serde(rename(deserialize = "start time"))]
    pub start_time: u64,
    /// Seconds since then.
    #[serde(rename(deserialize = "start since"))]
    pub start_since: u64,
    /// Requests accepted.
    #[serde(rename(deserialize = "accepted conn"), default)]
    pub accepted_connections: Option<u64>,
    /// Processes that wait for a request.
    #[serde(rename(deserialize = "idle processes"))]
    pub idle_processes: u64,
    /// Processes that handle one.
    #[serde(rename(deserialize = "active processes"))]
    pub active_processes: u64,
    /// All processes.
    #[serde(rename(deserialize = "total processes"))]
    pub total_processes: u64,
    /// The most that were ever active at once.
    #[serde(rename(deserialize = "max active processes"), default)]
    pub max_active_processes: Option<u64>,
    /// How often the limit was reached (always 0 with `pm = static`).
    #[serde(rename(deserialize = "max children reached"), default)]
    pub max_children_reached: Option<u64>,
    /// Requests slower than `request_slowlog_timeout` (always 0 without it).
    #[serde(rename(deserialize = "slow requests"), default)]
    pub slow_requests: Option<u64>,
}

/// Why an answer is not a status.
#[derive(Debug, Error)]
pub enum FpmError {
    /// Not the JSON of a status page.
    #[error("the answer is not a PHP-FPM status")]
    NotStatus(#[source] serde_json::Error),
}

impl FpmStatus {
    /// Reads the answer to `/fpm-status?json`.
    pub fn parse(answer: &[u8]) -> Result<Self, FpmError> {
        let mut status: Self = serde_json::from_slice(answer).map_err(FpmError::NotStatus)?;
        status.pool = text::shown(&status.pool);
        status.process_manager = text::shown(&status.process_manager);
        Ok(status)
    }

    /// The most processes that the pool may have, where the page lets it be known.
    pub fn max_children(&self) -> Option<u64> {
        (self.process_manager == "static").then_some(self.total_processes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] = br#"{"pool":"www","process manager":"static","start time":1732240000,"start since":12,"accepted conn":5,
        "listen queue":0,"max listen queue":0,"listen queue len":0,"idle processes":7,"active processes":1,"total processes":8,
        "max active processes":2,"max children reached":0,"slow requests":0,"memory peak":2097152}"#;

    #[test]
    fn a_status_is_read_without_its_queue() {
        let status = FpmStatus::parse(ANSWER).unwrap();
        assert_eq!(
            (status.idle_processes, status.active_processes, status.max_children()),
            (7, 1, Some(8))
        );
        assert!(!serde_json::to_string(&status).unwrap().contains("queue"));
    }

    #[test]
    fn a_page_that_is_something_else_is_refused() {
        for page in [
            "",
            "pong",
            "{}",
            "[]",
            r#"{"pool":"www","process manager":"static","idle processes":-1}"#,
        ] {
            assert!(FpmStatus::parse(page.as_bytes()).is_err(), "{page}");
        }
    }
}
