//! What tokens say about time, issuer and audience: shared by ID tokens and logout tokens.  Pure; the time is given.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openidconnect::core::CoreJwsSigningAlgorithm as Algorithm;
use serde_json::{Map, Value};
use thiserror::Error;

/// The algorithms that are believed: signatures by a key that only the provider has.  Never `none`, never one with a shared secret.
pub const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];
/// How far two clocks may be apart, in seconds.
pub const LEEWAY: i64 = 30;
/// The most bytes that a token may have.
pub const LONGEST_TOKEN: usize = 16 << 10;
/// The longest identifier that is taken from a token, in bytes (OpenID Connect Core §2 allows a subject 255).
pub const LONGEST_IDENTIFIER: usize = 255;

/// Who must have made a token, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// The dashboard's name there.
    pub client_id: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

/// Why a token is refused.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum TokenError {
    /// More bytes than any honest one has.
    #[error("the token is too long")]
    TooLong,
    /// Not a signed token.
    #[error("the token is not readable")]
    Malformed,
    /// Signed in a way that proves nothing.
    #[error("the token's algorithm is not allowed")]
    Algorithm,
    /// Signed by a key that the provider does not publish.
    #[error("the token's key is not among the provider's")]
    UnknownKey,
    /// Not signed by the key that it names.
    #[error("the token's signature is wrong")]
    Signature,
    /// From somebody else.
    #[error("the token is from another issuer")]
    Issuer,
    /// For somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// Not any more.
    #[error("the token has expired")]
    Expired,
    /// Not yet.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// For another sign-in.
    #[error("the token's nonce is wrong")]
    Nonce,
    /// About somebody else than before.
    #[error("the token is about another person")]
    Subject,
    /// Something is missing, or is not what it should be.
    #[error("the token's `{0}` is missing or wrong")]
    Claim(&'static str),
    /// Seen before.
    #[error("the token was used before")]
    Replayed,
}

impl TokenError {
    /// A word for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "token-too-long",
            Self::Malformed => "token-malformed",
            Self::Algorithm => "token-algorithm",
            Self::UnknownKey => "token-unknown-key",
            Self::Signature => "token-signature",
            Self::Issuer => "token-issuer",
            Self::Audience => "token-audience",
            Self::Expired => "token-expired",
            Self::NotYetValid => "token-not-yet-valid",
            Self::Nonce => "token-nonce",
            Self::Subject => "token-subject",
            Self::Claim(_) => "token-claim",
            Self::Replayed => "token-replayed",
        }
    }
}

/// The three parts of a signed token in its compact form (RFC 7515 §7.1), decoded and not yet believed.
#[derive(Debug)]
pub struct Compact<'a> {
    /// What is signed.
    pub signed: &'a str,
    /// The header.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Takes a token apart.
    pub fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        if claims.contains('.') {
            return Err(TokenError::Malformed);
        }
        let bytes = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed);
        let object = |part: &str| serde_json::from_slice(&bytes(part)?).map_err(|_| TokenError::Malformed);
        Ok(Self {
            signed,
            header: object(header)?,
            claims: object(claims)?,
            signature: bytes(signature)?,
        })
    }
}

/// Checks `iss` exactly, and that `aud` names us and nobody else.
pub fn check_parties(claims: &Map<String, Value>, expected: Expected<'_>) -> Result<(), TokenError> {
    if text(claims, "iss") != Some(expected.issuer) {
        return Err(TokenError::Issuer);
    }
    let ours = |name: &Value| name.as_str() == Some(expected.client_id);
    let for_us = match claims.get("aud") {
        Some(Value::Array(names)) => !names.is_empty() && names.iter().all(ours),
        Some(name) => ours(name),
        None => false,
    };
    let party = claims.get("azp");
    if !for_us || party.is_some_and(|party| !ours(party)) {
        return Err(TokenError::Audience);
    }
    Ok(())
}

