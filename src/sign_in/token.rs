//! The ID token: checked, and who it is about.

use std::time::{Duration, SystemTime};

use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier};
use openidconnect::{ClaimsVerificationError, ClientId, IssuerUrl, Nonce, SignatureVerificationError};
use serde_json::{Map, Value};

use crate::sign_in::claims::{
    ALGORITHMS, Compact, Expected, LEEWAY, LONGEST_TOKEN, TokenError, check_parties, check_times, identifier, text,
};
use crate::sign_in::keys::Keys;
use crate::sign_in::random::same;

/// Who somebody is.  Issuer and subject together are the identity; names may change and be given anew, so nothing is decided by them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Identity {
    /// Who says so.
    pub issuer: String,
    /// Whom they mean.
    pub subject: String,
    /// What to call them, fit to be shown.
    pub name: String,
    /// The name that they sign in with, fit to be shown, where the provider tells it.
    pub account: Option<String>,
}

/// What the token's nonce must be.
#[derive(Clone, Copy, Debug)]
pub enum NonceRule<'a> {
    /// Ours: the token answers a sign-in.
    Ours(&'a str),
    /// That of the sign-in, or none: the token was renewed (OpenID Connect Core §12.2).
    OursOrNone(&'a str),
}

impl NonceRule<'_> {
    fn verify(self, found: Option<&Nonce>) -> Result<(), String> {
        let is_good = match (self, found) {
            (Self::Ours(ours) | Self::OursOrNone(ours), Some(found)) => same(ours, found.secret()),
            (Self::Ours(_), None) => false,
            (Self::OursOrNone(_), None) => true,
        };
        if is_good {
            Ok(())
        } else {
            Err("the nonce is wrong".to_owned())
        }
    }
}

/// What a checked ID token says.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who it is about.
    pub identity: Identity,
    /// The provider's name for its session.
    pub sid: Option<String>,
    /// Everything else.
    pub claims: Map<String, Value>,
}

/// Checks an ID token as OpenID Connect Core §3.1.3.7 says: by the library, and what it leaves open by ourselves.
pub fn check(raw: &str, keys: &Keys, nonce: NonceRule<'_>, expected: Expected<'_>) -> Result<SignedIn, TokenError> {
    if raw.len() > LONGEST_TOKEN {
        return Err(TokenError::TooLong);
    }
    let token: CoreIdToken = raw.parse().map_err(|_| TokenError::Malformed)?;
    let issuer = IssuerUrl::new(expected.issuer.to_owned()).map_err(|_| TokenError::Issuer)?;
    let client = ClientId::new(expected.client_id.to_owned());
    let seconds = u64::try_from(expected.now.saturating_sub(LEEWAY)).unwrap_or(0);
    let clock = move || (SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).into();
    // As if we had no secret: then no algorithm that uses it can be meant.
    let verifier = CoreIdTokenVerifier::new_public_client(client, issuer, keys.set().clone())
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(clock);
    token
        .claims(&verifier, |found: Option<&Nonce>| nonce.verify(found))
        .map_err(understand)?;
    let claims = Compact::parse(raw)?.claims;
    check_parties(&claims, expected)?;
    check_times(&claims, expected.now)?;
    let subject = identifier(&claims, "sub")?.ok_or(TokenError::Claim("sub"))?;
    Ok(SignedIn {
        identity: Identity {
            issuer: expected.issuer.to_owned(),
            name: display_name(&claims, &subject),
            account: text(&claims, "preferred_username").map(qclock_probe::text::shown),
            subject,
        },
        sid: identifier(&claims, "sid")?,
        claims,
    })
}

/// Checks an ID token that was renewed: as any other, and it is about the same person.
///
/// Its `auth_time` is not compared, since it is later where somebody has shown their password again in the meantime.
pub fn check_renewed(
    raw: &str,
    keys: &Keys,
    nonce: &str,
    subject: &str,
    expected: Expected<'_>,
) -> Result<SignedIn, TokenError> {
    let renewed = check(raw, keys, NonceRule::OursOrNone(nonce), expected)?;
    if renewed.identity.subject == subject {
        Ok(renewed)
    } else {
        Err(TokenError::Subject)
    }
}

fn understand(error: ClaimsVerificationError) -> TokenError {
    match error {
        ClaimsVerificationError::Expired(_) => TokenError::Expired,
        ClaimsVerificationError::InvalidAudience(_) => TokenError::Audience,
        ClaimsVerificationError::InvalidIssuer(_) => TokenError::Issuer,
        ClaimsVerificationError::InvalidNonce(_) => TokenError::Nonce,
        ClaimsVerificationError::SignatureVerification(error) => match error {
            SignatureVerificationError::DisallowedAlg(_)
            | SignatureVerificationError::UnsupportedAlg(_)
            | SignatureVerificationError::NoSignature => TokenError::Algorithm,
            SignatureVerificationError::NoMatchingKey => TokenError::UnknownKey,
            _ => TokenError::Signature,
        },
        _ => TokenError::Malformed,
    }
}

/// The name, else the account's, else the subject.
fn display_name(claims: &Map<String, Value>, subject: &str) -> String {
    let name = ["name", "preferred_username", "email"]
        .iter()
        .find_map(|claim| text(claims, claim));
    qclock_probe::text::shown(name.unwrap_or(subject))
}
