//! Why a release cannot be had: every place that was asked, and what came of it.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::MavenError;
use crate::cache::CacheError;
use crate::definition::UpstreamArchive;
use crate::failure::{Class, Failure};
use crate::fetch::Tried;

#[derive(Debug, Error)]
pub enum UpstreamError {
    #[error("cannot get the archive `{}` {}{}", archive.name, archive.version, listed(attempts))]
    Nowhere {
        archive: Box<UpstreamArchive>,
        attempts: Vec<Attempt>,
    },
    #[error("`{variable}` names `{}`, which is no path", path.display())]
    File { variable: String, path: PathBuf },
    #[error("the archive `{name}` has no usable sha256")]
    Digest { name: String },
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error("the file of the archive `{name}` changes in the cache while it is read")]
    Unstable { name: String },
}

/// One place that was asked in vain.
#[derive(Debug)]
pub struct Attempt {
    pub outcome: Outcome,
}

#[derive(Debug)]
pub enum Outcome {
    Fetched(Box<Tried>),
    Client(String),
    Maven { coordinate: String, error: MavenError },
}

impl fmt::Display for Attempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Fetched(tried) => tried.fmt(formatter),
            Outcome::Client(text) => formatter.write_str(text),
            Outcome::Maven { coordinate, error } => {
                write!(formatter, "{coordinate} by `mvn`: {error}")?;
                error.source().map_or(Ok(()), |source| write!(formatter, ": {source}"))
            }
        }
    }
}

impl Attempt {
    fn lacks_maven(&self) -> bool {
        let Outcome::Maven { error, .. } = &self.outcome else {
            return false;
        };
        matches!(error, MavenError::Missing)
    }

    /// Something was there, and it was not the archive.
    pub fn is_wrong(&self) -> bool {
        match &self.outcome {
            Outcome::Fetched(tried) => tried.is_wrong(),
            Outcome::Maven { error, .. } => error.is_wrong(),
            Outcome::Client(_) => false,
        }
    }
}

/// Each on a line of its own: there is no one cause.
fn listed(attempts: &[Attempt]) -> String {
    let lines: Vec<String> = attempts.iter().map(|attempt| format!("\n  {attempt}")).collect();
    match lines.len() {
        0 => String::new(),
        _ => format!(":{}", lines.concat()),
    }
}

impl Failure for UpstreamError {
    fn class(&self) -> Class {
        match self {
            // Where nothing but wrong files was found, the network is not to blame.
            Self::Nowhere { attempts, .. } if !attempts.is_empty() && attempts.iter().all(Attempt::is_wrong) => {
                Class::Verification
            }
            Self::Nowhere { .. } | Self::Cache(_) | Self::Unstable { .. } => Class::Environment,
            Self::File { .. } | Self::Digest { .. } => Class::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Nowhere { archive, attempts } => {
                let names: Vec<String> = archive.file_names().iter().map(|name| format!("`{name}`")).collect();
                let of_maven = attempts.iter().any(Attempt::lacks_maven);
                let of_maven = if of_maven {
                    "install Maven (`apt-get install maven`, `dnf install maven`), which asks the repositories of its settings; or "
                } else {
                    ""
                };
                Some(format!(
                    "{of_maven}put the file into `vendor`, as {}, or name it with `{}`; it has {} bytes and the sha256 {}",
                    names.join(" or "),
                    archive.variable(),
                    archive.size,
                    archive.sha256
                ))
            }
            Self::Cache(_) | Self::Unstable { .. } => Some("name another folder with `QCLOCK_CACHE_DIR`".to_owned()),
            Self::File { .. } | Self::Digest { .. } => None,
        }
    }
}
