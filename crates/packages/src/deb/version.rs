//! Version numbers: `[epoch:]upstream[-revision]`, ordered as dpkg orders them (`deb-version(7)`).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest version that is taken; the longest of a whole Debian suite has 59 bytes.
const LONGEST: usize = 256;

/// A Debian version.  Keeps its text as written; `Eq` is the equality of the order (`1.0` equals `1.0-0` and `0:1.0`).
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: Box<str>,
    epoch: u32,
    /// Where the upstream part begins and where it ends in `text`.
    upstream: (u16, u16),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    #[error("version is empty")]
    Empty,
    #[error("version is longer than {LONGEST} bytes")]
    TooLong,
    #[error("version `{version}` has an epoch that is not a number below 2^31")]
    Epoch { version: String },
    #[error("version `{version}` has an empty upstream part or revision")]
    EmptyPart { version: String },
    #[error("version `{version}` contains the character {character:?}")]
    Character { version: String, character: char },
}

impl Version {
    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The part between epoch and revision.
    pub fn upstream(&self) -> &str {
        &self.text[usize::from(self.upstream.0)..usize::from(self.upstream.1)]
    }

    /// The part after the last hyphen; empty when there is none.
    pub fn revision(&self) -> &str {
        self.text.get(usize::from(self.upstream.1) + 1..).unwrap_or("")
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        if text.len() > LONGEST {
            return Err(VersionError::TooLong);
        }
        let (epoch, start) = match text.find(':') {
            None => (0, 0),
            Some(colon) => (parse_epoch(&text[..colon], text)?, colon + 1),
        };
        let end = text[start..].rfind('-').map_or(text.len(), |hyphen| start + hyphen);
        if end == start || end + 1 == text.len() {
            return Err(VersionError::EmptyPart {
                version: text.to_owned(),
            });
        }
        let (upstream, revision) = (
            &text.as_bytes()[start..end],
            text.as_bytes().get(end + 1..).unwrap_or(&[]),
        );
        let upstream_is_plain = upstream
            .iter()
            .all(|&byte| is_plain(byte) || matches!(byte, b'-' | b':'));
        if !(upstream_is_plain && revision.iter().copied().all(is_plain)) {
            return Err(stranger(text, start, end));
        }
        #[expect(clippy::cast_possible_truncation, reason = "both are at most LONGEST")]
        let upstream = (start as u16, end as u16);
        Ok(Self {
            text: text.into(),
            epoch,
            upstream,
        })
    }
}

/// What both parts may consist of.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'~')
}

/// Names the first character that cannot stand where it stands.
fn stranger(text: &str, start: usize, end: usize) -> VersionError {
    let fits = |at: usize, c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '~') || at == end || at < end && matches!(c, '-' | ':')
    };
    let mut characters = text.char_indices().skip_while(|&(at, c)| at < start || fits(at, c));
    let character = characters
        .next()
        .map_or(char::REPLACEMENT_CHARACTER, |(_, character)| character);
    VersionError::Character {
        version: text.to_owned(),
        character,
    }
}

fn parse_epoch(digits: &str, version: &str) -> Result<u32, VersionError> {
    let number = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse::<u32>().ok())
        .flatten();
    // dpkg keeps the epoch in a signed int.
    number
        .filter(|&epoch| i32::try_from(epoch).is_ok())
        .ok_or_else(|| VersionError::Epoch {
            version: version.to_owned(),
        })
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_part(self.upstream().as_bytes(), other.upstream().as_bytes()))
            .then_with(|| compare_part(self.revision().as_bytes(), other.revision().as_bytes()))
    }
}

/// dpkg's `verrevcmp`: a run of other characters, then a run of digits, and again until both are used up.
fn compare_part(mut left: &[u8], mut right: &[u8]) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        loop {
            let (l, r) = (weight(left), weight(right));
            if l != r {
                return l.cmp(&r);
            }
            if l == 0 {
                break; // Both are at a digit or at the end.
            }
            (left, right) = (&left[1..], &right[1..]);
        }
        let (l, r) = (take_number(&mut left), take_number(&mut right));
        let order = l.len().cmp(&r.len()).then_with(|| l.cmp(r));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Where the next character sorts: tilde before the end, the end and digits before letters, letters before the rest.
fn weight(part: &[u8]) -> i32 {
    match part.first() {
        None | Some(b'0'..=b'9') => 0,
        Some(b'~') => -1,
        Some(&letter) if letter.is_ascii_alphabetic() => i32::from(letter),
        Some(&other) => i32::from(other) + 256,
    }
}

/// Takes the digits that `part` begins with, without their leading zeros.
fn take_number<'a>(part: &mut &'a [u8]) -> &'a [u8] {
    let end = part
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(part.len());
    let (digits, rest) = part.split_at(end);
    *part = rest;
    let zeros = digits.iter().position(|&byte| byte != b'0').unwrap_or(digits.len());
    &digits[zeros..]
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Version({})", self.text)
    }
}

impl TryFrom<String> for Version {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text.into()
    }
}
