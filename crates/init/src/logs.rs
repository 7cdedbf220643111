//! From what the children print to one JSON object per line, with the field names of the Elastic Common Schema.

mod access;
mod apache_error;
mod decoder;
mod escape;
mod json;
mod keycloak;
mod level;
mod lines;
mod mariadb;
mod mysql;
mod own;
mod php_fpm;
mod postgresql;
mod record;
mod redaction;

pub use access::{Access, AccessError, parse as parse_access};
pub use decoder::Decoder;
pub use escape::unescape;
pub use lines::{LONGEST_LINE, Lines, Part, count as count_lines};
pub use own::{Event, write_own};
pub use record::{Record, write_string};

/// How a stream's lines are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Plain,
    /// One object per line; passed on as it stands, with what is missing.
    Json,
    /// The tab-separated access log of our own httpd configuration.
    ApacheAccess,
    ApacheError,
    PhpFpm,
    /// Keycloak's log as its console handler writes it in JSON.
    Keycloak,
    Mariadb,
    /// MySQL's error log as its own sink writes it in JSON.
    Mysql,
    /// PostgreSQL's standard error, with our own `log_line_prefix`.
    Postgresql,
}

impl Format {
    pub const ALL: [Self; 9] = [
        Self::Plain,
        Self::Json,
        Self::ApacheAccess,
        Self::ApacheError,
        Self::PhpFpm,
        Self::Keycloak,
        Self::Mariadb,
        Self::Mysql,
        Self::Postgresql,
    ];

    /// As a configuration names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Json => "json",
            Self::ApacheAccess => "apache-access",
            Self::ApacheError => "apache-error",
            Self::PhpFpm => "php-fpm",
            Self::Keycloak => "keycloak",
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
            Self::Postgresql => "postgresql",
        }
    }

    /// `event.dataset`, where the format says it.
    fn dataset(self) -> Option<&'static str> {
        match self {
            Self::Plain | Self::Json => None,
            Self::ApacheAccess => Some("apache.access"),
            Self::ApacheError => Some("apache.error"),
            Self::PhpFpm => Some("php_fpm.error"),
            Self::Keycloak => Some("keycloak.log"),
            Self::Mariadb => Some("mariadb.error"),
            Self::Mysql => Some("mysql.error"),
            Self::Postgresql => Some("postgresql.log"),
        }
    }
}

/// Whose line it is.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub service: &'a str,
    pub dataset: &'a str,
    /// `stdout` or `stderr`.
    pub stream: &'static str,
    pub pid: i32,
}
