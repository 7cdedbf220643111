//! Readers that hash what passes through them.

use std::io::{self, Read};

use sha2::Digest as _;

use crate::rpm::files::DigestAlgorithm;

/// A hash in progress.
pub(super) enum Hasher {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(super) fn new(algorithm: DigestAlgorithm) -> Self {
        match algorithm {
            DigestAlgorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            DigestAlgorithm::Sha384 => Self::Sha384(sha2::Sha384::new()),
            DigestAlgorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// Whether what was hashed has this digest in hex.
    pub(super) fn matches(self, hex: &str) -> bool {
        let found: &[u8] = match self {
            Self::Sha256(hasher) => &hasher.finalize(),
            Self::Sha384(hasher) => &hasher.finalize(),
            Self::Sha512(hasher) => &hasher.finalize(),
        };
        let digits = hex.as_bytes();
        digits.len() == found.len() * 2
            && found.iter().zip(digits.chunks_exact(2)).all(|(byte, pair)| {
                let nibble = |digit: u8| char::from(digit).to_digit(16);
                nibble(pair[0]).zip(nibble(pair[1])).map(|(high, low)| high << 4 | low) == Some(u32::from(*byte))
            })
    }
}

/// Hashes what is read.
pub(super) struct Hashed<R> {
    pub(super) inner: R,
    pub(super) hasher: Hasher,
}

impl<R: Read> Hashed<R> {
    pub(super) fn new(inner: R, algorithm: DigestAlgorithm) -> Self {
        Self {
            inner,
            hasher: Hasher::new(algorithm),
        }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// Keeps the reader's own failure, which whoever reads may lose, and tells a copy.
pub(super) struct Kept<R> {
    pub(super) inner: R,
    pub(super) failure: Option<io::Error>,
}

impl<R: Read> Kept<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, failure: None }
    }

    /// Reads what is left.
    pub(super) fn pass_over(&mut self) -> io::Result<()> {
        let copied = io::copy(self, &mut io::sink());
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => copied.map(drop),
        }
    }
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                return error;
            }
            let told = io::Error::new(error.kind(), error.to_string());
            self.failure = Some(error);
            told
        })
    }
}
