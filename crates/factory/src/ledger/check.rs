//! The lock against the ledger.

use thiserror::Error;

use super::{FORMAT, Ledger, Verdict};
use crate::failure::{Class, Failure};
use crate::lockfile::Lockfile;

/// A script that nobody has decided about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    pub package: String,
    pub script: String,
    pub sha256: String,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is not in the ledger.
    New,
    /// The ledger has the verdict on another text.
    Changed,
    /// The ledger says so itself.
    NeedsReview,
    /// The ledger has a verdict without a reason, or without what replaces it.
    Unfounded,
}

/// Why the lock's packages cannot be built with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unreviewed {
    #[error("the ledger has format {found}; this command knows format {FORMAT}")]
    Format { found: u32 },
    #[error("the ledger is of the flavour `{found}`, the lock of `{expected}`")]
    Flavour { expected: String, found: String },
    #[error("{} not been reviewed:{}", count(.doubts.len()), list(.doubts))]
    Scripts { doubts: Vec<Doubt> },
}

impl Failure for Unreviewed {
    fn class(&self) -> Class {
        match self {
            Self::Format { .. } | Self::Flavour { .. } => Class::Usage,
            Self::Scripts { .. } => Class::Answer,
        }
    }

    fn hint(&self) -> Option<String> {
        let Self::Scripts { doubts } = self else { return None };
        doubts.first().map(|doubt| {
            format!(
                "read it with `qclock ledger show {} {:?}`, then `qclock ledger record`",
                doubt.package, doubt.script
            )
        })
    }
}

/// Every script of every locked package must have a verdict, with its reason, on exactly its text.
pub fn check(lock: &Lockfile, ledger: &Ledger) -> Result<(), Unreviewed> {
    if ledger.format != FORMAT {
        return Err(Unreviewed::Format { found: ledger.format });
    }
    if ledger.flavour != lock.flavour {
        return Err(Unreviewed::Flavour {
            expected: lock.flavour.clone(),
            found: ledger.flavour.clone(),
        });
    }
    let mut doubts = Vec::new();
    for package in &lock.packages {
        for (name, sha256) in &package.scripts {
            if let Some(why) = doubt(ledger, &package.name, name, sha256) {
                doubts.push(Doubt {
                    package: package.name.clone(),
                    script: name.clone(),
                    sha256: sha256.clone(),
                    why,
                });
            }
        }
    }
    if doubts.is_empty() {
        Ok(())
    } else {
        Err(Unreviewed::Scripts { doubts })
    }
}

fn doubt(ledger: &Ledger, package: &str, name: &str, sha256: &str) -> Option<Why> {
    let script = ledger.script(package, name, sha256);
    match script {
        None => Some(Why::New),
        Some(script) if script.sha256 != sha256 => Some(Why::Changed),
        Some(script) => match script.verdict {
            Verdict::NeedsReview => Some(Why::NeedsReview),
            _ if script.reason.trim().is_empty() => Some(Why::Unfounded),
            Verdict::ReplacedBy if script.replacement.as_ref().is_none_or(|by| by.trim().is_empty()) => {
                Some(Why::Unfounded)
            }
            Verdict::ReplacedBy | Verdict::NotNeeded => None,
        },
    }
}

impl Why {
    pub fn word(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::NeedsReview => "needs review",
            Self::Unfounded => "has a verdict without a reason",
        }
    }
}

fn count(count: usize) -> String {
    match count {
        1 => "1 script of a package has".to_owned(),
        count => format!("{count} scripts of packages have"),
    }
}

fn list(doubts: &[Doubt]) -> String {
    let lines = doubts
        .iter()
        .map(|doubt| format!("\n`{}` of `{}`: {}", doubt.script, doubt.package, doubt.why.word()));
    lines.collect()
}
