//! The judgement of OpenPGP signatures: by which key, and whether that key could make them.

use std::time::SystemTime;

use sequoia_openpgp as openpgp;
use sequoia_openpgp::cert::amalgamation::{ValidAmalgamation as _, ValidateAmalgamation as _};
use sequoia_openpgp::cert::prelude::ValidErasedKeyAmalgamation;
use sequoia_openpgp::packet::key::PublicParts;
use sequoia_openpgp::packet::{Signature, Tag};
use sequoia_openpgp::parse::Parse as _;
use sequoia_openpgp::parse::stream::{
    DetachedVerifierBuilder, MessageLayer, MessageStructure, VerificationError, VerificationHelper, VerificationResult,
};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::types::RevocationStatus;
use sequoia_openpgp::{Cert, KeyHandle};

use crate::clear_signed::FramingError;
use crate::keyring::Keyring;
use crate::verified::Verified;

/// Longest signature block; one by an RSA key of 4096 bits has 900 bytes armored.
const LONGEST_SIGNATURE: usize = 64 << 10;

/// Who signed, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Fingerprint of the primary key, upper-case hex.
    pub signed_by: String,
    /// Fingerprint of the key that made the signature: the primary key or one of its subkeys.
    pub signing_key: String,
    pub signed_at: SystemTime,
}

#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    #[error("message is not signed")]
    Missing,
    #[error("message is not a clear-signed one")]
    Framing(#[source] FramingError),
    #[error("signature block is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("signature block is unreadable: {reason}")]
    Unreadable { reason: String },
    #[error("no signature is accepted: {}", list(.refusals))]
    Refused { refusals: Vec<Refusal> },
}

/// Why one signature is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("made by key {key}, which is not a trusted one")]
    UnknownKey { key: String },
    #[error("made by no key that it names")]
    NoIssuer,
    #[error("key {key} had expired, was revoked or could not sign when the signature was made ({reason})")]
    KeyThen { key: String, reason: String },
    #[error("key {key} has expired or been revoked since ({reason})")]
    KeyNow { key: String, reason: String },
    #[error("signature by key {key} does not fit: the text was changed, or it is not valid now ({reason})")]
    Bad { key: String, reason: String },
    #[error("signature is malformed: {reason}")]
    Malformed { reason: String },
}

fn list(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Verifies a signature that stands beside what it signs, armored or binary.
pub fn verify_detached(
    bytes: Vec<u8>,
    signature: &[u8],
    keyring: &Keyring,
    now: SystemTime,
) -> Result<(Verified<Vec<u8>>, Signer), SignatureError> {
    let signer = judge(&bytes, signature, keyring, now)?;
    Ok((Verified::new(bytes), signer))
}

/// What becomes of a signature by a key that has expired since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyAge {
    /// The key must have been valid when it signed and must be valid now.
    #[default]
    ValidNow,
    /// It is enough that the key was valid at the time that the signature bears.  A revoked key stays refused.
    ValidWhenSigned,
}

/// One good signature is enough; the key must have been valid when it signed and must be valid now.
pub(crate) fn judge(
    signed: &[u8],
    signature: &[u8],
    keyring: &Keyring,
    now: SystemTime,
) -> Result<Signer, SignatureError> {
    judge_by(
        &StandardPolicy::at(now),
        signed,
        signature,
        keyring,
        now,
        KeyAge::ValidNow,
    )
}

/// As [`judge`], and signature packets of version 3 are accepted: rpm's signers still make them.
pub(crate) fn judge_package(
    signed: &[u8],
    signature: &[u8],
    keyring: &Keyring,
    now: SystemTime,
    age: KeyAge,
) -> Result<Signer, SignatureError> {
    let mut policy = StandardPolicy::at(now);
    policy.accept_packet_tag_version(Tag::Signature, 3);
    judge_by(&policy, signed, signature, keyring, now, age)
}

