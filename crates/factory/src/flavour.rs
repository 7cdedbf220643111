//! Where packages come from: `images/flavours/<name>.toml`.

use serde::{Deserialize, Serialize};

use crate::variables::Variables;

/// The file holds `[[suite]]` tables for repositories of Debian packages.  (Repositories of RPM packages will stand beside
/// them in tables of their own; everything behind the lock is the same for both.)
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flavour {
    pub name: String,
    pub title: String,
    /// Shown wherever the flavour's name is shown: an evaluation flavour says so.
    pub evaluation: bool,
    /// `amd64`, in the words of the distribution.
    pub architecture: String,
    #[serde(default, rename = "suite")]
    pub suites: Vec<Suite>,
    /// `@name@` for every image of the flavour; an image's own variables win.
    #[serde(default)]
    pub variables: Variables,
}

/// A Debian suite.  Its address is found at run time (host's apt configuration or environment): never written here.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The code name, `bookworm-updates`, never an alias that moves.
    pub name: String,
    /// Which archive holds it.
    pub archive: Archive,
    pub components: Vec<String>,
    /// Key files under `images/flavours/keys/` any one of which must have signed the suite.
    pub keys: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Archive {
    Debian,
    DebianSecurity,
}

impl Archive {
    /// The folder under which mirrors and the snapshot service keep it.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::DebianSecurity => "debian-security",
        }
    }
}

impl Flavour {
    pub fn suite(&self, name: &str) -> Option<&Suite> {
        self.suites.iter().find(|suite| suite.name == name)
    }

    /// What is wrong with it, as a sentence.
    pub(crate) fn check(&self, file: &str) -> Result<(), String> {
        if self.name != file {
            return Err(format!(
                "the name `{}` is not that of its file, `{file}.toml`",
                self.name
            ));
        }
        if self.suites.is_empty() {
            return Err("the flavour has no `[[suite]]`".to_owned());
        }
        for (position, suite) in self.suites.iter().enumerate() {
            if self.suites[..position].iter().any(|other| other.name == suite.name) {
                return Err(format!("the suite `{}` is declared twice", suite.name));
            }
            if suite.components.is_empty() || suite.keys.is_empty() {
                return Err(format!("the suite `{}` names no component or no key", suite.name));
            }
            let words = suite.components.iter().chain([&suite.name, &self.architecture]);
            if let Some(word) = words.into_iter().find(|word| !is_word(word)) {
                return Err(format!("`{word}` is no name of a suite, component or architecture"));
            }
            if let Some(key) = suite.keys.iter().find(|key| key.contains('/') || key.starts_with('.')) {
                return Err(format!("the key `{key}` is no name of a file in `keys`"));
            }
        }
        Ok(())
    }
}

/// Becomes a part of paths and addresses.
fn is_word(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "+-._".contains(letter))
}
