//! The file as serde sees it; unknown keys are errors.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::DatabaseKind;
use crate::logs::Format;
use crate::signal::Signal;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) supervisor: Supervisor,
    #[serde(default)]
    pub(super) environment: Environment,
    #[serde(default, rename = "directory")]
    pub(super) directories: Vec<Directory>,
    pub(super) first_start: Option<FirstStart>,
    #[serde(default, rename = "service")]
    pub(super) services: Vec<Service>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Supervisor {
    pub(super) state_file: PathBuf,
    pub(super) stop_seconds: u64,
    pub(super) stop_delay_seconds: u64,
}

impl Default for Supervisor {
    fn default() -> Self {
        Self {
            state_file: PathBuf::from("/run/qclock-init.state"),
            stop_seconds: 30,
            stop_delay_seconds: 0,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Environment {
    pub(super) known: Option<Vec<String>>,
    #[serde(default)]
    pub(super) networks: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Directory {
    pub(super) path: PathBuf,
    pub(super) mode: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstStart {
    pub(super) kind: DatabaseKind,
    #[serde(default = "server")]
    pub(super) server: PathBuf,
    pub(super) defaults_file: PathBuf,
    #[serde(default = "data_directory")]
    pub(super) data_directory: PathBuf,
    #[serde(default = "share_directory")]
    pub(super) share_directory: PathBuf,
    #[serde(default = "socket_directory")]
    pub(super) socket_directory: PathBuf,
    #[serde(default = "script_directory")]
    pub(super) script_directory: PathBuf,
    #[serde(default = "health_user")]
    pub(super) health_user: String,
    #[serde(default = "first_start_seconds")]
    pub(super) timeout_seconds: u64,
}

fn server() -> PathBuf {
    PathBuf::from("/usr/sbin/mariadbd")
}

fn data_directory() -> PathBuf {
    PathBuf::from("/var/lib/mysql/data")
}

fn share_directory() -> PathBuf {
    PathBuf::from("/usr/share/mysql")
}

fn socket_directory() -> PathBuf {
    PathBuf::from("/run/mysqld")
}

fn script_directory() -> PathBuf {
    PathBuf::from("/docker-entrypoint-initdb.d")
}

fn health_user() -> String {
    "qclock".to_owned()
}

fn first_start_seconds() -> u64 {
    3600
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(default = "yes")]
    pub(super) essential: bool,
    #[serde(default = "term")]
    pub(super) stop_signal: Signal,
    #[serde(default = "stop_grace_seconds")]
    pub(super) stop_grace_seconds: u64,
    pub(super) reload_signal: Option<Signal>,
    pub(super) restart: Option<Restart>,
    #[serde(default)]
    pub(super) remove_before_start: Vec<PathBuf>,
    #[serde(default)]
    pub(super) log: Log,
    pub(super) ready: Option<Ready>,
}

fn yes() -> bool {
    true
}

fn term() -> Signal {
    Signal::Term
}

fn stop_grace_seconds() -> u64 {
    10
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Restart {
    pub(super) limit: u32,
    #[serde(default = "restart_within_seconds")]
    pub(super) within_seconds: u64,
    #[serde(default = "one")]
    pub(super) delay_seconds: u64,
    #[serde(default = "longest_delay_seconds")]
    pub(super) longest_delay_seconds: u64,
}

fn restart_within_seconds() -> u64 {
    300
}

fn one() -> u64 {
    1
}

fn longest_delay_seconds() -> u64 {
    30
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Log {
    pub(super) stdout: Format,
    pub(super) stderr: Format,
}

/// Exactly one of the probes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ready {
    pub(super) fastcgi: Option<Fastcgi>,
    pub(super) http: Option<String>,
    pub(super) mysql: Option<Mysql>,
    pub(super) tcp: Option<String>,
    #[serde(default = "ready_seconds")]
    pub(super) timeout_seconds: u64,
}

fn ready_seconds() -> u64 {
    30
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fastcgi {
    pub(super) socket: PathBuf,
    pub(super) path: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mysql {
    pub(super) socket: PathBuf,
    pub(super) user: String,
}