fn judge_by(
    policy: &StandardPolicy<'_>,
    signed: &[u8],
    signature: &[u8],
    keyring: &Keyring,
    now: SystemTime,
    age: KeyAge,
) -> Result<Signer, SignatureError> {
    if signature.len() > LONGEST_SIGNATURE {
        return Err(SignatureError::TooLong {
            limit: LONGEST_SIGNATURE,
        });
    }
    let judge = Judge {
        keyring,
        policy,
        now,
        age,
        signer: None,
        refusals: Vec::new(),
    };
    let unreadable = |error: &dyn std::fmt::Display| SignatureError::Unreadable {
        reason: error.to_string(),
    };
    let verifier = DetachedVerifierBuilder::from_bytes(signature)
        .and_then(|builder| builder.with_policy(policy, now, judge))
        .map_err(|error| unreadable(&error));
    let mut verifier = verifier?;
    // The helper never refuses, so an error here is one of reading.
    verifier.verify_bytes(signed).map_err(|error| unreadable(&error))?;
    let judge = verifier.into_helper();
    match (judge.signer, judge.refusals) {
        (Some(signer), _) => Ok(signer),
        (None, refusals) if refusals.is_empty() => Err(SignatureError::Missing),
        (None, refusals) => Err(SignatureError::Refused { refusals }),
    }
}

struct Judge<'a> {
    keyring: &'a Keyring,
    policy: &'a StandardPolicy<'a>,
    now: SystemTime,
    age: KeyAge,
    signer: Option<Signer>,
    refusals: Vec<Refusal>,
}

impl VerificationHelper for Judge<'_> {
    fn get_certs(&mut self, _ids: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        Ok(self.keyring.certificates.clone())
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        for layer in structure {
            let MessageLayer::SignatureGroup { results } = layer else {
                continue;
            };
            for result in results {
                match self.one(result) {
                    Ok(signer) => self.signer = self.signer.take().or(Some(signer)),
                    Err(refusal) => self.refusals.push(refusal),
                }
            }
        }
        Ok(())
    }
}

impl Judge<'_> {
    fn one(&self, result: VerificationResult<'_>) -> Result<Signer, Refusal> {
        let good = result.map_err(|error| refusal(&error))?;
        let signing_key = good.ka.key().fingerprint().to_hex();
        self.still_valid(&good.ka).map_err(|reason| Refusal::KeyNow {
            key: signing_key.clone(),
            reason,
        })?;
        // Two bytes of the digest stand in the packet in clear, covered by nothing.
        let digest = good.sig.computed_digest();
        if digest.is_none_or(|digest| !digest.starts_with(good.sig.digest_prefix())) {
            return Err(Refusal::Malformed {
                reason: "it has the beginning of another digest".to_owned(),
            });
        }
        let signed_at = good.sig.signature_creation_time();
        Ok(Signer {
            signed_by: good.ka.cert().fingerprint().to_hex(),
            signing_key,
            signed_at: signed_at.ok_or(Refusal::Malformed {
                reason: "it has no time".to_owned(),
            })?,
        })
    }

    /// The library looks at the key as of the signature's time; a key that has expired or been revoked since is no
    /// longer trusted either, since whoever has it may date signatures as they please.
    fn still_valid(&self, key: &ValidErasedKeyAmalgamation<'_, PublicParts>) -> Result<(), String> {
        let today = key
            .clone()
            .with_policy(self.policy, self.now)
            .map_err(|error| error.to_string())?;
        if self.age == KeyAge::ValidNow {
            today.valid_cert().alive().map_err(|error| error.to_string())?;
            today.alive().map_err(|error| error.to_string())?;
        }
        let revoked = |status| matches!(status, RevocationStatus::Revoked(_));
        if revoked(today.valid_cert().revocation_status()) || revoked(today.revocation_status()) {
            return Err("revoked".to_owned());
        }
        Ok(())
    }
}

fn refusal(error: &VerificationError<'_>) -> Refusal {
    let issuer = |signature: &Signature| signature.get_issuers().first().map(KeyHandle::to_hex);
    match error {
        VerificationError::MissingKey { sig } => match issuer(sig) {
            Some(key) => Refusal::UnknownKey { key },
            None => Refusal::NoIssuer,
        },
        VerificationError::UnboundKey { cert, error, .. } => Refusal::KeyThen {
            key: cert.fingerprint().to_hex(),
            reason: error.to_string(),
        },
        VerificationError::BadKey { ka, error, .. } => Refusal::KeyThen {
            key: ka.key().fingerprint().to_hex(),
            reason: error.to_string(),
        },
        VerificationError::BadSignature { ka, error, .. } => Refusal::Bad {
            key: ka.key().fingerprint().to_hex(),
            reason: error.to_string(),
        },
        VerificationError::MalformedSignature { error, .. } => Refusal::Malformed {
            reason: error.to_string(),
        },
        VerificationError::UnknownSignature { sig } => Refusal::Malformed {
            reason: sig.error().to_string(),
        },
        _ => Refusal::Malformed {
            reason: "unknown".to_owned(),
        },
    }
}
