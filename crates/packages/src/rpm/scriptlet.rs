//! What a package would have run: scriptlets, and triggers on packages and files.
//!
//! Nothing here runs anything.  Each has a name that tells it from the package's others, and a text that holds all that decides
//! what it does, so that its digest changes whenever that does.

mod read;

use std::fmt::Write as _;

use sha2::Digest as _;

pub use read::scriptlets;

use super::header::HeaderError;

/// Bits of [`Scriptlet::flags`] (rpm's `rpmscriptFlags`).
const EXPAND: u32 = 1;
const QUERY_FORMAT: u32 = 2;
/// Further bits are kept in the text as they are.
const CRITICAL: u32 = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scriptlet {
    /// As a spec file writes it, `post`, `triggerin`, `transfiletriggerpostun`; a second one of the same kind has ` 2` after it.
    pub name: String,
    /// The interpreter and its arguments: `/bin/sh`, `<lua>`, `/sbin/ldconfig`.
    pub program: Vec<String>,
    /// Empty where the program alone is run.
    pub body: String,
    pub flags: u32,
    /// Of a trigger: what sets it off, `glibc-common > 2.1.92` or a path's beginning.
    pub conditions: Vec<String>,
    /// Of a file trigger.
    pub priority: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptletError {
    #[error("the header's scriptlets are unreadable")]
    Header(#[from] HeaderError),
    #[error("the header's {kind}s do not fit together")]
    Trigger { kind: &'static str },
}

impl Scriptlet {
    /// The scriptlet as a spec file would have it.
    pub fn text(&self) -> String {
        let mut text = format!("%{}", self.name);
        if self.flags & EXPAND != 0 {
            text.push_str(" -e");
        }
        if self.flags & QUERY_FORMAT != 0 {
            text.push_str(" -q");
        }
        if self.flags & !(EXPAND | QUERY_FORMAT | CRITICAL) != 0 {
            let _ = write!(text, " flags={:#x}", self.flags);
        }
        if let Some(priority) = self.priority {
            let _ = write!(text, " -P {priority}");
        }
        let _ = write!(text, " -p {}", self.program.join(" "));
        if !self.conditions.is_empty() {
            let _ = write!(text, " -- {}", self.conditions.join(", "));
        }
        text.push('\n');
        text.push_str(&self.body);
        if !self.body.is_empty() && !self.body.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    /// sha256 of the text, lower-case hex.
    pub fn digest(&self) -> String {
        sha2::Sha256::digest(self.text())
            .iter()
            .fold(String::with_capacity(64), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
    }
}
