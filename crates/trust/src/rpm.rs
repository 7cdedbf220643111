//! RPM packages: signed by a key of their repository, and whole.
//!
//! `rpm` itself takes what is not there as granted and passes over what it does not know.  Here everything that a package says of
//! its own integrity must hold: every signature and every digest, the broken ones too; and a byte that nothing covers must be what
//! it always is.  So there is no byte of a package that can be changed unnoticed.

mod integrity;
mod packet;

use std::time::SystemTime;

use qclock_packages::rpm::{Archive, ArchiveError, Container, ContainerError, HeaderError, tag};

pub use packet::PacketFault;

use crate::digest::{Digest, DigestError, Sha256, check_digest};
use crate::keyring::Keyring;
use crate::signature::{KeyAge, SignatureError, Signer};
use crate::verified::Verified;

/// A package that a key of its repository signed, unchanged since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRpm {
    bytes: Vec<u8>,
    signers: Vec<Signer>,
    header_sha256: Sha256,
}

/// What a repository's metadata say of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryRecord {
    /// Of the whole file.
    pub digest: Digest,
    /// Bytes of the whole file.
    pub size: u64,
    /// Where the header lies in the file.
    pub header_range: Option<(u64, u64)>,
    /// `name-[epoch:]version-release.architecture`, the epoch only when it is not 0.
    pub nevra: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum RpmError {
    #[error("the package cannot be read")]
    Unreadable(#[from] ContainerError),
    #[error("the package's header cannot be read")]
    Header(#[from] HeaderError),
    #[error("the package is not signed")]
    Unsigned,
    #[error("the package's signature of the {covers} is not accepted")]
    Signature {
        covers: &'static str,
        #[source]
        source: SignatureError,
    },
    #[error("the package's signature of the {covers} is not accepted")]
    Packet {
        covers: &'static str,
        #[source]
        source: PacketFault,
    },
    #[error("the package's signature header has an entry {tag} that is unknown or not of its type")]
    Entry { tag: u32 },
    #[error("the package has no {what}")]
    Missing { what: &'static str },
    #[error("the package's {what} does not fit: expected {expected}, found {found}")]
    Mismatch {
        what: &'static str,
        expected: String,
        found: String,
    },
    #[error("the package's {what} is made by an algorithm that is broken or unknown")]
    Algorithm { what: &'static str },
    #[error("the package's reserved bytes are not all zero")]
    Reserved,
}

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("the package is not the one of the repository's metadata")]
    Digest(#[source] DigestError),
    #[error("the package's {what} is {found}; the repository's metadata say {expected}")]
    Field {
        what: &'static str,
        expected: String,
        found: String,
    },
}

/// What a signature is made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Covers {
    Header,
    Package,
}

const SIGNATURES: [(u32, Covers); 4] = [
    (tag::signature::HEADER_RSA, Covers::Header),
    (tag::signature::HEADER_OTHER, Covers::Header),
    (tag::signature::PACKAGE_RSA, Covers::Package),
    (tag::signature::PACKAGE_OTHER, Covers::Package),
];

/// Verifies a package as of `now`.  At least one signature must be there, and every one that is must be by a key of the ring.
pub fn verify_rpm(
    bytes: Vec<u8>,
    keyring: &Keyring,
    now: SystemTime,
    age: KeyAge,
) -> Result<Verified<SignedRpm>, RpmError> {
    let container = Container::read(&bytes)?;
    integrity::check_entries(&container)?;
    let header_sha256 = integrity::check_header(&container)?;
    let from = container.header_range.start;
    let mut signers = Vec::new();
    let mut covered = false;
    for (tag, covers) in SIGNATURES {
        let Some(raw) = container.signature.binary(tag)? else {
            continue;
        };
        let signed = match covers {
            Covers::Header => container.header.bytes(),
            Covers::Package => &bytes[from..],
        };
        signers.push(signer(raw, signed, covers, keyring, now, age)?);
        covered |= covers == Covers::Package;
    }
    if signers.is_empty() {
        return Err(RpmError::Unsigned);
    }
    integrity::check_payload(&container, covered)?;
    integrity::check_package(&container, &bytes[from..])?;
    Ok(Verified::new(SignedRpm {
        bytes,
        signers,
        header_sha256,
    }))
}

fn signer(
    raw: &[u8],
    signed: &[u8],
    covers: Covers,
    keyring: &Keyring,
    now: SystemTime,
    age: KeyAge,
) -> Result<Signer, RpmError> {
    let covers = covers.as_str();
    let fault = |source| RpmError::Packet { covers, source };
    let issuers = packet::check(raw).map_err(fault)?;
    let signer = crate::signature::judge_package(signed, raw, keyring, now, age)
        .map_err(|source| RpmError::Signature { covers, source })?;
    packet::check_issuers(&issuers, &signer).map_err(fault)?;
    Ok(signer)
}

impl Covers {
    fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Package => "header and payload",
        }
    }
}

impl SignedRpm {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Opens it: for the verified, the way to its contents.
    pub fn archive(&self) -> Result<Archive<'_>, ArchiveError> {
        Archive::open(&self.bytes)
    }

    /// One for each signature, that of the header first.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// sha256 of the header, which the signature covers.
    pub fn header_sha256(&self) -> &Sha256 {
        &self.header_sha256
    }

    /// Compares the package with what its repository says of it.
    pub fn check_record(&self, record: &RepositoryRecord) -> Result<(), RecordError> {
        check_digest(self.bytes.clone(), record.digest, record.size).map_err(RecordError::Digest)?;
        // It was read before: this cannot fail, and if it did, the record would not fit.
        let container = Container::read(&self.bytes).ok();
        let differs = |what, expected: String, found: String| {
            if expected == found {
                Ok(())
            } else {
                Err(RecordError::Field { what, expected, found })
            }
        };
        if let Some((start, end)) = record.header_range {
            let found = container.as_ref().map(|container| container.header_range.clone());
            let found = found.map_or_else(String::new, |range| format!("{}-{}", range.start, range.end));
            differs("header's place", format!("{start}-{end}"), found)?;
        }
        if let Some(nevra) = &record.nevra {
            let found = container.map(|container| container.identity.nevra());
            differs("name", nevra.clone(), found.unwrap_or_default())?;
        }
        Ok(())
    }
}
