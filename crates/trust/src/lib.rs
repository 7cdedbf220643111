//! OpenPGP signatures and digests: the only maker of verified values.
//!
//! A [`Verified`] can be made by nothing but this crate's checks, so a function that takes one cannot be given bytes that nobody looked at.
//! Keys, time and bytes are arguments: nothing here reads a file or the clock.

mod clear_signed;
mod digest;
mod keyring;
mod rpm;
mod signature;
mod verified;

pub use clear_signed::{FramingError, SignedText, verify_inrelease};
pub use digest::{Digest, DigestError, Hasher, HashingReader, Sha256, Sha256Error, UnknownDigest, check_digest};
pub use keyring::{KeyFileError, Keyring, KeyringError};
pub use rpm::{PacketFault, RecordError, RepositoryRecord, RpmError, SignedRpm, verify_rpm};
pub use signature::{KeyAge, Refusal, SignatureError, Signer, verify_detached};
pub use verified::Verified;
