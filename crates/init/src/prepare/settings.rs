//! What the container's variables say about Keycloak.  Secrets come by file alone.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::secret::Secret;
use crate::variables::{Ask, Source, VariableError, secret, variable};

const URL: &str = "QCLOCK_IDENTITY_URL";
const DASHBOARD_URL: &str = "QCLOCK_DASHBOARD_PUBLIC_URL";
const DATABASE_HOST: &str = "QCLOCK_IDENTITY_DB_HOST";
const DATABASE_PORT: &str = "QCLOCK_IDENTITY_DB_PORT";
const DATABASE_TIMEOUT: &str = "QCLOCK_IDENTITY_DB_TIMEOUT_SECONDS";
const DATABASE_PASSWORD: &str = "QCLOCK_IDENTITY_DB_PASSWORD";
const CACHE: &str = "QCLOCK_IDENTITY_CACHE";
const PEERS: &str = "QCLOCK_IDENTITY_PEERS";
const CERTIFICATE: &str = "QCLOCK_IDENTITY_TLS_CERTIFICATE_FILE";
const KEY: &str = "QCLOCK_IDENTITY_TLS_KEY_FILE";
/// Secrets of the realms, under the names that stand for them in the realms' files.
const CLIENT_SECRETS: [&str; 3] = [
    "QCLOCK_IDENTITY_APP_SECRET",
    "QCLOCK_IDENTITY_CLIENT_SECRET",
    "QCLOCK_IDENTITY_REALM_SECRET",
];
const FIRST_PASSWORDS: [&str; 2] = ["QCLOCK_IDENTITY_ADMIN_PASSWORD", "QCLOCK_IDENTITY_CONSOLE_PASSWORD"];
/// The realms' own policies demand it, and Keycloak ends without saying of whose password it speaks.
const SHORTEST_PASSWORD: usize = 14;
/// Seconds.  A statement that changes a large table, at the first start of a newer Keycloak, is silent for longer than any other.
const DEFAULT_TIMEOUT: u32 = 15;
const TIMEOUTS: RangeInclusive<u32> = 5..=3600;
/// The path under which Keycloak is built to serve.
const PATH: &str = "/auth";

