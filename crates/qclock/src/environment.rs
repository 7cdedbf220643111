//! Every environment variable that this command reads, apart from `QCLOCK_FLAVOUR` and `QCLOCK_SECRETS_DIR`, which are options' defaults.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Shown after each command's help.
pub(crate) const HELP: &str = "\
Environment:
  QCLOCK_FLAVOUR                 default of --flavour
  QCLOCK_DEBIAN_MIRROR           address or folder of a Debian archive, instead of what apt uses
  QCLOCK_DEBIAN_SECURITY_MIRROR  of the security archive; by default `debian-security` beside it
  QCLOCK_ORACLELINUX_MIRROR      address or folder below which Oracle Linux's repositories lie, instead of the flavour's
  QCLOCK_DEBIAN_SNAPSHOT         address of a snapshot service, for packages the mirror has dropped
  QCLOCK_ARCHIVE_<NAME>          file of the `[[archive]]` of that name, instead of fetching it
  QCLOCK_CACHE_DIR               the cache; by default $XDG_CACHE_HOME/qclock or ~/.cache/qclock
  QCLOCK_NETWORK_TIMEOUT         seconds to wait for a silent server; by default 20
  QCLOCK_SECRETS_DIR             default of --folder of `qclock secrets`
  SOURCE_DATE_EPOCH              time stamp of what is built; by default the newest package's
  DOCKER_HOST                    Docker's socket, unix:///…
  http_proxy, https_proxy, no_proxy
                                 used where apt's configuration names no proxy
  NO_COLOR                       no colours";

#[derive(Debug, Default)]
pub(crate) struct Environment {
    pub debian_mirror: Option<String>,
    pub debian_security_mirror: Option<String>,
    pub debian_snapshot: Option<String>,
    pub cache: Option<PathBuf>,
    pub network_timeout: Option<Duration>,
    pub source_date_epoch: Option<u64>,
    pub docker_socket: String,
    pub http_proxy: Option<String>,
    pub https_proxy: Option<String>,
    pub no_proxy: Option<String>,
}

/// A variable whose value cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` is `{value}`, which is not {expected}")]
pub(crate) struct EnvironmentError {
    name: &'static str,
    value: String,
    expected: &'static str,
}

impl qclock_factory::failure::Failure for EnvironmentError {
    fn class(&self) -> qclock_factory::failure::Class {
        qclock_factory::failure::Class::Usage
    }
}

impl Environment {
    pub(crate) fn read() -> Result<Self, EnvironmentError> {
        Ok(Self {
            debian_mirror: text("QCLOCK_DEBIAN_MIRROR"),
            debian_security_mirror: text("QCLOCK_DEBIAN_SECURITY_MIRROR"),
            debian_snapshot: text("QCLOCK_DEBIAN_SNAPSHOT"),
            cache: cache_folder(),
            network_timeout: number("QCLOCK_NETWORK_TIMEOUT")?.map(Duration::from_secs),
            source_date_epoch: number("SOURCE_DATE_EPOCH")?,
            docker_socket: docker_socket()?,
            http_proxy: text("http_proxy"),
            https_proxy: text("https_proxy").or_else(|| text("HTTPS_PROXY")),
            no_proxy: text("no_proxy").or_else(|| text("NO_PROXY")),
        })
    }
}

/// Where a flavour's repositories are, by the variable that is named after it.
pub(crate) fn mirror(name: &str) -> Option<String> {
    text(name)
}

/// A file that a variable names.
pub(crate) fn file(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn text(name: &str) -> Option<String> {
    variable(name).map(|value| value.to_string_lossy().into_owned())
}

fn number(name: &'static str) -> Result<Option<u64>, EnvironmentError> {
    let Some(value) = text(name) else {
        return Ok(None);
    };
    match value.parse() {
        Ok(number) if number > 0 || name == "SOURCE_DATE_EPOCH" => Ok(Some(number)),
        _ => Err(EnvironmentError {
            name,
            value,
            expected: "a whole number of seconds",
        }),
    }
}

/// XDG Base Directory Specification: a path that is not absolute is as good as none.
fn cache_folder() -> Option<PathBuf> {
    let under = |name: &str, path: &str| {
        variable(name)
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(path))
    };
    variable("QCLOCK_CACHE_DIR")
        .map(PathBuf::from)
        .or_else(|| under("XDG_CACHE_HOME", "qclock"))
        .or_else(|| under("HOME", ".cache/qclock"))
}

fn docker_socket() -> Result<String, EnvironmentError> {
    let Some(value) = text("DOCKER_HOST") else {
        return Ok("/var/run/docker.sock".to_owned());
    };
    match value.strip_prefix("unix://") {
        Some(path) => Ok(path.to_owned()),
        None => Err(EnvironmentError {
            name: "DOCKER_HOST",
            value,
            expected: "the address of a local socket, unix:///…",
        }),
    }
}
