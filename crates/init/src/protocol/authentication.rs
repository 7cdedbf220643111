//! How a password is proved: `mysql_native_password` of MariaDB and older MySQL, `caching_sha2_password` of MySQL 8 and later.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::packet::Packet;
use super::{ERROR, ProtocolError, refusal};

const NATIVE: &str = "mysql_native_password";
const CACHING_SHA2: &str = "caching_sha2_password";
/// What `caching_sha2_password` says next: the scramble was enough, or it wants the password itself.
const ENOUGH: u8 = 3;
const WHOLE_PASSWORD: u8 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plugin {
    Native,
    CachingSha2,
}

impl Plugin {
    pub(super) fn named(name: &[u8]) -> Result<Self, ProtocolError> {
        match name {
            name if name == NATIVE.as_bytes() => Ok(Self::Native),
            name if name == CACHING_SHA2.as_bytes() => Ok(Self::CachingSha2),
            other => Err(ProtocolError::Authentication(
                String::from_utf8_lossy(other).into_owned(),
            )),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Native => NATIVE,
            Self::CachingSha2 => CACHING_SHA2,
        }
    }

    /// Nothing for an empty password.
    pub(super) fn scramble(self, password: &[u8], salt: &[u8]) -> Vec<u8> {
        if password.is_empty() {
            return Vec::new();
        }
        match self {
            Self::Native => native(password, salt),
            Self::CachingSha2 => caching_sha2(password, salt),
        }
    }

    /// What to send when the server wants more than the scramble.  The password itself goes only where this is used: through a
    /// Unix socket, to a server that we have started.
    pub(super) fn go_on(self, wish: &[u8], password: &[u8]) -> Result<Option<Vec<u8>>, ProtocolError> {
        match (self, wish) {
            (Self::CachingSha2, [ENOUGH]) => Ok(None),
            (Self::CachingSha2, [WHOLE_PASSWORD]) => Ok(Some([password, &[0]].concat())),
            _ => Err(ProtocolError::Unknown("wish for more than the login")),
        }
    }
}

/// SHA1(password) XOR SHA1(salt + SHA1(SHA1(password))).
fn native(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let once = Sha1::digest(password);
    let salted = Sha1::new()
        .chain_update(salt)
        .chain_update(Sha1::digest(once))
        .finalize();
    once.iter().zip(salted).map(|(left, right)| left ^ right).collect()
}

/// SHA256(password) XOR SHA256(SHA256(SHA256(password)) + salt).
fn caching_sha2(password: &[u8], salt: &[u8]) -> Vec<u8> {
    let once = Sha256::digest(password);
    let salted = Sha256::new()
        .chain_update(Sha256::digest(once))
        .chain_update(salt)
        .finalize();
    once.iter().zip(salted).map(|(left, right)| left ^ right).collect()
}

/// The salt of the first packet (protocol version 10).
pub(super) fn parse_greeting(packet: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    if packet.first() == Some(&ERROR) {
        return Err(refusal(packet));
    }
    let mut rest = Packet::new(packet);
    if rest.take(1)? != [10] {
        return Err(ProtocolError::Unknown("protocol version"));
    }
    rest.until_zero()?;
    rest.take(4)?;
    let mut salt = rest.take(8)?.to_vec();
    // Filler, capabilities, character set, status, capabilities, length of the salt, reserved.
    rest.take(1 + 2 + 1 + 2 + 2 + 1 + 10)?;
    salt.extend_from_slice(rest.take(12)?);
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_can_undo_the_scramble_with_what_it_keeps() {
        let salt: Vec<u8> = (1..=20).collect();
        let once = Sha1::digest(b"password");
        let stage = Sha1::new()
            .chain_update(&salt)
            .chain_update(Sha1::digest(once))
            .finalize();
        let scrambled = Plugin::Native.scramble(b"password", &salt);
        let back: Vec<u8> = scrambled.iter().zip(stage).map(|(left, right)| left ^ right).collect();
        assert_eq!(back, once.to_vec());
        for plugin in [Plugin::Native, Plugin::CachingSha2] {
            assert!(plugin.scramble(b"", &salt).is_empty());
            assert_eq!(Plugin::named(plugin.name().as_bytes()).unwrap(), plugin);
        }
        let scrambled = Plugin::CachingSha2.scramble(b"password", &salt);
        let once = Sha256::digest(b"password");
        let stage = Sha256::new()
            .chain_update(Sha256::digest(once))
            .chain_update(&salt)
            .finalize();
        let back: Vec<u8> = scrambled.iter().zip(stage).map(|(left, right)| left ^ right).collect();
        assert_eq!(back, once.to_vec());
    }

    #[test]
    fn a_password_leaves_only_where_that_is_asked_in_its_way() {
        assert_eq!(Plugin::CachingSha2.go_on(&[ENOUGH], b"x").unwrap(), None);
        assert_eq!(
            Plugin::CachingSha2.go_on(&[WHOLE_PASSWORD], b"x").unwrap(),
            Some(b"x\0".to_vec())
        );
        assert!(Plugin::Native.go_on(&[WHOLE_PASSWORD], b"x").is_err());
        assert!(Plugin::CachingSha2.go_on(&[2], b"x").is_err());
    }
}
