//! `images/<flavour>.lock`: exactly which packages each image is made of, and how that is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The whole lock.  Written deterministically: lists are sorted, nothing depends on the clock or the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lockfile {
    /// Version of this format.
    pub format: u32,
    pub flavour: String,
    pub architecture: String,
    #[serde(default, rename = "suite")]
    pub suites: Vec<LockedSuite>,
    #[serde(default, rename = "image")]
    pub images: Vec<LockedImage>,
    #[serde(default, rename = "package")]
    pub packages: Vec<LockedPackage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSuite {
    pub name: String,
    /// sha256 of the InRelease file, hex.
    pub in_release: String,
    /// `Date` of the InRelease file, RFC 3339 UTC.
    pub date: String,
    /// Fingerprint of the key whose signature was accepted.
    pub signed_by: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedImage {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Names of all packages, the parent's included, sorted.
    pub packages: Vec<String>,
    #[serde(default, rename = "omitted", skip_serializing_if = "Vec::is_empty")]
    pub omissions: Vec<LockedOmission>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedOmission {
    pub name: String,
    pub required_by: Vec<String>,
    pub reason: String,
}

/// A package, listed once however many images hold it.  Sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    pub name: String,
    pub version: String,
    pub architecture: String,
    pub suite: String,
    /// Path below the archive's address.
    pub path: String,
    /// Bytes.
    pub size: u64,
    pub sha256: String,
    pub source: String,
    pub source_version: String,
    /// sha256 of each maintainer script, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scripts: BTreeMap<String, String>,
}
