//! Where packages come from: `images/flavours/<name>.toml`.

mod check;
mod repository;

use qclock_oci::layer::Compression;
use serde::{Deserialize, Serialize};

pub use repository::{ModuleStream, Repository};

use crate::variables::Variables;

/// The file holds `[[suite]]` tables for repositories of Debian packages, or `[[repository]]` tables for those of RPM packages.
/// Everything behind the lock is the same for both.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flavour {
    pub name: String,
    pub title: String,
    /// Shown wherever the flavour's name is shown: an evaluation flavour says so.
    pub evaluation: bool,
    /// `amd64`, `x86_64`, in the words of the distribution.
    pub architecture: String,
    #[serde(default, rename = "suite")]
    pub suites: Vec<Suite>,
    #[serde(default, rename = "repository")]
    pub repositories: Vec<Repository>,
    /// Address below which the repositories lie, when nobody names another.
    pub mirror: Option<String>,
    /// Enabled module streams of the repositories, `php:8.2`.
    #[serde(default)]
    pub streams: Vec<ModuleStream>,
    /// What the builds of module streams are for, `el9`.
    pub platform: Option<String>,
    /// The images that the flavour has; all that can be made of it where this is not said.
    pub images: Option<Vec<String>>,
    /// What a byte less of an image is worth.  Part of the definition and no option: the same lock gives the same digests.
    #[serde(default)]
    pub compression: Compression,
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
    /// Takes a description whose `Valid-Until` has passed: of a suite that moves, on a mirror that does not.  The lock and
    /// everything made from it say so.
    #[serde(default)]
    pub accept_expired: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Archive {
    Debian,
    DebianSecurity,
}

/// What kind of packages a flavour's are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packaging {
    Deb,
    Rpm,
}

/// Distributions and OCI name architectures differently.
pub fn go_architecture(architecture: &str) -> &str {
    match architecture {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// As `uname -m` has it, and the names of folders for libraries.
pub(crate) fn machine(architecture: &str) -> &str {
    match architecture {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    }
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

    pub fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories.iter().find(|repository| repository.name == name)
    }

    pub fn packaging(&self) -> Packaging {
        if self.repositories.is_empty() {
            Packaging::Deb
        } else {
            Packaging::Rpm
        }
    }

    /// Names of all key files, as often as they are named.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        let of_suites = self.suites.iter().flat_map(|suite| &suite.keys);
        of_suites.chain(self.repositories.iter().flat_map(|repository| &repository.keys))
    }

    /// The variable that names another mirror: `QCLOCK_DEBIAN_MIRROR`, and for `oraclelinux9` `QCLOCK_ORACLELINUX_MIRROR`.
    pub fn mirror_variable(&self) -> String {
        match self.packaging() {
            Packaging::Deb => "QCLOCK_DEBIAN_MIRROR".to_owned(),
            Packaging::Rpm => {
                let line = self.name.trim_end_matches(|last: char| last.is_ascii_digit());
                let line = line.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
                format!("QCLOCK_{}_MIRROR", line.to_ascii_uppercase())
            }
        }
    }
}
