//! The record of the image that the dashboard runs in, `/etc/qclock/image.json`: where what is shown comes from.

use std::path::Path;

use serde::{Deserialize, Serialize};

const SCHEMA: &str = "qclock.image/1";
/// A record lists packages; this is many times what ours need.
const LONGEST: u64 = 4 << 20;

/// What the record says, as far as it is shown.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ImageRecord {
    #[serde(skip_serializing)]
    schema: String,
    /// The image's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The flavour that it was built in.
    pub flavour: String,
    /// Whether that flavour is for evaluation only.
    pub evaluation: bool,
    /// The digest of the lock that it was built from.
    pub lock: String,
    /// The build's time stamp.
    pub created: String,
    /// Suites whose index had expired when the packages were chosen, and was accepted.
    #[serde(default)]
    pub expired_suites: Vec<ExpiredSuite>,
    /// Our own programs.
    #[serde(default, skip_serializing)]
    pub binaries: Vec<Program>,
    /// The distribution's packages.
    #[serde(default, skip_serializing)]
    pub packages: Vec<Package>,
    /// Releases that are no packages.
    #[serde(default, skip_serializing)]
    pub archives: Vec<Package>,
}

/// An index that was out of date.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ExpiredSuite {
    /// The suite's code name.
    pub name: String,
    /// RFC 3339.
    pub valid_until: String,
}

/// A program of ours that the image holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Program {
    /// Its file's name.
    pub name: String,
    /// Of the file, hexadecimal.
    pub sha256: String,
}

/// A package, or a release, that the image is made of.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl ImageRecord {
    /// Reads the record; outside an image there is none.
    pub fn read(path: &Path) -> Option<Self> {
        if std::fs::metadata(path).ok()?.len() > LONGEST {
            return None;
        }
        Self::parse(&std::fs::read(path).ok()?)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(bytes)
            .ok()
            .filter(|record| record.schema == SCHEMA)
    }

    /// The first characters of the lock's digest, enough to compare by eye.
    pub fn short_lock(&self) -> &str {
        let digest = self.lock.strip_prefix("sha256:").unwrap_or(&self.lock);
        digest.get(..12).unwrap_or(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_and_another_file_is_not() {
        let text = br#"{"schema":"qclock.image/1","name":"qclock-dashboard","version":"0.1.0","flavour":"debian12","evaluation":true,
            "lock":"sha256:0123456789abcdef","created":"2026-11-22T00:00:00Z","parent":"qclock-base","binaries":[{"name":"qclock-init","sha256":"ab"}],"packages":[{"name":"tzdata","version":"2026a","architecture":"all"}],
            "archives":[{"name":"tool","version":"1.0","path":"/opt/tool"}],
            "expired_suites":[{"name":"sid","valid_until":"2026-11-06T08:08:01Z"}]}"#;
        let record = ImageRecord::parse(text).unwrap();
        assert_eq!(
            (record.flavour.as_str(), record.short_lock()),
            ("debian12", "0123456789ab")
        );
        assert_eq!(record.binaries[0].name, "qclock-init");
        assert_eq!(record.packages[0].version, "2026a");
        assert_eq!(record.archives[0].name, "tool");
        assert_eq!(record.expired_suites[0].name, "sid");
        assert_eq!(ImageRecord::parse(b"{}"), None);
        assert_eq!(ImageRecord::read(Path::new("/nonexistent")), None);
    }
}