/// Checks that now lies between `nbf` and `exp`, where there are such, and that `iat` is not in the future.
pub fn check_times(claims: &Map<String, Value>, now: i64) -> Result<(), TokenError> {
    let time = |name: &'static str| match claims.get(name) {
        None => Ok(None),
        Some(value) => seconds(value).map(Some).ok_or(TokenError::Claim(name)),
    };
    if time("exp")?.is_some_and(|end| now >= end.saturating_add(LEEWAY)) {
        return Err(TokenError::Expired);
    }
    let begins = [time("nbf")?, time("iat")?].into_iter().flatten().max();
    if begins.is_some_and(|begin| now < begin.saturating_sub(LEEWAY)) {
        return Err(TokenError::NotYetValid);
    }
    Ok(())
}

/// A time (RFC 7519 `NumericDate`) in whole seconds.
pub fn seconds(value: &Value) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the bound before it leaves nothing to cut"
    )]
    let from_fraction = |number: f64| (number.abs() < 1e15).then_some(number as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(from_fraction))
}

/// A claim that is a text of some length.
pub fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// A claim that identifies something.
pub fn identifier(claims: &Map<String, Value>, name: &'static str) -> Result<Option<String>, TokenError> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= LONGEST_IDENTIFIER => Ok(Some(text.clone())),
        Some(_) => Err(TokenError::Claim(name)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const EXPECTED: Expected<'_> = Expected {
        issuer: "https://a/",
        client_id: "us",
        now: 1000,
    };

    fn parties(claims: &Value) -> Result<(), TokenError> {
        check_parties(claims.as_object().unwrap(), EXPECTED)
    }

    #[test]
    fn issuer_and_audience_are_exact() {
        assert_eq!(parties(&json!({"iss": "https://a/", "aud": "us"})), Ok(()));
        assert_eq!(
            parties(&json!({"iss": "https://a/", "aud": ["us"], "azp": "us"})),
            Ok(())
        );
        assert_eq!(
            parties(&json!({"iss": "https://a", "aud": "us"})),
            Err(TokenError::Issuer)
        );
        for aud in [
            json!("them"),
            json!([]),
            json!(["us", "them"]),
            json!(null),
            json!(["us", 1]),
            json!("US"),
        ] {
            assert_eq!(
                parties(&json!({"iss": "https://a/", "aud": aud})),
                Err(TokenError::Audience),
                "{aud}"
            );
        }
        assert_eq!(
            parties(&json!({"iss": "https://a/", "aud": "us", "azp": "them"})),
            Err(TokenError::Audience)
        );
    }

    #[test]
    fn clocks_may_be_a_little_apart() {
        let check = |claims: &Value| check_times(claims.as_object().unwrap(), 1000);
        assert_eq!(check(&json!({"exp": 971, "nbf": 1030, "iat": 1030.5})), Ok(()));
        assert_eq!(check(&json!({"exp": 970})), Err(TokenError::Expired));
        assert_eq!(check(&json!({"nbf": 1031})), Err(TokenError::NotYetValid));
        assert_eq!(check(&json!({"iat": 1031})), Err(TokenError::NotYetValid));
        assert_eq!(check(&json!({"exp": "soon"})), Err(TokenError::Claim("exp")));
        assert_eq!(check(&json!({"exp": 1e300})), Err(TokenError::Claim("exp")));
        assert_eq!(check(&json!({"exp": i64::MAX, "nbf": i64::MIN})), Ok(()));
    }

    #[test]
    fn only_three_parts_are_a_token() {
        for token in [
            "",
            ".",
            "..",
            "a.b",
            "e30.e30.!",
            "e30.e30.e30.e30",
            "W10.e30.AA",
            "e30.bnVsbA.AA",
        ] {
            assert_eq!(Compact::parse(token).unwrap_err(), TokenError::Malformed, "{token}");
        }
        assert!(Compact::parse("e30.e30.").is_ok());
        assert_eq!(
            Compact::parse(&"x".repeat(LONGEST_TOKEN + 1)).unwrap_err(),
            TokenError::TooLong
        );
    }
}
