//! Why a file could not be had: every place that was asked, and what came of it.

use std::time::Duration;

use reqwest::{StatusCode, Url};
use thiserror::Error;

use crate::cache::CacheError;
use crate::failure::{Class, Failure};
use crate::mirror::shown;

#[derive(Debug, Error)]
pub enum FetchError {
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
    #[error("cannot set up encryption")]
    Encryption(#[source] rustls::Error),
    #[error("cannot start threads for downloads")]
    Runtime(#[source] std::io::Error),
    #[error("cannot fetch {name}: no address is known")]
    Nowhere { name: String },
    #[error("cannot fetch {name}{}", others(earlier))]
    File {
        name: String,
        /// What came of the places before the last.
        earlier: Vec<Tried>,
        #[source]
        last: Box<Tried>,
    },
}

/// One place and what came of it.
#[derive(Debug, Error)]
#[error("{}: {cause}{}{}", shown(address), deepest(cause), times(*attempts))]
pub struct Tried {
    pub address: Url,
    pub cause: Cause,
    /// How often it was tried.
    pub attempts: u32,
    /// The environment variable that names another mirror.
    pub mirror_variable: Option<String>,
}

#[derive(Debug, Error)]
pub enum Cause {
    #[error("cannot connect")]
    Connect(#[source] reqwest::Error),
    #[error("the transfer broke off")]
    Transfer(#[source] reqwest::Error),
    #[error("too many redirections, or a loop of them")]
    Redirections,
    #[error("no answer within {} s", after.as_secs())]
    Silent { after: Duration },
    #[error("it stalled: no data for {} s", after.as_secs())]
    Stalled { after: Duration },
    #[error("it is slower than {slowest} bytes a second")]
    TooSlow { slowest: u64 },
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("another part came than was asked for ({0})")]
    Range(StatusCode),
    #[error("it is cut off: {received} of {expected} bytes")]
    Truncated { received: u64, expected: u64 },
    #[error("it is longer than {limit} bytes")]
    Longer { limit: u64 },
    #[error("it has {found} bytes, not {expected}")]
    Shorter { found: u64, expected: u64 },
    #[error("expected {kind} {expected}, found {found}")]
    Digest {
        kind: &'static str,
        expected: String,
        found: String,
    },
    #[error("there is no such file")]
    NoFile,
    #[error("cannot read the file")]
    File(#[source] std::io::Error),
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl FetchError {
    pub(super) fn of(name: &str, mut tried: Vec<Tried>) -> Self {
        let name = name.to_owned();
        // What did not verify is the more important to know.
        let foremost = tried
            .iter()
            .position(|tried| tried.cause.class() == Class::Verification)
            .unwrap_or(tried.len().saturating_sub(1));
        if tried.is_empty() {
            return Self::Nowhere { name };
        }
        let last = Box::new(tried.remove(foremost));
        Self::File {
            name,
            earlier: tried,
            last,
        }
    }

    /// Every place was asked, answered, and does not have it.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::File { earlier, last, .. } => earlier.iter().chain([&**last]).all(|tried| tried.cause.is_absent()),
            Self::Nowhere { .. } => true,
            Self::Client(_) | Self::Encryption(_) | Self::Runtime(_) => false,
        }
    }
}

impl Tried {
    /// Something was there, and it was not what was wanted.
    pub(crate) fn is_wrong(&self) -> bool {
        self.cause.class() == Class::Verification
    }
}

impl Cause {
    pub(super) fn request(error: reqwest::Error) -> Self {
        if error.is_redirect() {
            Self::Redirections
        } else if error.is_connect() || error.is_builder() {
            Self::Connect(error.without_url())
        } else {
            Self::Transfer(error.without_url())
        }
    }

    pub(super) fn file(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::NotFound {
            Self::NoFile
        } else {
            Self::File(error)
        }
    }

    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Connect(_)
            | Self::Transfer(_)
            | Self::Silent { .. }
            | Self::Stalled { .. }
            | Self::Truncated { .. }
            | Self::Range(_) => true,
            Self::Status(status) => {
                status.is_server_error()
                    || matches!(*status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
            }
            _ => false,
        }
    }

    fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::NoFile | Self::Status(StatusCode::NOT_FOUND | StatusCode::GONE)
        )
    }

