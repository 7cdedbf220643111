//! `images/<flavour>.ledger.toml`: what a person decided about each script that a package would have run.
//!
//! The factory runs none of them.  So what each would have done is either declared elsewhere, or not needed; and a script that is
//! new or has changed stops the build until somebody has read it.

mod check;
mod file;
mod record;
mod scripts;

use serde::{Deserialize, Serialize};

pub use check::{Doubt, Unreviewed, Why, check};
pub use file::{load, path};
pub use record::{Judgement, RecordError};
pub(crate) use scripts::scriptlet_name;
pub use scripts::{ScriptsError, scripts};

/// The version of the format that is written and read.
pub const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Version of this format, [`FORMAT`].
    pub format: u32,
    pub flavour: String,
    /// Sorted by their first package, then by name.
    #[serde(default, rename = "script")]
    pub scripts: Vec<Script>,
}

/// A script, which several packages may have word for word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Sorted.
    pub packages: Vec<String>,
    /// As the lock names it: `postinst`, `%post`, …
    pub name: String,
    pub sha256: String,
    pub verdict: Verdict,
    /// What does the same: which part of which definition.  Of `replaced-by` alone.
    #[serde(default, rename = "by", skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// What the script does, and why that is the verdict.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A definition declares what the script would do.
    ReplacedBy,
    /// An image goes without what the script would do.
    NotNeeded,
    /// Nobody has read it yet.
    NeedsReview,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Self::ReplacedBy => "replaced-by",
            Self::NotNeeded => "not-needed",
            Self::NeedsReview => "needs-review",
        }
    }
}

impl Ledger {
    pub fn new(flavour: &str) -> Self {
        Self {
            format: FORMAT,
            flavour: flavour.to_owned(),
            scripts: Vec::new(),
        }
    }

    /// The entry of a package's script: that of its very text, else one of another.
    pub fn script(&self, package: &str, name: &str, sha256: &str) -> Option<&Script> {
        let is_it = |script: &&Script| script.name == name && script.packages.iter().any(|other| other == package);
        let very = self.scripts.iter().filter(is_it).find(|script| script.sha256 == sha256);
        very.or_else(|| self.scripts.iter().find(is_it))
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let body = toml::to_string_pretty(self).expect("a ledger holds nothing that TOML cannot express");
        format!(
            "# What becomes of the scripts that packages bring: none is run when an image is built.\n\
             # `qclock ledger show PACKAGE` prints a script, `qclock ledger record` writes a verdict.\n{body}"
        )
    }
}

#[cfg(test)]
mod tests;
