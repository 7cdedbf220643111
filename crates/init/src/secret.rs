//! A value that cannot be printed.

use std::fmt;

use sha1::{Digest as _, Sha1};
use sha2::Sha256;

/// A password, or whatever else is nobody's business.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn new(value: String) -> Self {
        Self(value)
    }

    /// Where it is used, and nowhere else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What `mysql_native_password` keeps: `*` and SHA1(SHA1(password)) in hexadecimal digits, or nothing.  With it no
    /// password is ever part of a statement: there is nothing to quote, and nothing to find in a log.
    pub(crate) fn native_hash(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        format!("*{}", hexadecimal(&Sha1::digest(Sha1::digest(&self.0)))).to_ascii_uppercase()
    }

    /// Tells whether it is still the same, without telling what it is.
    pub(crate) fn fingerprint(&self, salt: &str) -> String {
        hexadecimal(
            &Sha256::new()
                .chain_update(salt)
                .chain_update([0])
                .chain_update(&self.0)
                .finalize(),
        )
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(..)")
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_servers() {
        // SELECT PASSWORD('password')
        let secret = Secret::new("password".to_owned());
        assert_eq!(secret.native_hash(), "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
