//! The file as serde sees it; unknown keys are errors.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

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
    #[serde(default, rename = "file")]
    pub(super) files: Vec<File>,
    pub(super) first_start: Option<FirstStart>,
    pub(super) prepare: Option<Prepare>,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DatabaseKind {
    Mariadb,
    Mysql,
    Postgresql,
}

/// Keys that only some of the kinds have are checked later.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) mode: String,
    pub(super) template: PathBuf,
    pub(super) when: Option<When>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    pub(super) variable: String,
    pub(super) is: String,
    pub(super) otherwise: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstStart {
    pub(super) kind: DatabaseKind,
    pub(super) server: Option<PathBuf>,
    pub(super) initdb: Option<PathBuf>,
    pub(super) configuration: Option<PathBuf>,
    pub(super) defaults_file: Option<PathBuf>,
    pub(super) data_directory: Option<PathBuf>,
    pub(super) share_directory: Option<PathBuf>,
    pub(super) socket_directory: Option<PathBuf>,
    pub(super) run_directory: Option<PathBuf>,
    pub(super) script_directory: Option<PathBuf>,
    #[serde(default = "health_user")]
    pub(super) health_user: String,
    #[serde(default = "first_start_seconds")]
    pub(super) timeout_seconds: u64,
}

fn health_user() -> String {
    "qclock".to_owned()
}

fn first_start_seconds() -> u64 {
    3600
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prepare {
    #[expect(dead_code, reason = "there is one kind so far: another one will need it to be said")]
    pub(super) kind: Preparation,
    #[serde(default = "distribution")]
    pub(super) distribution: PathBuf,
    pub(super) java: PathBuf,
    #[serde(default = "prepared_directory")]
    pub(super) directory: PathBuf,
    #[serde(default = "template")]
    pub(super) template: PathBuf,
    #[serde(default = "realm_directory")]
    pub(super) realm_directory: PathBuf,
    pub(super) build_options: Vec<String>,
    #[serde(default = "build_seconds")]
    pub(super) build_seconds: u64,
    #[serde(default = "database_seconds")]
    pub(super) database_seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Preparation {
    Keycloak,
}

fn distribution() -> PathBuf {
    PathBuf::from("/opt/keycloak")
}

fn prepared_directory() -> PathBuf {
    PathBuf::from("/run/keycloak")
}

fn template() -> PathBuf {
    PathBuf::from("/etc/qclock/keycloak.conf")
}

fn realm_directory() -> PathBuf {
    PathBuf::from("/etc/qclock/realm")
}

fn build_seconds() -> u64 {
    180
}

fn database_seconds() -> u64 {
    300
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
    pub(super) lock: Option<PathBuf>,
    #[serde(default)]
    pub(super) remove_before_start: Vec<PathBuf>,
    #[serde(default)]
    pub(super) remove_when_ready: Vec<PathBuf>,
    #[serde(default = "yes")]
    pub(super) inherit_environment: bool,
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
    pub(super) postgresql: Option<Postgresql>,
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Postgresql {
    pub(super) socket: PathBuf,
    pub(super) user: String,
    #[serde(default = "maintenance_database")]
    pub(super) database: String,
}

fn maintenance_database() -> String {
    "postgres".to_owned()
}
