//! `images/<flavour>.lock`: exactly which packages each image is made of, and how that is known.

mod changes;
mod matching;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use changes::{Change, changes};
pub use matching::LockMismatch;
pub(crate) use matching::effective_omissions;

use crate::definition::Definition;
use crate::flavour::{Archive, ModuleStream};

/// The version of the format that is written and read.
pub const FORMAT: u32 = 1;

/// The whole lock.  Written deterministically: lists are sorted, nothing depends on the clock or the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lockfile {
    /// Version of this format, [`FORMAT`].
    pub format: u32,
    pub flavour: String,
    pub architecture: String,
    /// Platform of the module streams: of RPM flavours, `el9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Enabled module streams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<ModuleStream>,
    /// In the flavour's order.
    #[serde(default, rename = "suite", skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<LockedSuite>,
    /// In the flavour's order.
    #[serde(default, rename = "repository", skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<LockedRepository>,
    /// Parents before children.
    #[serde(default, rename = "image")]
    pub images: Vec<LockedImage>,
    /// Sorted by name.
    #[serde(default, rename = "package")]
    pub packages: Vec<LockedPackage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSuite {
    pub name: String,
    pub archive: Archive,
    pub components: Vec<String>,
    /// sha256 of the InRelease file, hex.
    pub in_release: String,
    /// `Date` of the InRelease file, RFC 3339 UTC.
    pub date: String,
    /// Fingerprint of the key whose signature was accepted.
    pub signed_by: String,
    /// `Valid-Until` of the InRelease file, RFC 3339 UTC, where it had passed and the flavour accepts that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedRepository {
    pub name: String,
    /// Below the mirror.
    pub path: String,
    /// sha256 of `repomd.xml`, hex.
    pub repomd: String,
    /// Its own count, mostly the time when it was made in seconds since 1970.
    pub revision: String,
    /// When it was made, RFC 3339 UTC, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Fingerprint of the key that signed `repomd.xml`, where the flavour demands that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedImage {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// What the definition asks for, sorted.
    pub install: Vec<String>,
    /// Names of all packages, the parent's included, sorted.
    pub packages: Vec<String>,
    /// What this image's own packages ask for in vain; what its parent's do is said there.  Sorted by name.
    #[serde(default, rename = "omitted", skip_serializing_if = "Vec::is_empty")]
    pub omissions: Vec<LockedOmission>,
    /// Releases that are no packages, this image's own, in the definition's order.
    #[serde(default, rename = "archive", skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<LockedArchive>,
}

/// A release that a definition pins itself: what the lock says of it is what was decided there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedArchive {
    pub name: String,
    pub version: String,
    /// Bytes.
    pub size: u64,
    pub sha256: String,
}

impl LockedArchive {
    pub(crate) fn all_of(image: &Definition) -> Vec<Self> {
        let archives = image.archives.iter().map(|archive| Self {
            name: archive.name.clone(),
            version: archive.version.clone(),
            size: archive.size,
            sha256: archive.sha256.clone(),
        });
        archives.collect()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedOmission {
    pub name: String,
    /// Packages that asked for it, sorted.
    pub required_by: Vec<String>,
    pub reason: String,
}

/// A package, listed once however many images hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    pub name: String,
    pub version: String,
    pub architecture: String,
    /// Where it comes from, if that is a suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// Where it comes from, if that is a repository of RPM packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Path below the archive's, or the repository's, address.
    pub path: String,
    /// Bytes.
    pub size: u64,
    pub sha256: String,
    /// Fingerprint of the key that vouches for the package: for Debian the one that signed its suite, for RPM the one that signed it.
    pub signed_by: String,
    /// When the package itself was signed, RFC 3339 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_at: Option<String>,
    /// The source package's name, and its version.
    pub source: String,
    pub source_version: String,
    /// sha256 of each script that the package would have run, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scripts: BTreeMap<String, String>,
}

impl LockedPackage {
    /// The suite or the repository.
    pub fn origin(&self) -> &str {
        self.suite.as_deref().or(self.repository.as_deref()).unwrap_or_default()
    }
}

impl Lockfile {
    pub fn image(&self, name: &str) -> Option<&LockedImage> {
        self.images.iter().find(|image| image.name == name)
    }

    pub fn package(&self, name: &str) -> Option<&LockedPackage> {
        let found = self
            .packages
            .binary_search_by(|package| package.name.as_str().cmp(name));
        found.ok().map(|position| &self.packages[position])
    }

    pub fn suite(&self, name: &str) -> Option<&LockedSuite> {
        self.suites.iter().find(|suite| suite.name == name)
    }

    pub fn repository(&self, name: &str) -> Option<&LockedRepository> {
        self.repositories.iter().find(|repository| repository.name == name)
    }

    /// Name and version of everything that images are made of: packages, then archives.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        let packages = self.packages.iter().map(|it| (it.name.as_str(), it.version.as_str()));
        let archives = self.images.iter().flat_map(|image| &image.archives);
        packages.chain(archives.map(|it| (it.name.as_str(), it.version.as_str())))
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        let body = toml::to_string_pretty(self).expect("a lock holds nothing that TOML cannot express");
        format!("# Written by `qclock lock`: exactly what the images are made of.  Not to be edited by hand.\n{body}")
    }
}
