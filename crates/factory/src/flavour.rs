//! Where packages come from: `images/flavours/<name>.toml`.

use serde::Deserialize;

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
}

/// A Debian suite.  Its address is found at run time (host's apt configuration or environment): never written here.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    pub name: String,
    /// Which archive holds it.
    pub archive: Archive,
    pub components: Vec<String>,
    /// Key files under `images/flavours/keys/` any one of which must have signed the suite.
    pub keys: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Archive {
    Debian,
    DebianSecurity,
}
