//! The dashboard's configuration, from environment variables.  Each has a default that fits the stack; all faults are told at once.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use qclock_probe::endpoint::{Endpoint, EndpointError};
use thiserror::Error;

use crate::check::Check;
use crate::configuration::identity::Identity;
use crate::configuration::reader::Reader;

mod identity;
mod reader;

pub use identity::{IdentityDatabase, IdentityService, StatusAccess};

const LISTEN: &str = "QCLOCK_DASHBOARD_LISTEN";
const APP_STATUS_URL: &str = "QCLOCK_APP_STATUS_URL";
const DB_HOST: &str = "QCLOCK_DB_HOST";
const DB_PORT: &str = "QCLOCK_DB_PORT";
const MONITOR_USER: &str = "QCLOCK_MONITOR_USER";
const MONITOR_PASSWORD_FILE: &str = "QCLOCK_MONITOR_PASSWORD_FILE";
const INTERVAL: &str = "QCLOCK_DASHBOARD_INTERVAL_MS";
const TIMEOUT: &str = "QCLOCK_DASHBOARD_TIMEOUT_MS";
const EVENT_CLIENTS: &str = "QCLOCK_DASHBOARD_EVENT_CLIENTS";
const FPM_MAX_CHILDREN: &str = "QCLOCK_DASHBOARD_FPM_MAX_CHILDREN";
const MAINTENANCE: &str = "QCLOCK_DASHBOARD_MAINTENANCE";
const IMAGE_RECORD: &str = "QCLOCK_DASHBOARD_IMAGE_RECORD";

/// The names that are meant for the dashboard alone.
const OWN: [&str; 7] = [
    LISTEN,
    INTERVAL,
    TIMEOUT,
    EVENT_CLIENTS,
    FPM_MAX_CHILDREN,
    MAINTENANCE,
    IMAGE_RECORD,
];

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Where the dashboard listens.
    pub listen: SocketAddr,
    /// Where the application's status listener is.
    pub app_status: Endpoint,
    /// The database.
    pub database: Database,
    /// From the beginning of one look at a service to the beginning of the next.
    pub interval: Duration,
    /// The time that a service has to answer.
    pub timeout: Duration,
    /// The most event streams at once.
    pub event_clients: usize,
    /// The most workers of the pool; with `pm = static` the pool tells it itself.
    pub fpm_max_children: Option<u64>,
    /// The checks whose services are in maintenance.
    pub maintenance: BTreeSet<Check>,
    /// The record of the image that this runs in.
    pub image_record: PathBuf,
    /// Signing in, its provider and its database.
    pub identity: Identity,
}

/// Where the database is and as whom it is visited.  The password is read at each visit, so it may be changed while this runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Database {
    /// A name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The monitoring account.
    pub user: String,
    /// The file with its password.
    pub password_file: PathBuf,
}

/// What is wrong with one variable.
#[derive(Debug, Error)]
pub enum Fault {
    /// Not Unicode.
    #[error("`{0}` is not valid UTF-8")]
    NotUnicode(&'static str),
    /// A URL that is not one.
    #[error("`{name}` has no usable address")]
    Endpoint {
        /// The variable.
        name: &'static str,
        /// What is wrong.
        #[source]
        source: EndpointError,
    },
    /// Some other value that cannot be used.
    #[error("`{name}` is `{value}`, wanted {wanted}")]
    Value {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        wanted: String,
    },
    /// A variable that nobody reads.
    #[error("`{name}` is not a setting of the dashboard{}", suggestion.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default())]
    Unknown {
        /// The variable.
        name: String,
        /// The nearest that there is.
        suggestion: Option<&'static str>,
    },
}

impl Configuration {
    /// Reads the variables; an empty one counts as not set.
    pub fn from_environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, Vec<Fault>> {
        let variables = variables.into_iter().filter(|(_, value)| !value.is_empty());
        let variables = variables
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .collect();
        let mut reader = Reader {
            variables,
            faults: Vec::new(),
        };
        let configuration = reader.read();
        reader.find_unknown(&[OWN.as_slice(), identity::OWN.as_slice()].concat());
        if reader.faults.is_empty() {
            Ok(configuration)
        } else {
            Err(reader.faults)
        }
    }

    /// The checks that are made: those of services that are there.
    pub fn checks(&self) -> BTreeSet<Check> {
        let there = |check: &Check| match check {
            Check::Identity => self.identity.service.is_some(),
            Check::IdentityDb => self.identity.database.is_some(),
            _ => true,
        };
        Check::ALL.into_iter().filter(there).collect()
    }

