//! The OpenPGP packet of a package's signature: one, whole, and with nothing unsigned in it but a hint at its key.
//!
//! A signature packet has a part that the signature does not cover (RFC 9580 §5.2.3); what may stand there, and how the packet is
//! written, is fixed here, so that it cannot be changed unnoticed either.

use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::packet::signature::subpacket::SubpacketTag;
use sequoia_openpgp::parse::Parse as _;
use sequoia_openpgp::serialize::MarshalInto as _;
use sequoia_openpgp::types::{HashAlgorithm, PublicKeyAlgorithm, SignatureType};
use sequoia_openpgp::{Fingerprint, KeyHandle, Packet};

use crate::signature::Signer;

/// Tag of a signature packet.
const SIGNATURE: u8 = 2;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PacketFault {
    #[error("it is not one signature packet")]
    Framing,
    #[error("it is unreadable: {reason}")]
    Unreadable { reason: String },
    #[error("it is written in another way than it would be")]
    NotCanonical,
    #[error("it is of version {version}")]
    Version { version: u8 },
    #[error("it is made for another purpose than signing data")]
    Purpose,
    #[error("it is made by the algorithm {algorithm}, which is broken or unknown")]
    Algorithm { algorithm: String },
    #[error("it holds something beside a hint at its key that it does not cover")]
    Unhashed,
    #[error("it hints at the key {hint}, and was made by another")]
    Issuer { hint: String },
}

/// Checks the packet's form; the keys that it hints at.
pub(super) fn check(raw: &[u8]) -> Result<Vec<KeyHandle>, PacketFault> {
    let body = body(raw).ok_or(PacketFault::Framing)?;
    let unreadable = |error: &dyn std::fmt::Display| PacketFault::Unreadable {
        reason: error.to_string(),
    };
    let signature = match Packet::from_bytes(raw).map_err(|error| unreadable(&error))? {
        Packet::Signature(signature) => signature,
        Packet::Unknown(unknown) => return Err(unreadable(unknown.error())),
        _ => return Err(PacketFault::Framing),
    };
    if !matches!(signature.version(), 3 | 4 | 6) {
        return Err(PacketFault::Version {
            version: signature.version(),
        });
    }
    if signature.typ() != SignatureType::Binary {
        return Err(PacketFault::Purpose);
    }
    check_algorithms(&signature)?;
    let written = signature.to_vec().map_err(|error| unreadable(&error))?;
    if written != body {
        return Err(PacketFault::NotCanonical);
    }
    let hints = signature.unhashed_area().iter();
    for subpacket in hints {
        let hint = matches!(subpacket.tag(), SubpacketTag::Issuer | SubpacketTag::IssuerFingerprint);
        if !hint || subpacket.critical() {
            return Err(PacketFault::Unhashed);
        }
    }
    Ok(signature.get_issuers())
}

/// Compares the hints with the key that made the signature.
pub(super) fn check_issuers(issuers: &[KeyHandle], signer: &Signer) -> Result<(), PacketFault> {
    let key = signer.signing_key.parse::<Fingerprint>().map(KeyHandle::from);
    let foreign = issuers
        .iter()
        .find(|issuer| !key.as_ref().is_ok_and(|key| key.aliases(*issuer)));
    foreign.map_or(Ok(()), |issuer| Err(PacketFault::Issuer { hint: issuer.to_hex() }))
}

fn check_algorithms(signature: &Signature) -> Result<(), PacketFault> {
    #[expect(deprecated, reason = "keys of before RFC 9580 have this number")]
    let key = matches!(
        signature.pk_algo(),
        PublicKeyAlgorithm::RSAEncryptSign
            | PublicKeyAlgorithm::RSASign
            | PublicKeyAlgorithm::EdDSA
            | PublicKeyAlgorithm::Ed25519
            | PublicKeyAlgorithm::ECDSA
    );
    if !key {
        return Err(PacketFault::Algorithm {
            algorithm: signature.pk_algo().to_string(),
        });
    }
    match signature.hash_algo() {
        HashAlgorithm::SHA256 | HashAlgorithm::SHA384 | HashAlgorithm::SHA512 => Ok(()),
        other => Err(PacketFault::Algorithm {
            algorithm: other.to_string(),
        }),
    }
}

/// What the packet's header announces, if that is one signature packet and nothing after it (RFC 9580 §4.2).
fn body(raw: &[u8]) -> Option<&[u8]> {
    let (&first, rest) = raw.split_first()?;
    let (length, body) = if first & 0xc0 == 0xc0 {
        if first & 0x3f != SIGNATURE {
            return None;
        }
        let (&octet, rest) = rest.split_first()?;
        match octet {
            ..192 => (usize::from(octet), rest),
            192..224 => {
                let (&low, rest) = rest.split_first()?;
                ((usize::from(octet) - 192) * 256 + usize::from(low) + 192, rest)
            }
            255 => big_endian(rest, 4)?,
            // Partial lengths are not for signatures.
            _ => return None,
        }
    } else {
        if first & 0xc0 != 0x80 || (first >> 2) & 0x0f != SIGNATURE {
            return None;
        }
        match first & 3 {
            0 => big_endian(rest, 1)?,
            1 => big_endian(rest, 2)?,
            2 => big_endian(rest, 4)?,
            _ => return None,
        }
    };
    (body.len() == length).then_some(body)
}

fn big_endian(bytes: &[u8], width: usize) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_at_checked(width)?;
    let length = length.iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
    Some((length, rest))
}