    fn class(&self) -> Class {
        match self {
            Self::Longer { .. } | Self::Shorter { .. } | Self::Digest { .. } => Class::Verification,
            _ => Class::Environment,
        }
    }

    /// What whoever runs the command can do.
    fn hint(&self, variable: Option<&str>) -> Option<String> {
        let or_another = |before: &str| {
            variable
                .map(|variable| format!("{before} with `{variable}`"))
                .unwrap_or_default()
        };
        match self {
            Self::Connect(_) | Self::Silent { .. } | Self::Stalled { .. } | Self::TooSlow { .. } => {
                // apt's own settings count for Debian's archives only.
                let proxy = match variable {
                    Some("QCLOCK_DEBIAN_MIRROR") => "apt's proxy setting",
                    _ => "the proxy in `https_proxy`",
                };
                let other = or_another(", or name another mirror");
                Some(format!(
                    "check the network, {proxy} and, for https, the package `ca-certificates`{other}"
                ))
            }
            Self::Cache(_) => Some("name another folder with `QCLOCK_CACHE_DIR`".to_owned()),
            Self::Longer { .. } | Self::Shorter { .. } | Self::Digest { .. } => {
                let other = or_another("; else name another");
                Some(format!(
                    "try again later: a mirror that is being updated mends itself{other}"
                ))
            }
            Self::Status(StatusCode::NOT_FOUND | StatusCode::GONE) | Self::NoFile => {
                let folder = match variable {
                    Some("QCLOCK_DEBIAN_MIRROR") => {
                        ", and that its address ends in the archive's folder, as in `…/debian`"
                    }
                    _ => "",
                };
                let other = or_another("; name another");
                Some(format!(
                    "see that the mirror is one of this distribution{folder}{other}"
                ))
            }
            Self::Status(
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            ) => {
                let other = or_another(", or name another mirror");
                Some(format!(
                    "the server, or a proxy on the way, wants to know who asks: see its accounts and lists of addresses{other}"
                ))
            }
            Self::Status(_) | Self::Redirections => {
                let other = or_another(", or name another mirror");
                Some(format!("the server is in trouble: try again later{other}"))
            }
            Self::Transfer(_) | Self::Truncated { .. } | Self::Range(_) => {
                let other = or_another("; if that happens each time, name another mirror");
                Some(format!("run it again: what has come is kept{other}"))
            }
            Self::File(_) => None,
        }
    }
}

impl Failure for FetchError {
    fn class(&self) -> Class {
        match self {
            Self::File { last, .. } => last.cause.class(),
            Self::Client(_) | Self::Encryption(_) | Self::Runtime(_) | Self::Nowhere { .. } => Class::Environment,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File { last, .. } => last.cause.hint(last.mirror_variable.as_deref()),
            Self::Client(_) | Self::Encryption(_) | Self::Runtime(_) | Self::Nowhere { .. } => None,
        }
    }
}

fn times(attempts: u32) -> String {
    if attempts > 1 {
        format!(" ({attempts} attempts)")
    } else {
        String::new()
    }
}

fn others(earlier: &[Tried]) -> String {
    let tried: Vec<String> = earlier.iter().map(|tried| format!(" ({tried})")).collect();
    tried.concat()
}

/// The innermost cause says what the layers above only wrap.
fn deepest(cause: &Cause) -> String {
    let mut inner = std::error::Error::source(cause);
    let mut text = String::new();
    while let Some(error) = inner {
        text = format!(": {error}");
        inner = error.source();
    }
    text
}
