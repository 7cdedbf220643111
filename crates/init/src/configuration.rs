//! `/etc/qclock/init.toml`: what the image runs, read and checked.

mod check;
mod document;
mod fields;
mod read;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use read::{ConfigurationError, parse, read};

use crate::logs::Format;
use crate::rendered::RenderedFile;
use crate::signal::Signal;

/// Where the image keeps it.
pub const DEFAULT_PATH: &str = "/etc/qclock/init.toml";

#[derive(Debug, Clone)]
pub struct Configuration {
    /// Where `qclock-init` says what it is doing, for `qclock-init health`.
    pub state_file: PathBuf,
    /// All of a stop must fit into it; the container runtime's own limit should be a little longer.
    pub stop_budget: Duration,
    /// Between the request to stop (health answers no from then on) and the first signal.
    pub stop_delay: Duration,
    /// `QCLOCK_*` variables that this image understands; None: do not look.
    pub known_variables: Option<Vec<String>>,
    /// Variables that hold networks: services see them checked, with the host's addresses in them.
    pub network_variables: Vec<String>,
    pub directories: Vec<Directory>,
    /// Written before anything starts, after the directories.
    pub files: Vec<RenderedFile>,
    pub first_start: Option<FirstStart>,
    pub prepare: Option<Prepare>,
    pub services: Vec<Service>,
}

#[derive(Debug, Clone)]
pub struct Directory {
    pub path: PathBuf,
    pub mode: u32,
}

#[derive(Debug, Clone)]
pub struct Service {
    pub name: String,
    /// The program (an absolute path) and its arguments.
    pub command: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub essential: bool,
    pub stop_signal: Signal,
    pub stop_grace: Duration,
    pub reload_signal: Option<Signal>,
    pub restart: Option<Restart>,
    /// A directory that the service and whatever it starts keep to themselves as long as one of them lives.
    pub lock: Option<PathBuf>,
    /// Done when the lock is held.
    pub remove_before_start: Vec<PathBuf>,
    /// When everything is ready.
    pub remove_when_ready: Vec<PathBuf>,
    /// Whether it sees the container's variables, too.
    pub inherit_environment: bool,
    pub stdout: Format,
    pub stderr: Format,
    pub ready: Option<Ready>,
}

/// How often a service may come back before its exit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    pub limit: u32,
    /// Restarts older than this are forgotten.
    pub within: Duration,
    /// Before the first restart; doubled for each further one.
    pub delay: Duration,
    pub longest_delay: Duration,
}

#[derive(Debug, Clone)]
pub struct Ready {
    pub probe: Probe,
    pub timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// FPM's ping page over its Unix socket.
    Fastcgi {
        socket: PathBuf,
        path: String,
    },
    /// Any answer 200.
    Http {
        address: SocketAddr,
        authority: String,
        path: String,
    },
    /// A login without password, the account's name being that of the operating system's user.
    Mysql {
        socket: PathBuf,
        user: String,
    },
    /// A session of the operating system's user, and a query.
    Postgresql {
        socket: PathBuf,
        user: String,
        database: String,
    },
    Tcp {
        address: SocketAddr,
    },
}

/// Keycloak, which is made ready for its start at each of them.
#[derive(Debug, Clone)]
pub struct Prepare {
    /// The release as it was published.
    pub distribution: PathBuf,
    pub java: PathBuf,
    /// In memory: all that is made lies below it.
    pub directory: PathBuf,
    /// The part of the configuration file that is the same everywhere.
    pub template: PathBuf,
    /// Of realms' files.
    pub realm_directory: PathBuf,
    pub build_options: Vec<String>,
    pub build_timeout: Duration,
    pub database_timeout: Duration,
}

/// The database server that is set up when its data directory does not exist.
#[derive(Debug, Clone)]
pub enum FirstStart {
    Mysql(MysqlFirstStart),
    Postgresql(PostgresqlFirstStart),
}

impl FirstStart {
    pub(crate) fn log_format(&self) -> Format {
        match self {
            Self::Mysql(first_start) => first_start.kind.log_format(),
            Self::Postgresql(_) => Format::Postgresql,
        }
    }

    pub(crate) fn data_directory(&self) -> &Path {
        match self {
            Self::Mysql(first_start) => &first_start.data_directory,
            Self::Postgresql(first_start) => &first_start.data_directory,
        }
    }

    pub(crate) fn database(&self) -> &'static str {
        match self {
            Self::Mysql(first_start) => first_start.kind.name(),
            Self::Postgresql(_) => "PostgreSQL",
        }
    }
}

#[derive(Debug, Clone)]
pub struct PostgresqlFirstStart {
    pub server: PathBuf,
    pub initdb: PathBuf,
    /// `postgresql.conf`
    pub configuration: PathBuf,
    /// A subdirectory of the volume, so that a complete one can be renamed into place.
    pub data_directory: PathBuf,
    /// Where the socket is, and where the parts of the configuration are written that depend on the container.
    pub run_directory: PathBuf,
    /// The operating system's user, who may log in under his own name for the health check.
    pub health_user: String,
    pub timeout: Duration,
}

/// MariaDB or MySQL.
#[derive(Debug, Clone)]
pub struct MysqlFirstStart {
    pub kind: DatabaseKind,
    pub server: PathBuf,
    pub defaults_file: PathBuf,
    /// A subdirectory of the volume, so that a complete one can be renamed into place.
    pub data_directory: PathBuf,
    /// Where the server's package keeps its system tables.
    pub share_directory: PathBuf,
    pub socket_directory: PathBuf,
    pub script_directory: PathBuf,
    /// The operating system's user, who may log in as the account of the same name for the health check.
    pub health_user: String,
    pub timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    Mariadb,
    Mysql,
}

impl DatabaseKind {
    fn name(self) -> &'static str {
        match self {
            Self::Mariadb => "MariaDB",
            Self::Mysql => "MySQL",
        }
    }

    /// The two servers share one file of options.  What only one of them knows stands in `[mysqld-mariadb]` or
    /// `[mysqld-mysql]`.
    pub(crate) fn group_suffix(self) -> &'static str {
        match self {
            Self::Mariadb => "--defaults-group-suffix=-mariadb",
            Self::Mysql => "--defaults-group-suffix=-mysql",
        }
    }

    /// For a first start, of which nothing may be in the binary log.  Nor needs anything of it to be on the disk before all of it
    /// is, which is seen to before the directory gets its name: MariaDB can be told so, and saves some 800 calls, 5 s on a busy
    /// disk.  MySQL would warn of replicas' updates that go into no binary log.
    pub(crate) fn first_start_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Mariadb => &["--skip-log-bin", "--loose-debug-no-sync"],
            Self::Mysql => &["--skip-log-bin", "--log-replica-updates=OFF"],
        }
    }

    pub(crate) fn log_format(self) -> Format {
        match self {
            Self::Mariadb => Format::Mariadb,
            Self::Mysql => Format::Mysql,
        }
    }
}
