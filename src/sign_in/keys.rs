//! The provider's public keys (RFC 7517): only what can check a signature is taken.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet};
use serde_json::{Map, Value};
use thiserror::Error;

/// The most keys that are looked at.
const MOST_KEYS: usize = 64;
/// The least bytes of an RSA modulus: 2048 bits (RFC 7518 §3.3).
const SHORTEST_MODULUS: usize = 256;
/// The most: more would only cost time.
const LONGEST_MODULUS: usize = 512;

/// A set of keys.
#[derive(Clone, Debug)]
pub struct Keys {
    set: CoreJsonWebKeySet,
}

/// Why a text is no set of keys.
#[derive(Debug, Error)]
pub enum KeysError {
    /// Not a key set at all.
    #[error("the provider's keys are not readable")]
    Json(#[source] serde_json::Error),
    /// No key in it that could check a signature.
    #[error("the provider publishes no key that can check a signature")]
    Empty,
}

impl Keys {
    /// Reads a key set; keys of other kinds, of other use, shared secrets and short ones are left out.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeysError> {
        #[derive(serde::Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let Set { keys } = serde_json::from_slice(bytes).map_err(KeysError::Json)?;
        let usable = keys
            .into_iter()
            .take(MOST_KEYS)
            .filter(|key| key.as_object().is_some_and(is_usable));
        let keys: Vec<CoreJsonWebKey> = usable.filter_map(|key| serde_json::from_value(key).ok()).collect();
        if keys.is_empty() {
            return Err(KeysError::Empty);
        }
        Ok(Self {
            set: CoreJsonWebKeySet::new(keys),
        })
    }

    /// As the library takes them.
    pub fn set(&self) -> &CoreJsonWebKeySet {
        &self.set
    }

    /// Those that a token may mean which names this key, or none.
    pub fn candidates<'a>(&'a self, id: Option<&'a str>) -> impl Iterator<Item = &'a CoreJsonWebKey> {
        let named = move |key: &&CoreJsonWebKey| match id {
            Some(id) => key.key_id().is_some_and(|own| own.as_str() == id),
            None => true,
        };
        self.set.keys().iter().filter(named)
    }
}

fn is_usable(key: &Map<String, Value>) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|usage| usage != "sig") {
        return false;
    }
    match (text("kty"), text("crv")) {
        (Some("RSA"), _) => text("n")
            .and_then(|modulus| BASE64_URL_SAFE_NO_PAD.decode(modulus).ok())
            .is_some_and(|modulus| (SHORTEST_MODULUS..=LONGEST_MODULUS).contains(&significant(&modulus))),
        (Some("EC"), Some("P-256" | "P-384")) | (Some("OKP"), Some("Ed25519")) => true,
        _ => false,
    }
}

/// The length without zeros before it.
fn significant(bytes: &[u8]) -> usize {
    bytes.iter().skip_while(|byte| **byte == 0).count()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(keys: &Value) -> Result<usize, KeysError> {
        Keys::parse(json!({ "keys": keys }).to_string().as_bytes()).map(|keys| keys.candidates(None).count())
    }

    #[test]
    fn shared_secrets_short_keys_and_other_uses_are_left_out() {
        let modulus = |bytes: usize| BASE64_URL_SAFE_NO_PAD.encode(vec![0xc5; bytes]);
        let good = json!({"kty": "RSA", "use": "sig", "kid": "a", "n": modulus(256), "e": "AQAB"});
        assert_eq!(read(&json!([good])).unwrap(), 1);
        for bad in [
            json!({"kty": "oct", "k": "c2VjcmV0", "kid": "a"}),
            json!({"kty": "RSA", "n": modulus(128), "e": "AQAB"}),
            json!({"kty": "RSA", "n": modulus(1024), "e": "AQAB"}),
            json!({"kty": "RSA", "use": "enc", "n": modulus(256), "e": "AQAB"}),
            json!({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}),
            json!("RSA"),
        ] {
            assert!(matches!(read(&json!([bad])), Err(KeysError::Empty)), "{bad}");
            assert_eq!(read(&json!([bad, good])).unwrap(), 1, "{bad}");
        }
        assert!(matches!(Keys::parse(b"[]"), Err(KeysError::Json(_))));
    }
}
