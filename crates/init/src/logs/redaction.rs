//! What an address may hold that no log may: codes, tokens and passwords in its query.

use std::borrow::Cow;

/// Parameters whose values are credentials as a rule (OWASP Logging Cheat Sheet, "Data to exclude"), with those of OAuth 2.0, OpenID
/// Connect, SAML and Keycloak's pages.  In the order of the alphabet.
const SECRET_PARAMETERS: [&[u8]; 27] = [
    b"access_token",
    b"api_key",
    b"apikey",
    b"assertion",
    b"auth",
    b"client_assertion",
    b"client_secret",
    b"code",
    b"code_verifier",
    b"id_token",
    b"id_token_hint",
    b"key",
    b"logout_token",
    b"passwd",
    b"password",
    b"pwd",
    b"refresh_token",
    b"samlrequest",
    b"samlresponse",
    b"secret",
    b"session",
    b"session_code",
    b"session_state",
    b"sig",
    b"signature",
    b"token",
    b"token_hint",
];
/// `{"` in base64: so begins every JSON Web Token, whatever its parameter is called.
const TOKEN: &[u8] = b"eyJ";

/// Of an address, all that follows its first question mark.
pub(super) fn address(address: &[u8]) -> Cow<'_, [u8]> {
    let Some(at) = address.iter().position(|byte| *byte == b'?') else {
        return Cow::Borrowed(address);
    };
    let (before, query) = address.split_at(at);
    match self::query(query) {
        Cow::Borrowed(_) => Cow::Borrowed(address),
        Cow::Owned(query) => Cow::Owned([before, &query].concat()),
    }
}

/// A query with its question mark.
pub(super) fn query(query: &[u8]) -> Cow<'_, [u8]> {
    let Some(pairs) = query
        .strip_prefix(b"?")
        .filter(|pairs| pairs.split(|byte| *byte == b'&').any(is_secret))
    else {
        return Cow::Borrowed(query);
    };
    let mut clean = Vec::with_capacity(query.len());
    for pair in pairs.split(|byte| *byte == b'&') {
        clean.push(if clean.is_empty() { b'?' } else { b'&' });
        if is_secret(pair) {
            clean.extend(pair.iter().take_while(|byte| **byte != b'='));
            clean.extend_from_slice(b"=REDACTED");
        } else {
            clean.extend_from_slice(pair);
        }
    }
    Cow::Owned(clean)
}

fn is_secret(pair: &[u8]) -> bool {
    let Some(at) = pair.iter().position(|byte| *byte == b'=') else {
        return false;
    };
    let (name, value) = (&pair[..at], &pair[at + 1..]);
    value.starts_with(TOKEN) || SECRET_PARAMETERS.iter().any(|secret| name.eq_ignore_ascii_case(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn credentials_are_taken_out_and_the_rest_stays() {
        for (query, expected) in [
            ("", ""),
            ("?", "?"),
            ("?a=1&code&b", "?a=1&code&b"),
            ("?state=s&Code=c&x=y", "?state=s&Code=REDACTED&x=y"),
            (
                "?id_token_hint=eyJhbGciOi.e.s&client_id=q",
                "?id_token_hint=REDACTED&client_id=q",
            ),
            ("?anything=eyJhbGciOi.e.s", "?anything=REDACTED"),
            ("?SAMLResponse=PHNhbWw=", "?SAMLResponse=REDACTED"),
        ] {
            assert_eq!(text(&super::query(query.as_bytes())), expected);
        }
        for (address, expected) in [
            ("https://example.org/a=eyJ", "https://example.org/a=eyJ"),
            ("https://example.org/?q=1", "https://example.org/?q=1"),
            (
                "https://example.org/back?code=c&state=s",
                "https://example.org/back?code=REDACTED&state=s",
            ),
        ] {
            assert_eq!(text(&super::address(address.as_bytes())), expected);
        }
    }

    #[test]
    fn the_list_is_in_order() {
        assert!(SECRET_PARAMETERS.is_sorted());
    }
}
