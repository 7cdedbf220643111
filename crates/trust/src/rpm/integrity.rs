//! What a package says of its own size and digests.

use qclock_packages::rpm::{Container, Kind, tag};
use sequoia_openpgp::types::HashAlgorithm;

use super::RpmError;
use crate::digest::Sha256;

/// What a signature header may hold, and as what.
const ENTRIES: [(u32, Kind); 15] = [
    (tag::signature::HEADER_OTHER, Kind::Binary),
    (tag::signature::HEADER_RSA, Kind::Binary),
    (tag::signature::HEADER_SHA1, Kind::String),
    (tag::signature::LONG_SIZE, Kind::Int64),
    (tag::signature::LONG_ARCHIVE_SIZE, Kind::Int64),
    (tag::signature::HEADER_SHA256, Kind::String),
    (tag::signature::FILE_SIGNATURES, Kind::StringArray),
    (tag::signature::FILE_SIGNATURE_LENGTH, Kind::Int32),
    (tag::signature::SIZE, Kind::Int32),
    (tag::signature::PACKAGE_RSA, Kind::Binary),
    (tag::signature::PACKAGE_MD5, Kind::Binary),
    (tag::signature::PACKAGE_OTHER, Kind::Binary),
    (tag::signature::ARCHIVE_SIZE, Kind::Int32),
    (tag::signature::RESERVED, Kind::Binary),
    // Where a package is unsigned, rpmbuild reserves space here too.
    (tag::signature::LONG_RESERVED, Kind::Binary),
];

/// Nothing unknown, since nobody signs the signature header itself.
pub(super) fn check_entries(container: &Container<'_>) -> Result<(), RpmError> {
    let signature = &container.signature;
    for entry in signature.entries() {
        if !ENTRIES.contains(&(entry.tag, entry.kind)) {
            return Err(RpmError::Entry { tag: entry.tag });
        }
    }
    for reserved in [tag::signature::RESERVED, tag::signature::LONG_RESERVED] {
        if signature
            .binary(reserved)?
            .is_some_and(|bytes| bytes.iter().any(|&byte| byte != 0))
        {
            return Err(RpmError::Reserved);
        }
    }
    Ok(())
}

/// The header's digests; SHA-256 is required.
pub(super) fn check_header(container: &Container<'_>) -> Result<Sha256, RpmError> {
    let bytes = container.header.bytes();
    let digest = Sha256::of(bytes);
    let what = "header digest (SHA-256)";
    let expected = container.signature.text(tag::signature::HEADER_SHA256)?;
    same(what, expected.ok_or(RpmError::Missing { what })?, &digest.to_string())?;
    if let Some(expected) = container.signature.text(tag::signature::HEADER_SHA1)? {
        same(
            "header digest (SHA-1)",
            expected,
            &old_digest(HashAlgorithm::SHA1, bytes)?,
        )?;
    }
    Ok(digest)
}

/// The payload's digest in the header, which is signed; required unless a signature covers the payload itself.
pub(super) fn check_payload(container: &Container<'_>, covered: bool) -> Result<(), RpmError> {
    let what = "payload digest";
    let Some(expected) = container.header.text(tag::PAYLOAD_DIGEST)? else {
        return if covered {
            Ok(())
        } else {
            Err(RpmError::Missing { what })
        };
    };
    match container.header.number(tag::PAYLOAD_DIGEST_ALGORITHM)? {
        Some(8) => same(what, expected, &Sha256::of(container.payload).to_string()),
        _ => Err(RpmError::Algorithm { what }),
    }
}

/// Size and MD5 of header and payload.
pub(super) fn check_package(container: &Container<'_>, bytes: &[u8]) -> Result<(), RpmError> {
    let signature = &container.signature;
    let (size, long) = (
        signature.number(tag::signature::SIZE)?,
        signature.number(tag::signature::LONG_SIZE)?,
    );
    if size.or(long).is_none() {
        return Err(RpmError::Missing { what: "size" });
    }
    for expected in [size, long].into_iter().flatten() {
        same("size", &expected.to_string(), &bytes.len().to_string())?;
    }
    if let Some(expected) = signature.binary(tag::signature::PACKAGE_MD5)? {
        same(
            "digest (MD5)",
            &hex::encode(expected),
            &old_digest(HashAlgorithm::MD5, bytes)?,
        )?;
    }
    Ok(())
}

/// Broken algorithms prove nothing; but a digest that does not fit proves a change.
fn old_digest(algorithm: HashAlgorithm, bytes: &[u8]) -> Result<String, RpmError> {
    let unsupported = RpmError::Algorithm { what: "digest" };
    let Ok(builder) = algorithm.context() else {
        return Err(unsupported);
    };
    let mut context = builder.for_digest();
    context.update(bytes);
    context.into_digest().map(hex::encode).map_err(|_| unsupported)
}

fn same(what: &'static str, expected: &str, found: &str) -> Result<(), RpmError> {
    if expected == found {
        return Ok(());
    }
    Err(RpmError::Mismatch {
        what,
        expected: expected.chars().take(128).collect(),
        found: found.to_owned(),
    })
}
