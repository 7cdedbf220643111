//! An archive's `Release` file: what a suite is, and the digests of its indexes.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::control::{Stanza, StanzaError};
use super::package::{is_archive_path, is_sha256};

/// Longest file that is taken; the longest of Debian's has about 2 MiB.
const LONGEST: usize = 16 << 20;

/// Most files of one list.
const MOST_FILES: usize = 1 << 17;

/// How much another machine's clock may be ahead of ours.
const CLOCK_DIFFERENCE: Duration = Duration::from_mins(10);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub origin: String,
    pub label: String,
    /// `stable`, `stable-security`, …; empty when not said.
    pub suite: String,
    /// `bookworm`, `bookworm-security`, …; empty when not said.
    pub codename: String,
    /// Of a point release: `12.12`.
    pub version: Option<String>,
    pub date: Timestamp,
    pub valid_until: Option<Timestamp>,
    pub components: Vec<String>,
    pub architectures: Vec<String>,
    pub acquire_by_hash: bool,
    /// Path below the suite's folder → (lower-case hex, bytes).
    pub sha256: BTreeMap<String, (String, u64)>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("release file is unreadable")]
    Stanza(#[source] StanzaError),
    #[error("release file has no field `{field}`")]
    Missing { field: &'static str },
    #[error("release file says `{field}: {value}`, which is not {expected}")]
    Value {
        field: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error("release file lists more than {limit} files")]
    TooMany { limit: usize },
    #[error("release file lists `{path}` twice")]
    Twice { path: String },
    #[error("release file of `{suite}` was valid until {valid_until} and has expired")]
    Expired { suite: String, valid_until: Timestamp },
    #[error("release file of `{suite}` is dated {date}, which is still to come: is the clock right?")]
    NotYetValid { suite: String, date: Timestamp },
}

impl Release {
    /// Reads the text of a `Release` file (of an `InRelease` file: the text that was signed).
    pub fn parse(text: &str) -> Result<Self, ReleaseError> {
        let stanza = Stanza::parse_within(text, LONGEST).map_err(ReleaseError::Stanza)?;
        let text = |field| stanza.value(field).unwrap_or("").to_owned();
        let words = |field| {
            stanza
                .value(field)
                .unwrap_or("")
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect()
        };
        let (suite, codename) = (text("Suite"), text("Codename"));
        if suite.is_empty() && codename.is_empty() {
            return Err(ReleaseError::Missing { field: "Codename" });
        }
        Ok(Self {
            origin: text("Origin"),
            label: text("Label"),
            suite,
            codename,
            version: stanza.value("Version").map(str::to_owned),
            date: moment(&stanza, "Date")?.ok_or(ReleaseError::Missing { field: "Date" })?,
            valid_until: moment(&stanza, "Valid-Until")?,
            components: words("Components"),
            architectures: words("Architectures"),
            acquire_by_hash: stanza
                .value("Acquire-By-Hash")
                .is_some_and(|value| value.eq_ignore_ascii_case("yes")),
            sha256: digests(
                stanza
                    .value("SHA256")
                    .ok_or(ReleaseError::Missing { field: "SHA256" })?,
            )?,
        })
    }

    /// Refuses a file whose `Valid-Until` has passed or whose `Date` is more than a clock's difference in the future.
    pub fn check_validity(&self, now: SystemTime) -> Result<(), ReleaseError> {
        let suite = || {
            if self.codename.is_empty() {
                self.suite.clone()
            } else {
                self.codename.clone()
            }
        };
        if system_time(self.date) > now + CLOCK_DIFFERENCE {
            return Err(ReleaseError::NotYetValid {
                suite: suite(),
                date: self.date,
            });
        }
        match self.valid_until {
            Some(valid_until) if system_time(valid_until) < now => Err(ReleaseError::Expired {
                suite: suite(),
                valid_until,
            }),
            _ => Ok(()),
        }
    }
}

/// A time before 1970 becomes 1970.
fn system_time(moment: Timestamp) -> SystemTime {
    let seconds = u64::try_from(moment.as_second()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// `Sat, 06 Sep 2025 10:07:04 UTC`: RFC 2822, but with a name of the zone that it does not have.
fn moment(stanza: &Stanza<'_>, field: &'static str) -> Result<Option<Timestamp>, ReleaseError> {
    let Some(value) = stanza.value(field) else {
        return Ok(None);
    };
    let universal = value.strip_suffix("UTC").map(|rest| format!("{rest}GMT"));
    let parsed = rfc2822::DateTimeParser::new().parse_timestamp(universal.as_deref().unwrap_or(value));
    parsed.map(Some).map_err(|_| invalid(field, value, "a date"))
}

/// Lines of digest, size and path.
fn digests(list: &str) -> Result<BTreeMap<String, (String, u64)>, ReleaseError> {
    let mut digests = BTreeMap::new();
    for line in list.lines().filter(|line| !line.trim_ascii().is_empty()) {
        if digests.len() == MOST_FILES {
            return Err(ReleaseError::TooMany { limit: MOST_FILES });
        }
        let mut words = line.split_ascii_whitespace();
        let (Some(digest), Some(size), Some(path), None) = (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(invalid("SHA256", line, "a digest, a size and a path"));
        };
        let number = size
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| size.parse().ok())
            .flatten();
        let (true, Some(size), true) = (is_sha256(digest), number, is_archive_path(path)) else {
            return Err(invalid(
                "SHA256",
                line,
                "a sha256 digest, a number and a path below the suite",
            ));
        };
        if digests.insert(path.to_owned(), (digest.to_owned(), size)).is_some() {
            return Err(ReleaseError::Twice { path: path.to_owned() });
        }
    }
    Ok(digests)
}

fn invalid(field: &'static str, value: &str, expected: &'static str) -> ReleaseError {
    ReleaseError::Value {
        field,
        value: value.chars().take(200).collect(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "6b47f9b4b5a1c5bd1c2d2b9a1a9b1ff1dd7b0c4a0f4b8e3d7a6c5b4a39281706";

    fn sample() -> String {
        format!(
            "Origin: Debian\nLabel: Debian\nSuite: stable-updates\nVersion: 12-updates\nCodename: bookworm-updates\n\
             Date: Sat, 06 Sep 2025 10:07:04 UTC\nValid-Until: Sat, 13 Sep 2025 10:07:04 UTC\nAcquire-By-Hash: yes\n\
             Architectures: all amd64\nComponents: main contrib\nMD5Sum:\n 00 1 x\nSHA256:\n \
             {DIGEST} 1234 main/binary-amd64/Packages.xz\n"
        )
    }

    #[test]
    fn a_release_file_is_read() {
        let release = Release::parse(&sample()).unwrap();
        assert_eq!(release.codename, "bookworm-updates");
        assert_eq!(release.date.to_string(), "2025-09-06T10:07:04Z");
        assert_eq!(release.components, ["main", "contrib"]);
        assert!(release.acquire_by_hash);
        assert_eq!(
            release.sha256["main/binary-amd64/Packages.xz"],
            (DIGEST.to_owned(), 1234)
        );
    }

    #[test]
    fn a_release_file_is_valid_between_its_dates_only() {
        let release = Release::parse(&sample()).unwrap();
        let at = |text: &str| release.check_validity(system_time(text.parse().unwrap()));
        assert!(at("2025-09-06T10:07:04Z").is_ok());
        assert!(at("2025-09-13T10:07:04Z").is_ok());
        assert!(matches!(at("2025-09-13T10:07:05Z"), Err(ReleaseError::Expired { .. })));
        assert!(matches!(
            at("2025-09-06T09:57:03Z"),
            Err(ReleaseError::NotYetValid { .. })
        ));
    }

    #[test]
    fn a_release_file_that_says_something_else_is_refused() {
        let cases = [
            ("Date: Sat", "Date: Sun", "Date"),
            ("Date: Sat, 06 Sep 2025 10:07:04 UTC\n", "", "Date"),
            ("SHA256:", "SHA512:", "SHA256"),
            (" 1234 ", " 12x4 ", "SHA256"),
            (" 1234 ", " ", "SHA256"),
            ("main/binary", "../binary", "SHA256"),
        ];
        for (old, new, field) in cases {
            let error = Release::parse(&sample().replacen(old, new, 1)).unwrap_err();
            assert!(error.to_string().contains(field), "{new:?}: {error}");
        }
    }
}
