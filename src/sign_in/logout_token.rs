//! The logout token of OpenID Connect Back-Channel Logout 1.0 §2.4 to §2.6: the provider says that somebody is no longer signed in.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use openidconnect::JsonWebKey;
use openidconnect::core::CoreJwsSigningAlgorithm;
use serde_json::Value;

use crate::sign_in::claims::{
    ALGORITHMS, Compact, Expected, LEEWAY, TokenError, check_parties, check_times, identifier, seconds,
};
use crate::sign_in::keys::Keys;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// The oldest token that is believed, in seconds; Keycloak 23 gives them no end of their own.
const OLDEST: i64 = 120;
/// For how long a token is remembered: longer than it can be believed.
const REMEMBERED: Duration = Duration::from_secs(600);
/// How many are.
const MOST_REMEMBERED: usize = 4096;

/// Whose sessions end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogoutToken {
    /// The token's own name.
    pub id: String,
    /// The provider's session, where it means one.
    pub sid: Option<String>,
    /// The person; without a session, all of theirs.
    pub subject: Option<String>,
}

/// Checks a logout token; whether it was used before is [`Replays`]' to say.
pub fn check(raw: &str, keys: &Keys, expected: Expected<'_>) -> Result<LogoutToken, TokenError> {
    let token = Compact::parse(raw)?;
    check_signature(&token, keys)?;
    let claims = &token.claims;
    check_parties(claims, expected)?;
    check_times(claims, expected.now)?;
    let issued = claims.get("iat").and_then(seconds).ok_or(TokenError::Claim("iat"))?;
    if expected.now > issued.saturating_add(OLDEST + LEEWAY) {
        return Err(TokenError::Expired);
    }
    if !claims
        .get("events")
        .is_some_and(|events| events.get(EVENT).is_some_and(Value::is_object))
    {
        return Err(TokenError::Claim("events"));
    }
    // An ID token must not pass for a logout token.
    if claims.contains_key("nonce") {
        return Err(TokenError::Claim("nonce"));
    }
    let token = LogoutToken {
        id: identifier(claims, "jti")?.ok_or(TokenError::Claim("jti"))?,
        sid: identifier(claims, "sid")?,
        subject: identifier(claims, "sub")?,
    };
    if token.sid.is_none() && token.subject.is_none() {
        return Err(TokenError::Claim("sub"));
    }
    Ok(token)
}

fn check_signature(token: &Compact<'_>, keys: &Keys) -> Result<(), TokenError> {
    let header = &token.header;
    let kind = header
        .get("typ")
        .map(|kind| kind.as_str().unwrap_or("?").to_ascii_lowercase());
    let known = kind.is_none_or(|kind| ["jwt", "logout+jwt", "application/logout+jwt"].contains(&kind.as_str()));
    if !known || header.contains_key("crit") {
        return Err(TokenError::Malformed);
    }
    let algorithm = header.get("alg").cloned().ok_or(TokenError::Algorithm)?;
    let algorithm: CoreJwsSigningAlgorithm = serde_json::from_value(algorithm).map_err(|_| TokenError::Algorithm)?;
    if !ALGORITHMS.contains(&algorithm) {
        return Err(TokenError::Algorithm);
    }
    let id = match header.get("kid") {
        None => None,
        Some(id) => Some(id.as_str().ok_or(TokenError::Malformed)?),
    };
    let mut candidates = keys.candidates(id).peekable();
    if candidates.peek().is_none() {
        return Err(TokenError::UnknownKey);
    }
    let verifies = |key: &openidconnect::core::CoreJsonWebKey| {
        key.verify_signature(&algorithm, token.signed.as_bytes(), &token.signature)
            .is_ok()
    };
    if candidates.any(verifies) {
        Ok(())
    } else {
        Err(TokenError::Signature)
    }
}

/// The tokens that were used lately.
#[derive(Debug, Default)]
pub struct Replays {
    seen: Mutex<BTreeMap<String, Instant>>,
}

impl Replays {
    /// Remembers a token by its name; refuses one that is known.
    pub fn note(&self, id: &str, now: Instant) -> Result<(), TokenError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, at| now.saturating_duration_since(*at) < REMEMBERED);
        if seen.contains_key(id) {
            return Err(TokenError::Replayed);
        }
        // Only the provider can fill this; forgetting the oldest is better than hearing nothing any more.
        if seen.len() >= MOST_REMEMBERED
            && let Some(oldest) = seen.iter().min_by_key(|(_, at)| **at).map(|(id, _)| id.clone())
        {
            seen.remove(&oldest);
        }
        seen.insert(id.to_owned(), now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_used_once_and_forgotten_later() {
        let (replays, now) = (Replays::default(), Instant::now());
        assert_eq!(replays.note("a", now), Ok(()));
        assert_eq!(
            replays.note("a", now + Duration::from_secs(599)),
            Err(TokenError::Replayed)
        );
        assert_eq!(replays.note("a", now + Duration::from_secs(601)), Ok(()));
    }

    #[test]
    fn the_memory_is_bounded() {
        let (replays, now) = (Replays::default(), Instant::now());
        for number in 0..MOST_REMEMBERED + 10 {
            replays.note(&number.to_string(), now).unwrap();
        }
        assert_eq!(replays.seen.lock().unwrap().len(), MOST_REMEMBERED);
    }
}
