//! What the container's variables say about Keycloak.  Secrets come by file alone.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

const URL: &str = "QCLOCK_IDENTITY_URL";
const DASHBOARD_URL: &str = "QCLOCK_DASHBOARD_PUBLIC_URL";
const DATABASE_HOST: &str = "QCLOCK_IDENTITY_DB_HOST";
const DATABASE_PORT: &str = "QCLOCK_IDENTITY_DB_PORT";
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
const LONGEST_VALUE: usize = 1024;
/// The path under which Keycloak is built to serve.
const PATH: &str = "/auth";

#[derive(Debug, Error)]
pub(super) enum SettingsError {
    #[error("`{0}` is not set")]
    Missing(String),
    #[error("`{0}` is set: a secret is given by file")]
    Plain(&'static str),
    #[error("cannot read the file that `{variable}` names, `{}`", path.display())]
    File {
        variable: String,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the file that `{variable}` names, `{}`, is empty", path.display())]
    Empty { variable: String, path: PathBuf },
    #[error("`{0}` is longer than {LONGEST_VALUE} bytes")]
    TooLong(String),
    #[error("`{0}` is not one line of UTF-8 text")]
    NotText(String),
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
            Self::File { .. } => Some("the file must be readable by the container's user (10001)".to_owned()),
            Self::Empty { .. } => Some("`qclock secrets` makes what is missing".to_owned()),
            Self::Short(_) => {
                Some("the realm's password policy refuses it; `qclock secrets` makes longer ones".to_owned())
            }
            _ => None,
        }
    }
}

/// A value that cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
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

