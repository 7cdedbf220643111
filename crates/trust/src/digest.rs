//! Digests, and the check of bytes against one that is trusted.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::verified::Verified;

/// A SHA-256 digest; text is lower-case hex without prefix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a sha256 digest: expected 64 hexadecimal digits")]
pub struct Sha256Error {
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    #[error("expected {expected} bytes, there are {found}")]
    Size { expected: u64, found: u64 },
    #[error("expected {kind} {expected}, found {found}")]
    Digest {
        kind: &'static str,
        expected: String,
        found: String,
    },
}

/// Takes the bytes as verified when both their size and their digest are the expected ones.
pub fn check_digest(bytes: Vec<u8>, expected: impl Into<Digest>, size: u64) -> Result<Verified<Vec<u8>>, DigestError> {
    let expected = expected.into();
    let found = bytes.len() as u64;
    if found != size {
        return Err(DigestError::Size { expected: size, found });
    }
    let mut hasher = expected.hasher();
    hasher.update(&bytes);
    let found = hasher.finish();
    if found != expected {
        return Err(DigestError::Digest {
            kind: expected.kind(),
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }
    Ok(Verified::new(bytes))
}

impl Sha256 {
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Sha256 {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Sha256 {
    type Err = Sha256Error;

    fn from_str(text: &str) -> Result<Self, Sha256Error> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| Sha256Error {
            text: text.chars().take(80).collect(),
        })?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sha256({self})")
    }
}

impl TryFrom<String> for Sha256 {
    type Error = Sha256Error;

    fn try_from(text: String) -> Result<Self, Sha256Error> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

/// A digest of any kind that a file can be told by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Digest {
    Sha256(Sha256),
    Sha384([u8; 48]),
    Sha512([u8; 64]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownDigest {
    #[error("a checksum of a kind that is not taken: sha256, sha384 and sha512 are")]
    Kind,
    #[error("a malformed checksum")]
    Text,
}

impl Digest {
    /// Of a kind by its name in metadata, `sha512`, from hexadecimal digits.
    pub fn parse(kind: &str, text: &str) -> Result<Self, UnknownDigest> {
        fn decoded<const WIDTH: usize>(text: &str) -> Result<[u8; WIDTH], UnknownDigest> {
            let mut bytes = [0; WIDTH];
            hex::decode_to_slice(text, &mut bytes).map_err(|_| UnknownDigest::Text)?;
            Ok(bytes)
        }
        match kind {
            "sha256" => decoded(text).map(|bytes| Self::Sha256(Sha256(bytes))),
            "sha384" => decoded(text).map(Self::Sha384),
            "sha512" => decoded(text).map(Self::Sha512),
            _ => Err(UnknownDigest::Kind),
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "sha256",
            Self::Sha384(_) => "sha384",
            Self::Sha512(_) => "sha512",
        }
    }

    /// Makes digests of the same kind.
    pub fn hasher(&self) -> Hasher {
        match self {
            Self::Sha256(_) => Hasher::Sha256(sha2::Sha256::new()),
            Self::Sha384(_) => Hasher::Sha384(sha2::Sha384::new()),
            Self::Sha512(_) => Hasher::Sha512(sha2::Sha512::new()),
        }
    }
}

impl From<Sha256> for Digest {
    fn from(digest: Sha256) -> Self {
        Self::Sha256(digest)
    }
}

impl From<&Sha256> for Digest {
    fn from(digest: &Sha256) -> Self {
        Self::Sha256(*digest)
    }
}

impl From<&Self> for Digest {
    fn from(digest: &Self) -> Self {
        *digest
    }
}

/// Hexadecimal digits in lower case, without the kind.
impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(digest) => digest.fmt(formatter),
            Self::Sha384(bytes) => formatter.write_str(&hex::encode(bytes)),
            Self::Sha512(bytes) => formatter.write_str(&hex::encode(bytes)),
        }
    }
}

/// Makes a digest of what comes bit by bit.
#[derive(Debug, Clone)]
pub enum Hasher {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub fn finish(self) -> Digest {
        match self {
            Self::Sha256(hasher) => Digest::Sha256(Sha256(hasher.finalize().into())),
            Self::Sha384(hasher) => Digest::Sha384(hasher.finalize().into()),
            Self::Sha512(hasher) => Digest::Sha512(hasher.finalize().into()),
        }
    }
}

/// Hashes and counts what is read through it.
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    hasher: sha2::Sha256,
    size: u64,
}

impl<R> HashingReader<R> {
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: sha2::Sha256::new(),
            size: 0,
        }
    }

    /// The digest of what was read, and how many bytes that were.
    pub fn finish(self) -> (Sha256, u64) {
        (Sha256(self.hasher.finalize().into()), self.size)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.size += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_told_by_its_name_and_checked() {
        // The digests of "abc" in FIPS 180-4's examples.
        let known = [
            (
                "sha256",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                "sha384",
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                "sha512",
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e\
                 2a9ac94fa54ca49f",
            ),
        ];
        for (kind, text) in known {
            let digest = Digest::parse(kind, text).unwrap();
            assert_eq!((digest.kind(), digest.to_string().as_str()), (kind, text));
            assert!(check_digest(b"abc".to_vec(), digest, 3).is_ok());
            assert!(matches!(
                check_digest(b"abd".to_vec(), digest, 3),
                Err(DigestError::Digest { .. })
            ));
            assert_eq!(Digest::parse(kind, &text[2..]), Err(UnknownDigest::Text));
        }
        assert_eq!(Digest::parse("sha1", &"0".repeat(40)), Err(UnknownDigest::Kind));
    }
}
