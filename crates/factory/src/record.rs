//! `/etc/qclock/image.json`: what an image says of itself.

use qclock_oci::Digest;
use qclock_oci::tree::Tree;
use serde::{Deserialize, Serialize};

use crate::definition::{Definition, UpstreamArchive};
use crate::lockfile::{LockedPackage, Lockfile};

/// Where it lies in every image.
pub const PATH: &str = "etc/qclock/image.json";
const SCHEMA: &str = "qclock.image/1";

#[derive(Debug, Serialize)]
pub struct Record<'a> {
    pub schema: &'static str,
    pub name: String,
    pub version: &'a str,
    pub flavour: &'a str,
    pub evaluation: bool,
    /// Digest of what the lock says of this image; see [`lock_digest`].
    pub lock: Digest,
    /// RFC 3339.
    pub created: &'a str,
    pub parent: Option<String>,
    /// Suites whose description had expired when the lock was made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expired_suites: Vec<RecordedExpiry<'a>>,
    pub binaries: Vec<RecordedBinary<'a>>,
    pub packages: Vec<RecordedPackage<'a>>,
    /// Releases that are no packages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<RecordedArchive<'a>>,
    /// What packages wanted files to be allowed that their user may not.  No image of ours grants it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped_capabilities: Vec<DroppedCapability>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DroppedCapability {
    pub path: String,
    pub package: String,
    /// `cap_sys_nice=ep`, in the form of `cap_from_text(3)`.
    pub capabilities: String,
}

#[derive(Debug, Serialize)]
pub struct RecordedExpiry<'a> {
    pub name: &'a str,
    /// RFC 3339 UTC.
    pub valid_until: &'a str,
}

impl<'a> RecordedExpiry<'a> {
    pub fn all_of(lock: &'a Lockfile) -> Vec<Self> {
        let expired = lock.suites.iter().filter_map(|suite| {
            let valid_until = suite.expired.as_deref()?;
            Some(Self {
                name: &suite.name,
                valid_until,
            })
        });
        expired.collect()
    }
}

#[derive(Debug, Serialize)]
pub struct RecordedBinary<'a> {
    pub name: &'a str,
    pub sha256: String,
}

#[derive(Debug, Serialize)]
pub struct RecordedPackage<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub architecture: &'a str,
    pub source: &'a str,
    pub source_version: &'a str,
}

impl<'a> RecordedPackage<'a> {
    pub fn of(package: &'a LockedPackage) -> Self {
        Self {
            name: &package.name,
            version: &package.version,
            architecture: &package.architecture,
            source: &package.source,
            source_version: &package.source_version,
        }
    }
}

#[derive(Debug, Serialize)]
pub struct RecordedArchive<'a> {
    pub name: &'a str,
    pub version: &'a str,
    pub license: &'a str,
    /// Of the file, as it was published.
    pub sha256: &'a str,
    /// The folder that holds it.
    pub path: &'a str,
    /// What was left out of it, or emptied, and why.
    pub changes: Vec<RecordedChange<'a>>,
}

#[derive(Debug, Serialize)]
pub struct RecordedChange<'a> {
    /// `left-out` or `emptied`.
    pub change: &'static str,
    pub paths: &'a [String],
    pub reason: &'a str,
}

impl<'a> RecordedArchive<'a> {
    /// Of an image and its ancestors.
    pub fn all_of(lineage: &[&'a Definition]) -> Vec<Self> {
        let archives = lineage.iter().flat_map(|image| &image.archives);
        archives.map(Self::of).collect()
    }

    fn of(archive: &'a UpstreamArchive) -> Self {
        let left_out = archive.prunes.iter().map(|prune| RecordedChange {
            change: "left-out",
            paths: &prune.paths,
            reason: &prune.reason,
        });
        let emptied = archive.empty_jars.iter().map(|jars| RecordedChange {
            change: "emptied",
            paths: &jars.paths,
            reason: &jars.reason,
        });
        Self {
            name: &archive.name,
            version: &archive.version,
            license: &archive.license,
            sha256: &archive.sha256,
            path: &archive.target,
            changes: left_out.chain(emptied).collect(),
        }
    }
}

impl Record<'_> {
    pub const SCHEMA: &'static str = SCHEMA;

    /// Indented, for people who look into an image.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a record holds nothing that JSON cannot express");
        text.push('\n');
        text
    }
}

/// Those of the record in a tree, the parent image's.
pub(crate) fn dropped_capabilities(tree: &Tree) -> Vec<DroppedCapability> {
    #[derive(Deserialize)]
    struct Part {
        #[serde(default)]
        dropped_capabilities: Vec<DroppedCapability>,
    }
    let part = tree
        .contents(PATH)
        .and_then(|bytes| serde_json::from_slice::<Part>(bytes).ok());
    part.map(|part| part.dropped_capabilities).unwrap_or_default()
}

/// The digest of the image's own part of the lock: its entry and its packages, as they are written.  A new lock that changes
/// nothing for this image (other packages, newer indexes) leaves the image as it is, to the last byte.
pub fn lock_digest(lock: &Lockfile, image: &str) -> Option<Digest> {
    let locked = lock.image(image)?;
    let packages: Vec<&LockedPackage> = locked
        .packages
        .iter()
        .map(|name| lock.package(name))
        .collect::<Option<_>>()?;
    let part = serde_json::to_vec(&(lock.format, &lock.flavour, &lock.architecture, locked, packages));
    Some(Digest::of(
        &part.expect("a lock holds nothing that JSON cannot express"),
    ))
}