#[derive(Clone, Copy)]
pub(super) enum Ask<'a> {
    Variable(&'a str),
    File(&'a Path),
}

/// Answers [`Ask::Variable`] with None when there is none.
pub(super) type Source<'a> = &'a dyn Fn(Ask<'_>) -> io::Result<Option<OsString>>;

pub(super) fn from_process(ask: Ask<'_>) -> io::Result<Option<OsString>> {
    use std::os::unix::ffi::OsStringExt as _;
    match ask {
        Ask::Variable(name) => Ok(std::env::var_os(name)),
        Ask::File(path) => {
            let mut content = Vec::new();
            // One more than is allowed, so that a longer one shows.
            fs_err::File::open(path)?
                .take(LONGEST_VALUE as u64 + 3)
                .read_to_end(&mut content)?;
            Ok(Some(OsString::from_vec(content)))
        }
    }
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
    /// An empty variable is as good as none: that is what `docker compose` makes of one that is not set.
    fn variable(&self, name: &str) -> Result<Option<String>, SettingsError> {
        let value = (self.source)(Ask::Variable(name)).unwrap_or_default();
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let text = value
            .into_string()
            .map_err(|_| SettingsError::NotText(name.to_owned()))?;
        one_line(name, text).map(Some)
    }

    fn secret(&self, name: &'static str) -> Result<Secret, SettingsError> {
        if self.variable(name)?.is_some() {
            return Err(SettingsError::Plain(name));
        }
        let variable = format!("{name}_FILE");
        let path = self.variable(&variable)?;
        let path = PathBuf::from(path.ok_or_else(|| SettingsError::Missing(variable.clone()))?);
        let content = (self.source)(Ask::File(&path)).map_err(|source| SettingsError::File {
            variable: variable.clone(),
            path: path.clone(),
            source,
        })?;
        let text = content.unwrap_or_default().into_string();
        let text = text.map_err(|_| SettingsError::NotText(variable.clone()))?;
        let value = text.trim_end_matches(['\n', '\r']);
        if value.is_empty() {
            return Err(SettingsError::Empty { variable, path });
        }
        one_line(&variable, value.to_owned()).map(Secret)
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
        found.map_err(|source| SettingsError::File {
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

fn one_line(name: &str, value: String) -> Result<String, SettingsError> {
    if value.len() > LONGEST_VALUE {
        return Err(SettingsError::TooLong(name.to_owned()));
    }
    if value.chars().any(char::is_control) {
        return Err(SettingsError::NotText(name.to_owned()));
    }
    Ok(value)
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
pub(super) mod tests {
    use super::*;

    /// The four secrets and the database's password, from files of their names.
    pub(crate) fn read(changes: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variable = |name: &str| {
            let changed = changes.iter().find(|(known, _)| *known == name);
            let given = name.strip_suffix("_FILE").filter(|name| {
                CLIENT_SECRETS
                    .iter()
                    .chain(&FIRST_PASSWORDS)
                    .chain(&[DATABASE_PASSWORD])
                    .any(|known| known == name)
            });
            changed
                .map(|(_, value)| OsString::from(*value))
                .or_else(|| given.map(|name| format!("/run/secrets/{name}").into()))
        };
        Settings::read(&|ask| match ask {
            Ask::Variable(name) => Ok(variable(name)),
            Ask::File(path) => match path.to_str().unwrap() {
                "/gone" => Err(io::ErrorKind::NotFound.into()),
                "/empty" => Ok(Some("\n".into())),
                "/short" => Ok(Some("hunter2".into())),
                "/two-lines" => Ok(Some("a\nb".into())),
                other => Ok(Some(format!("the secret of {other}\n").into())),
            },
        })
    }

    #[test]
    fn without_variables_the_defaults_are_those_of_the_stack() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.url, "http://localhost:8081/auth");
        assert_eq!(settings.dashboard_url, "http://localhost:8080");
        assert_eq!(
            (settings.database.host.as_str(), settings.database.port),
            ("identity-db", 5432)
        );
        assert_eq!((settings.cache, settings.tls), (Cache::Local, None));
    }

    #[test]
    fn a_secret_is_never_printed_and_stands_for_its_name() {
        let settings = read(&[]).unwrap();
        assert!(!format!("{settings:?}").contains("the secret"));
        let secret = "the secret of /run/secrets/QCLOCK_IDENTITY_CLIENT_SECRET";
        assert_eq!(settings.value("QCLOCK_IDENTITY_CLIENT_SECRET"), Some(secret));
        assert_eq!(settings.value("QCLOCK_IDENTITY_DB_PASSWORD"), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let table = [
            (
                "QCLOCK_IDENTITY_DB_PASSWORD_FILE",
                "",
                "`QCLOCK_IDENTITY_DB_PASSWORD_FILE` is not set",
            ),
            (
                "QCLOCK_IDENTITY_DB_PASSWORD",
                "x",
                "`QCLOCK_IDENTITY_DB_PASSWORD` is set: a secret is given by file",
            ),
            (
                "QCLOCK_IDENTITY_REALM_SECRET_FILE",
                "/gone",
                "cannot read the file that `QCLOCK_IDENTITY_REALM_SECRET_FILE` names, `/gone`",
            ),
            (
                "QCLOCK_IDENTITY_REALM_SECRET_FILE",
                "/empty",
                "the file that `QCLOCK_IDENTITY_REALM_SECRET_FILE` names, `/empty`, is empty",
            ),
            (
                "QCLOCK_IDENTITY_REALM_SECRET_FILE",
                "/two-lines",
                "`QCLOCK_IDENTITY_REALM_SECRET_FILE` is not one line of UTF-8 text",
            ),
            (
                "QCLOCK_IDENTITY_ADMIN_PASSWORD_FILE",
                "/short",
                "the password in the file that `QCLOCK_IDENTITY_ADMIN_PASSWORD_FILE` names is shorter than 14 characters",
            ),
            (
                "QCLOCK_IDENTITY_CACHE",
                "redis",
                "`QCLOCK_IDENTITY_CACHE` is `redis`, which is not `local` or `ispn`",
            ),
            (
                "QCLOCK_IDENTITY_DB_PORT",
                "0",
                "`QCLOCK_IDENTITY_DB_PORT` is `0`, which is not a port",
            ),
            (
                "QCLOCK_IDENTITY_DB_HOST",
                "db?socketTimeout=0",
                "`QCLOCK_IDENTITY_DB_HOST` is `db?socketTimeout=0`, which is not the name or the IPv4 address of a host",
            ),
            (
                "QCLOCK_IDENTITY_TLS_KEY_FILE",
                "/run/secrets/key",
                "`QCLOCK_IDENTITY_TLS_KEY_FILE` is set without `QCLOCK_IDENTITY_TLS_CERTIFICATE_FILE`",
            ),
        ];
        for (variable, value, expected) in table {
            assert_eq!(read(&[(variable, value)]).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn addresses_are_taken_as_browsers_will_see_them_and_nothing_else() {
        for good in [
            "https://login.example.org/auth",
            "http://localhost:8081/auth/",
            "https://[2001:db8::1]:8443/auth",
        ] {
            let settings = read(&[("QCLOCK_IDENTITY_URL", good)]).unwrap();
            assert_eq!(settings.url, good.trim_end_matches('/'));
        }
        for wrong in [
            "login.example.org/auth",
            "https://login.example.org",
            "https://login.example.org/auth/x",
            "https:///auth",
            "https://a b/auth",
            "https://user@host/auth",
            "https://host:0/auth",
            "https://host:99999/auth",
            "https://*/auth",
            "https://${X}/auth",
        ] {
            assert!(read(&[("QCLOCK_IDENTITY_URL", wrong)]).is_err(), "{wrong}");
        }
        for wrong in ["http://localhost:8080/x", "http://*", "javascript://x"] {
            assert!(read(&[("QCLOCK_DASHBOARD_PUBLIC_URL", wrong)]).is_err(), "{wrong}");
        }
    }
}
