//! What PostgreSQL keeps of a password: a verifier of SCRAM-SHA-256 (RFC 5802, RFC 7677), in the form of RFC 5803.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// PostgreSQL's own number.
const ITERATIONS: u32 = 4096;
/// Of a verifier from elsewhere: checking it should not take long.
const MOST_ITERATIONS: u32 = 1_000_000;
const SCHEME: &str = "SCRAM-SHA-256";

pub(super) const SALT_BYTES: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verifier {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: Vec<u8>,
    server_key: Vec<u8>,
}

impl Verifier {
    /// The password must be ASCII without control characters, which SASLprep (RFC 4013) leaves as it is.
    pub(super) fn new(password: &[u8], salt: [u8; SALT_BYTES]) -> Self {
        Self::compute(password, &salt, ITERATIONS)
    }

    fn compute(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let salted = salted_password(password, salt, iterations);
        let client_key = keyed(&salted, b"Client Key");
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: Sha256::digest(client_key).to_vec(),
            server_key: keyed(&salted, b"Server Key").to_vec(),
        }
    }

    /// Whether it was made of this password.
    pub(super) fn fits(&self, password: &[u8]) -> bool {
        Self::compute(password, &self.salt, self.iterations) == *self
    }

    /// `SCRAM-SHA-256$4096:salt$stored key:server key`
    pub(super) fn text(&self) -> String {
        format!(
            "{SCHEME}${}:{}${}:{}",
            self.iterations,
            STANDARD.encode(&self.salt),
            STANDARD.encode(&self.stored_key),
            STANDARD.encode(&self.server_key)
        )
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(SCHEME)?.strip_prefix('$')?;
        let (begin, keys) = rest.split_once('$')?;
        let (iterations, salt) = begin.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |text: &str| STANDARD.decode(text).ok().filter(|key| key.len() == 32);
        Some(Self {
            iterations: iterations
                .parse()
                .ok()
                .filter(|count| (1..=MOST_ITERATIONS).contains(count))?,
            salt: STANDARD.decode(salt).ok()?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }
}

/// Hi() of RFC 5802: PBKDF2 with one block.
fn salted_password(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut last = keyed(password, &[salt, &1_u32.to_be_bytes()].concat());
    let mut salted = last;
    for _ in 1..iterations {
        last = keyed(password, &last);
        salted.iter_mut().zip(last).for_each(|(sum, byte)| *sum ^= byte);
    }
    salted
}

fn keyed(key: &[u8], message: &[u8]) -> [u8; 32] {
    // A key of any length will do for an HMAC; were it otherwise, nobody could log in, which a test would see.
    Hmac::<Sha256>::new_from_slice(key).map_or([0; 32], |mac| mac.chain_update(message).finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_those_of_the_standards_own_exchange() {
        // RFC 7677 §3: the client's proof and the server's signature for the password `pencil`.
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = Verifier::compute(b"pencil", &salt, 4096);
        let message = b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = keyed(&verifier.server_key, message);
        assert_eq!(
            STANDARD.encode(signature),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
        let proof = STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let client_key: Vec<u8> = proof
            .iter()
            .zip(keyed(&verifier.stored_key, message))
            .map(|(left, right)| left ^ right)
            .collect();
        assert_eq!(Sha256::digest(client_key).to_vec(), verifier.stored_key);
    }

    #[test]
    fn a_verifier_is_read_as_it_was_written_and_fits_its_password_alone() {
        let verifier = Verifier::new(b"a$b:c", [7; SALT_BYTES]);
        let text = verifier.text();
        assert!(
            text.starts_with("SCRAM-SHA-256$4096:BwcHBwcHBwcHBwcHBwcHBw==$"),
            "{text}"
        );
        let again = Verifier::parse(&text).unwrap();
        assert_eq!(again, verifier);
        assert!(again.fits(b"a$b:c") && !again.fits(b"a$b:d") && !again.fits(b""));
    }

    #[test]
    fn what_is_no_verifier_is_none() {
        let key = STANDARD.encode([0; 32]);
        for text in [
            String::new(),
            "md5e8a48653851e28c69d0506508fb27fc5".to_owned(),
            format!("SCRAM-SHA-256$0:AA==${key}:{key}"),
            format!("SCRAM-SHA-256$4294967295:AA==${key}:{key}"),
            format!("SCRAM-SHA-256$4096:AA==${key}"),
            format!("SCRAM-SHA-256$4096:AA==${key}:AA=="),
        ] {
            assert_eq!(Verifier::parse(&text), None, "{text}");
        }
    }
}
