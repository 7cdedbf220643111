//! Clear-signed messages (RFC 9580 §7), as an archive's `InRelease` file is one.
//!
//! The framing is taken apart here, strictly, so that what is returned is what was signed and there is nothing beside it.

use std::time::SystemTime;

use crate::keyring::Keyring;
use crate::signature::{SignatureError, judge};
use crate::verified::Verified;

/// Longest message; Debian's longest InRelease has about 2 MiB.
const LONGEST: usize = 32 << 20;

const BEGIN_MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END_SIGNATURE: &str = "-----END PGP SIGNATURE-----";

/// A text and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedText {
    /// Exactly what was signed: dash-escapes removed, and white space at the ends of lines, which no signature covers.
    pub text: String,
    /// Fingerprint of the signer's primary key, upper-case hex.
    pub signed_by: String,
    /// Fingerprint of the key that made the signature: the primary key or one of its subkeys.
    pub signing_key: String,
    pub signed_at: SystemTime,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    #[error("it is not UTF-8")]
    Encoding,
    #[error("line {line} begins with a hyphen that is not escaped")]
    Unescaped { line: usize },
    #[error("line {line} is not a `Hash` header")]
    Header { line: usize },
    #[error("it is cut off: there is no end of the signature")]
    Unfinished,
    #[error("something that is not signed follows in line {line}")]
    Trailing { line: usize },
    #[error("something that is not signed precedes it")]
    Leading,
}

/// Verifies a clear-signed message as of `now`: one good signature by a key of the ring is enough.
pub fn verify_inrelease(
    bytes: &[u8],
    keyring: &Keyring,
    now: SystemTime,
) -> Result<Verified<SignedText>, SignatureError> {
    let message = take_apart(bytes)?;
    let signer = judge(message.text.as_bytes(), message.signature.as_bytes(), keyring, now)?;
    Ok(Verified::new(SignedText {
        text: message.text,
        signed_by: signer.signed_by,
        signing_key: signer.signing_key,
        signed_at: signer.signed_at,
    }))
}

struct Message {
    /// The last line's end does not belong to it.
    text: String,
    /// The armored block.
    signature: String,
}

fn take_apart(bytes: &[u8]) -> Result<Message, SignatureError> {
    let framing = SignatureError::Framing;
    if bytes.len() > LONGEST {
        return Err(framing(FramingError::TooLong));
    }
    let text = str::from_utf8(bytes).map_err(|_| framing(FramingError::Encoding))?;
    // White space at a line's end, the carriage return of another system among it, is not signed (§7.2).
    let mut lines = (1..).zip(text.lines().map(|line| line.trim_end_matches([' ', '\t', '\r'])));
    if lines.next().is_none_or(|(_, line)| line != BEGIN_MESSAGE) {
        let elsewhere = text.lines().any(|line| line.starts_with(BEGIN_MESSAGE));
        return Err(if elsewhere {
            framing(FramingError::Leading)
        } else {
            SignatureError::Missing
        });
    }
    for (line, header) in lines.by_ref() {
        if header.is_empty() {
            break;
        }
        let hash = header.strip_prefix("Hash: ").is_some_and(|names| {
            names
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b',' | b' ' | b'-'))
        });
        if !hash {
            return Err(framing(FramingError::Header { line }));
        }
    }
    let mut signed = String::with_capacity(text.len());
    loop {
        let Some((line, content)) = lines.next() else {
            return Err(SignatureError::Missing);
        };
        if content == BEGIN_SIGNATURE {
            break;
        }
        let unescaped = content.strip_prefix("- ").unwrap_or(content);
        if unescaped.len() == content.len() && content.starts_with('-') {
            return Err(framing(FramingError::Unescaped { line }));
        }
        signed.push_str(unescaped);
        signed.push('\n');
    }
    signed.pop();
    let mut signature = format!("{BEGIN_SIGNATURE}\n");
    loop {
        let Some((_, content)) = lines.next() else {
            return Err(framing(FramingError::Unfinished));
        };
        signature.push_str(content);
        signature.push('\n');
        if content == END_SIGNATURE {
            break;
        }
    }
    match lines.find(|(_, content)| !content.is_empty()) {
        Some((line, _)) => Err(framing(FramingError::Trailing { line })),
        None => Ok(Message {
            text: signed,
            signature,
        }),
    }
}
