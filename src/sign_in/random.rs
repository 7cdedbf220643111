//! Secrets that nobody can guess, and their digests, which are all that is kept of them.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// 256 bits.
const BYTES: usize = 32;

/// 256 random bits in base64url: 43 characters.  Not to be printed.
#[derive(Clone, Eq, PartialEq)]
pub struct Ticket(String);

/// The SHA-256 digest of a ticket.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Digest([u8; 32]);

impl Ticket {
    /// A new one.
    pub fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// One that came back; nothing for a text that cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == BYTES).then(|| Self(text.to_owned()))
    }

    /// The ticket itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What may be kept of it.
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.0.as_bytes()).into())
    }

    /// Another secret that follows from this one, and from which this one does not.
    pub fn derive(&self, purpose: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(self.0.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(hash.finalize())
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ticket(…)")
    }
}

impl Digest {
    /// The first characters of it, to tell one session from another in a log.
    pub fn short(self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&self.0[..6])
    }
}

/// Whether two secrets are the same, in a time that does not depend on where they differ.
pub fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one.as_bytes()) == Sha256::digest(other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_come_back_as_they_were_and_nothing_else_is_one() {
        let ticket = Ticket::draw().unwrap();
        assert_eq!(Ticket::parse(ticket.reveal()).unwrap().digest(), ticket.digest());
        assert_ne!(ticket, Ticket::draw().unwrap());
        assert_ne!(ticket.derive("form"), ticket.derive("other"));
        assert!(!format!("{ticket:?}").contains(ticket.reveal()));
        for text in [
            "",
            "x",
            &"A".repeat(42),
            &"A".repeat(44),
            &"=".repeat(43),
            &"é".repeat(22),
        ] {
            assert_eq!(Ticket::parse(text), None, "{text}");
        }
    }
}