    /// After this long an observation is not believed any more.
    pub fn stale_after(&self) -> Duration {
        (self.interval * 4).max(Duration::from_secs(10))
    }
}

impl Reader {
    fn read(&mut self) -> Configuration {
        let milliseconds = |least, most| move |number: &u64| (least..=most).contains(number);
        let interval = self.number(
            INTERVAL,
            2000,
            milliseconds(500, 60_000),
            "milliseconds from 500 to 60000",
        );
        let timeout = self.number(
            TIMEOUT,
            1500,
            milliseconds(100, 30_000),
            "milliseconds from 100 to 30000",
        );
        Configuration {
            listen: self
                .parse(LISTEN, "an address and a port, such as 0.0.0.0:8082")
                .unwrap_or(([0, 0, 0, 0], 8082).into()),
            app_status: self.endpoint(APP_STATUS_URL, "app", 8090),
            database: Database {
                host: self.text(DB_HOST).unwrap_or_else(|| "db".to_owned()),
                port: self.number(DB_PORT, 3306, |port| *port > 0, "a port"),
                user: self.text(MONITOR_USER).unwrap_or_else(|| "qclock_monitor".to_owned()),
                password_file: self
                    .text(MONITOR_PASSWORD_FILE)
                    .unwrap_or_else(|| "/run/secrets/db_monitor_password".to_owned())
                    .into(),
            },
            interval: Duration::from_millis(interval),
            timeout: Duration::from_millis(timeout),
            event_clients: self.number(
                EVENT_CLIENTS,
                128,
                |count| (1..=10_000).contains(count),
                "a number from 1 to 10000",
            ),
            fpm_max_children: self.parse(FPM_MAX_CHILDREN, "a number of workers"),
            maintenance: self.maintenance(),
            image_record: self
                .text(IMAGE_RECORD)
                .unwrap_or_else(|| "/etc/qclock/image.json".to_owned())
                .into(),
            identity: Identity::read(self),
        }
    }

    fn maintenance(&mut self) -> BTreeSet<Check> {
        let text = self.text(MAINTENANCE).unwrap_or_default();
        let mut checks = BTreeSet::new();
        for id in text.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            match Check::from_id(id) {
                Some(check) => drop(checks.insert(check)),
                None if id == "all" => checks.extend(Check::ALL),
                None => {
                    let wanted = format!("`all` or a list of {}", Check::ALL.map(Check::id).join(", "));
                    self.faults.push(Fault::Value {
                        name: MAINTENANCE,
                        value: id.to_owned(),
                        wanted,
                    });
                }
            }
        }
        checks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Configuration, Vec<String>> {
        let variables = variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Configuration::from_environment(variables).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn nothing_needs_to_be_set() {
        let configuration = read(&[
            ("QCLOCK_DB_HOST", ""),
            ("PATH", "/usr/bin"),
            ("QCLOCK_DASHBOARD_URL", "http://x"),
        ])
        .unwrap();
        assert_eq!(configuration.listen, ([0, 0, 0, 0], 8082).into());
        assert_eq!(
            configuration.app_status,
            Endpoint {
                host: "app".to_owned(),
                port: 8090
            }
        );
        assert_eq!(
            (configuration.database.host.as_str(), configuration.database.port),
            ("db", 3306)
        );
        assert!(configuration.timeout < configuration.interval && configuration.timeout <= Duration::from_millis(1500));
        assert_eq!(configuration.stale_after(), Duration::from_secs(10));
    }

    #[test]
    fn everything_can_be_set() {
        let configuration = read(&[
            ("QCLOCK_DASHBOARD_LISTEN", "127.0.0.1:0"),
            ("QCLOCK_APP_STATUS_URL", "http://10.0.0.2:81"),
            ("QCLOCK_DB_PORT", "3307"),
            ("QCLOCK_DASHBOARD_MAINTENANCE", "database, php-mysqli"),
            ("QCLOCK_DASHBOARD_FPM_MAX_CHILDREN", "12"),
        ])
        .unwrap();
        assert_eq!(
            configuration.maintenance,
            BTreeSet::from([Check::PhpMysqli, Check::Database])
        );
        assert_eq!(
            (configuration.database.port, configuration.fpm_max_children),
            (3307, Some(12))
        );
        assert_eq!(
            read(&[("QCLOCK_DASHBOARD_MAINTENANCE", "all")])
                .unwrap()
                .maintenance
                .len(),
            Check::ALL.len()
        );
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let faults = read(&[
            ("QCLOCK_DASHBOARD_LISTEN", "8082"),
            ("QCLOCK_APP_STATUS_URL", "https://app"),
            ("QCLOCK_DB_PORT", "0"),
            ("QCLOCK_DASHBOARD_INTERVAL_MS", "soon"),
            ("QCLOCK_DASHBOARD_MAINTENANCE", "mail"),
            ("QCLOCK_DASHBOARD_INTERVALL_MS", "2000"),
            ("QCLOCK_DASHBOARD_COLOUR", "blue"),
        ])
        .unwrap_err();
        insta::assert_snapshot!(faults.join("\n"), @r"
        `QCLOCK_DASHBOARD_INTERVAL_MS` is `soon`, wanted milliseconds from 500 to 60000
        `QCLOCK_DASHBOARD_LISTEN` is `8082`, wanted an address and a port, such as 0.0.0.0:8082
        `QCLOCK_APP_STATUS_URL` has no usable address
        `QCLOCK_DB_PORT` is `0`, wanted a port
        `QCLOCK_DASHBOARD_MAINTENANCE` is `mail`, wanted `all` or a list of apache, php-fpm, php, php-extensions, php-pdo-mysql, php-mysqli, database, identity, identity-db
        `QCLOCK_DASHBOARD_COLOUR` is not a setting of the dashboard
        `QCLOCK_DASHBOARD_INTERVALL_MS` is not a setting of the dashboard, did you mean `QCLOCK_DASHBOARD_INTERVAL_MS`?
        ");
    }
}
