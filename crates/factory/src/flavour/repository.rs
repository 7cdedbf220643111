//! Repositories of RPM packages, and the module streams that are enabled in them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A repository: the folder above `repodata/`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// As messages and the lock call it, `ol9_appstream`.
    pub name: String,
    /// Below the mirror, `OL9/appstream/@architecture@`.
    pub path: String,
    /// Key files under `images/flavours/keys/`: one of their keys must have signed each package.
    pub keys: Vec<String>,
    /// One of the keys must have signed `repomd.xml` too, in `repomd.xml.asc`.
    #[serde(default)]
    pub signed_metadata: bool,
}

/// A stream of a module.  Written `php:8.2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModuleStream {
    pub module: String,
    pub stream: String,
}

#[derive(Debug, thiserror::Error)]
#[error("`{text}` names no stream of a module: write `module:stream`, as in `php:8.2`")]
pub struct StreamError {
    text: String,
}

impl TryFrom<String> for ModuleStream {
    type Error = StreamError;

    fn try_from(text: String) -> Result<Self, StreamError> {
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "+-._".contains(letter))
        };
        match text.split_once(':') {
            Some((module, stream)) if is_word(module) && is_word(stream) => Ok(Self {
                module: module.to_owned(),
                stream: stream.to_owned(),
            }),
            _ => Err(StreamError { text }),
        }
    }
}

impl From<ModuleStream> for String {
    fn from(stream: ModuleStream) -> Self {
        stream.to_string()
    }
}

impl fmt::Display for ModuleStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.module, self.stream)
    }
}