#[derive(Debug, Error)]
pub(super) enum SettingsError {
    #[error("`{0}` is not set")]
    Missing(String),
    #[error("`{0}` is set: a secret is given by file")]
    Plain(&'static str),
    #[error(transparent)]
    Variable(#[from] VariableError),
    #[error("the password in the file that `{0}` names is shorter than {SHORTEST_PASSWORD} characters")]
    Short(String),
    #[error("`{variable}` is `{value}`, which is not {expected}")]
    Value {
        variable: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error("`{present}` is set without `{missing}`")]
    Alone {
        present: &'static str,
        missing: &'static str,
    },
}

impl SettingsError {
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Missing(name) if name.ends_with("_FILE") => Some(format!(
                "mount a secret and set `{name}` to its path; `qclock secrets` makes them"
            )),
            Self::Plain(name) => Some(format!("put it into a file and set `{name}_FILE` to its path")),
            Self::Variable(error) => error.hint(),
            Self::Short(_) => {
                Some("the realm's password policy refuses it; `qclock secrets` makes longer ones".to_owned())
            }
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Settings {
    /// Where browsers find it, without a final slash: `http://localhost:8081/auth`.
    pub(super) url: String,
    /// Of the dashboard: `http://localhost:8080`.
    pub(super) dashboard_url: String,
    pub(super) database: Database,
    pub(super) cache: Cache,
    pub(super) tls: Option<Tls>,
    secrets: Vec<(&'static str, Secret)>,
}

#[derive(Debug)]
pub(super) struct Database {
    pub(super) host: String,
    pub(super) port: u16,
    /// Seconds until a connection that says nothing is given up, so that a frozen database cannot hang a request, or a probe, for ever.
    pub(super) timeout: u32,
    pub(super) password: Secret,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cache {
    Local,
    /// Shared with the other containers that this name stands for.
    Distributed {
        peers: String,
    },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Settings {
    pub(super) fn read(source: Source<'_>) -> Result<Self, SettingsError> {
        let reader = Reader { source };
        let url = reader.url(URL, "http://localhost:8081/auth", Some(PATH))?;
        let dashboard_url = reader.url(DASHBOARD_URL, "http://localhost:8080", None)?;
        let mut secrets = Vec::new();
        for name in CLIENT_SECRETS.into_iter().chain(FIRST_PASSWORDS) {
            secrets.push((name, reader.secret(name)?));
        }
        for (name, secret) in &secrets {
            if FIRST_PASSWORDS.contains(name) && secret.expose().chars().count() < SHORTEST_PASSWORD {
                return Err(SettingsError::Short(format!("{name}_FILE")));
            }
        }
        Ok(Self {
            url,
            dashboard_url,
            database: Database {
                host: reader.host(DATABASE_HOST, "identity-db")?,
                port: reader.port(DATABASE_PORT, 5432)?,
                timeout: reader.timeout()?,
                password: reader.secret(DATABASE_PASSWORD)?,
            },
            cache: reader.cache()?,
            tls: reader.tls()?,
            secrets,
        })
    }

    /// What stands for `${NAME}` in a realm's file.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        match name {
            URL => Some(&self.url),
            DASHBOARD_URL => Some(&self.dashboard_url),
            _ => {
                let secret = self.secrets.iter().find(|(known, _)| *known == name);
                secret.map(|(_, secret)| secret.expose())
            }
        }
    }
}

struct Reader<'a> {
    source: Source<'a>,
}

impl Reader<'_> {
    fn variable(&self, name: &str) -> Result<Option<String>, SettingsError> {
        Ok(variable(self.source, name)?)
    }

    fn secret(&self, name: &'static str) -> Result<Secret, SettingsError> {
        if self.variable(name)?.is_some() {
            return Err(SettingsError::Plain(name));
        }
        let by_file = format!("{name}_FILE");
        secret(self.source, &by_file)?.ok_or(SettingsError::Missing(by_file))
    }

    /// `scheme://host[:port]` and exactly this path; without it a final slash is taken off.
    fn url(&self, name: &'static str, default: &str, path: Option<&str>) -> Result<String, SettingsError> {
        let value = self.variable(name)?.unwrap_or_else(|| default.to_owned());
        let expected = match path {
            Some(_) => "http:// or https://, a host, perhaps a port, and the path /auth",
            None => "http:// or https://, a host and perhaps a port",
        };
        let trimmed = value.trim_end_matches('/');
        let authority = trimmed
            .strip_prefix("https://")
            .or_else(|| trimmed.strip_prefix("http://"))
            .and_then(|rest| path.map_or(Some(rest), |path| rest.strip_suffix(path)));
        if authority.is_some_and(is_authority) {
            return Ok(trimmed.to_owned());
        }
        Err(SettingsError::Value {
            variable: name,
            value,
            expected,
        })
    }

    fn host(&self, name: &'static str, default: &str) -> Result<String, SettingsError> {
        let value = self.variable(name)?.unwrap_or_else(|| default.to_owned());
        if is_host(&value) {
            return Ok(value);
        }
        Err(SettingsError::Value {
            variable: name,
            value,
            expected: "the name or the IPv4 address of a host",
        })
    }

    fn port(&self, name: &'static str, default: u16) -> Result<u16, SettingsError> {
        let Some(value) = self.variable(name)? else {
            return Ok(default);
        };
        value.parse().ok().filter(|port| *port > 0).ok_or(SettingsError::Value {
            variable: name,
            value,
            expected: "a port",
        })
    }

    fn timeout(&self) -> Result<u32, SettingsError> {
        let Some(value) = self.variable(DATABASE_TIMEOUT)? else {
            return Ok(DEFAULT_TIMEOUT);
        };
        let number = value.parse().ok();
        number
            .filter(|seconds| TIMEOUTS.contains(seconds))
            .ok_or(SettingsError::Value {
                variable: DATABASE_TIMEOUT,
                value,
                expected: "a number of seconds from 5 to 3600",
            })
    }

    fn cache(&self) -> Result<Cache, SettingsError> {
        match self.variable(CACHE)?.as_deref() {
            None | Some("local") => Ok(Cache::Local),
            Some("ispn") => Ok(Cache::Distributed {
                peers: self.host(PEERS, "identity")?,
            }),
            Some(value) => Err(SettingsError::Value {
                variable: CACHE,
                value: value.to_owned(),
                expected: "`local` or `ispn`",
            }),
        }
    }

    fn tls(&self) -> Result<Option<Tls>, SettingsError> {
        match (self.path(CERTIFICATE)?, self.path(KEY)?) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(Tls { certificate, key })),
            (Some(_), None) => Err(alone(CERTIFICATE, KEY)),
            (None, Some(_)) => Err(alone(KEY, CERTIFICATE)),
        }
    }

    /// Of a file that is there.
    fn path(&self, name: &'static str) -> Result<Option<String>, SettingsError> {
        let Some(value) = self.variable(name)? else {
            return Ok(None);
        };
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-".contains(letter);
        if !value.starts_with('/') || !value.chars().all(plain) {
            return Err(SettingsError::Value {
                variable: name,
                value,
                expected: "an absolute path of letters, digits, `.`, `-` and `_`",
            });
        }
        let found = (self.source)(Ask::File(Path::new(&value)));
        found.map_err(|source| VariableError::File {
            variable: name.to_owned(),
            path: PathBuf::from(&value),
            source,
        })?;
        Ok(Some(value))
    }
}

fn alone(present: &'static str, missing: &'static str) -> SettingsError {
    SettingsError::Alone { present, missing }
}

/// `localhost`, `login.example.org:8443`, `[2001:db8::1]:8081`.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host_is_good = address.map_or_else(|| is_host(host), |it| it.parse::<std::net::Ipv6Addr>().is_ok());
    host_is_good && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn is_host(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    !text.is_empty()
        && text.len() <= 253
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(plain)
}

#[cfg(test)]
pub(super) mod tests;
