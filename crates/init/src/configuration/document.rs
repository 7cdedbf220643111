//! The file as it is written; unknown keys are errors.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::de::DeTable;

use super::fields::{Fault, Fields, FromToml, Value, word};
use crate::logs::Format;
use crate::signal::Signal;

/// A table's keys; one without a default must be there.
macro_rules! table {
    ($(#[$about:meta])* $name:ident { $($(#[$of_key:meta])* $key:ident: $type:ty $(= $default:expr)?,)* }) => {
        $(#[$about])*
        #[derive(Debug)]
        pub(super) struct $name {
            $($(#[$of_key])* pub(super) $key: $type,)*
        }

        impl $name {
            const KEYS: &[&str] = &[$(stringify!($key)),*];

            fn of(fields: &Fields<'_>) -> Result<Self, Fault> {
                Ok(Self { $($key: table!(fields, $key $(, $default)?),)* })
            }
        }

        impl FromToml for $name {
            fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
                Self::of(&Fields::of(key, value, Self::KEYS)?)
            }
        }
    };
    ($fields:ident, $key:ident) => { $fields.required(stringify!($key))? };
    ($fields:ident, $key:ident, $default:expr) => { $fields.optional(stringify!($key))?.unwrap_or_else(|| $default) };
}

table! { Document {
    supervisor: Supervisor = Supervisor::default(),
    environment: Environment = Environment::default(),
    directory: Vec<Directory> = Vec::new(),
    file: Vec<File> = Vec::new(),
    first_start: Option<FirstStart> = None,
    prepare: Option<Prepare> = None,
    service: Vec<Service> = Vec::new(),
} }

impl Document {
    pub(super) fn read(table: &DeTable<'_>) -> Result<Self, Fault> {
        Self::of(&Fields::of_table(table, 0, Self::KEYS)?)
    }
}

table! { Supervisor {
    state_file: PathBuf = Self::default().state_file,
    stop_seconds: u64 = Self::default().stop_seconds,
    stop_delay_seconds: u64 = Self::default().stop_delay_seconds,
} }

impl Default for Supervisor {
    fn default() -> Self {
        Self {
            state_file: PathBuf::from("/run/qclock-init.state"),
            stop_seconds: 30,
            stop_delay_seconds: 0,
        }
    }
}

table! { #[derive(Default)] Environment {
    known: Option<Vec<String>> = None,
    networks: Vec<String> = Vec::new(),
} }

table! { Directory {
    path: PathBuf,
    mode: String,
} }

table! { File {
    path: PathBuf,
    mode: String,
    template: PathBuf,
    when: Option<When> = None,
} }

table! { When {
    variable: String,
    is: String,
    otherwise: String,
} }

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DatabaseKind {
    Mariadb,
    Mysql,
    Postgresql,
}

impl FromToml for DatabaseKind {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        let words = [
            ("mariadb", Self::Mariadb),
            ("mysql", Self::Mysql),
            ("postgresql", Self::Postgresql),
        ];
        word(key, value, &words, "")
    }
}

table! {
    /// Keys that only some of the kinds have are checked later.
    FirstStart {
        kind: DatabaseKind,
        server: Option<PathBuf> = None,
        initdb: Option<PathBuf> = None,
        configuration: Option<PathBuf> = None,
        defaults_file: Option<PathBuf> = None,
        data_directory: Option<PathBuf> = None,
        share_directory: Option<PathBuf> = None,
        socket_directory: Option<PathBuf> = None,
        run_directory: Option<PathBuf> = None,
        script_directory: Option<PathBuf> = None,
        health_user: String = "qclock".to_owned(),
        timeout_seconds: u64 = 3600,
    }
}

table! { Prepare {
    #[expect(dead_code, reason = "there is one kind so far: another one will need it to be said")]
    kind: Preparation,
    distribution: PathBuf = PathBuf::from("/opt/keycloak"),
    java: PathBuf,
    directory: PathBuf = PathBuf::from("/run/keycloak"),
    template: PathBuf = PathBuf::from("/etc/qclock/keycloak.conf"),
    realm_directory: PathBuf = PathBuf::from("/etc/qclock/realm"),
    build_options: Vec<String>,
    build_seconds: u64 = 180,
    database_seconds: u64 = 300,
} }

#[derive(Debug, Clone, Copy)]
pub(super) enum Preparation {
    Keycloak,
}

impl FromToml for Preparation {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        word(key, value, &[("keycloak", Self::Keycloak)], "")
    }
}

table! { Service {
    name: String,
    command: Vec<String>,
    environment: BTreeMap<String, String> = BTreeMap::new(),
    essential: bool = true,
    stop_signal: Signal = Signal::Term,
    stop_grace_seconds: u64 = 10,
    reload_signal: Option<Signal> = None,
    restart: Option<Restart> = None,
    lock: Option<PathBuf> = None,
    remove_before_start: Vec<PathBuf> = Vec::new(),
    remove_when_ready: Vec<PathBuf> = Vec::new(),
    inherit_environment: bool = true,
    log: Log = Log::default(),
    ready: Option<Ready> = None,
} }

table! { Restart {
    limit: u32,
    within_seconds: u64 = 300,
    delay_seconds: u64 = 1,
    longest_delay_seconds: u64 = 30,
} }

table! { #[derive(Default)] Log {
    stdout: Format = Format::default(),
    stderr: Format = Format::default(),
} }

table! {
    /// Exactly one of the probes.
    Ready {
        fastcgi: Option<Fastcgi> = None,
        http: Option<String> = None,
        mysql: Option<Mysql> = None,
        postgresql: Option<Postgresql> = None,
        tcp: Option<String> = None,
        timeout_seconds: u64 = 30,
    }
}

table! { Fastcgi {
    socket: PathBuf,
    path: String,
} }

table! { Mysql {
    socket: PathBuf,
    user: String,
} }

table! { Postgresql {
    socket: PathBuf,
    user: String,
    database: String = "postgres".to_owned(),
} }
