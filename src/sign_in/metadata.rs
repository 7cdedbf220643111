//! What a provider says about itself (OpenID Connect Discovery 1.0 §3), as far as it is used.

use openidconnect::url::Url;
use serde::Deserialize;
use thiserror::Error;

/// The longest address that is taken over, in bytes.
const LONGEST_ADDRESS: usize = 1024;

/// The provider's addresses and habits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Metadata {
    /// Where browsers are sent to sign in.
    pub authorization: Url,
    /// Where a code is turned into tokens.
    pub token: Url,
    /// Where its keys are.
    pub keys: Url,
    /// Where browsers are sent to sign out, where there is such.
    pub end_session: Option<Url>,
    /// Where tokens are given back (RFC 7009), where there is such.
    pub revocation: Option<Url>,
    /// Whether its answers name it (RFC 9207).
    pub names_itself: bool,
    /// Whether the client's secret goes into the body: what the standard's default is, it does not take.
    pub secret_in_body: bool,
}

/// Why a document is not a provider's.
#[derive(Debug, Error)]
pub enum MetadataError {
    /// Not JSON, or something is missing.
    #[error("the provider's document is not readable")]
    Json(#[source] serde_json::Error),
    /// Somebody else's.
    #[error("the provider calls itself `{found}`, wanted `{wanted}`")]
    Issuer {
        /// What it says.
        found: String,
        /// What was configured.
        wanted: String,
    },
    /// An address that cannot be used.
    #[error("the provider's `{0}` is not a usable address")]
    Address(&'static str),
    /// Something that we need and it does not do.
    #[error("the provider does not offer {0}")]
    Unable(&'static str),
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    end_session_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    code_challenge_methods_supported: Option<Vec<String>>,
}

impl Metadata {
    /// Reads a provider's document, which must be that of `issuer`.
    pub fn parse(bytes: &[u8], issuer: &str) -> Result<Self, MetadataError> {
        let document: Document = serde_json::from_slice(bytes).map_err(MetadataError::Json)?;
        if document.issuer != issuer {
            return Err(MetadataError::Issuer {
                found: qclock_probe::text::shown(&document.issuer),
                wanted: issuer.to_owned(),
            });
        }
        // A provider that lists what it can and lists no S256 would ignore the proof.
        if document
            .code_challenge_methods_supported
            .is_some_and(|methods| !methods.iter().any(|method| method == "S256"))
        {
            return Err(MetadataError::Unable("PKCE with S256"));
        }
        let methods = document.token_endpoint_auth_methods_supported.unwrap_or_default();
        let takes = |name: &str| methods.iter().any(|method| method == name);
        Ok(Self {
            authorization: address(&document.authorization_endpoint, "authorization_endpoint")?,
            token: address(&document.token_endpoint, "token_endpoint")?,
            keys: address(&document.jwks_uri, "jwks_uri")?,
            end_session: (document.end_session_endpoint)
                .map(|text| address(&text, "end_session_endpoint"))
                .transpose()?,
            revocation: (document.revocation_endpoint)
                .map(|text| address(&text, "revocation_endpoint"))
                .transpose()?,
            names_itself: document.authorization_response_iss_parameter_supported,
            secret_in_body: !takes("client_secret_basic") && takes("client_secret_post"),
        })
    }
}

fn address(text: &str, name: &'static str) -> Result<Url, MetadataError> {
    let refuse = || MetadataError::Address(name);
    if text.len() > LONGEST_ADDRESS {
        return Err(refuse());
    }
    let url = Url::parse(text).map_err(|_| refuse())?;
    let usable = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none();
    if usable { Ok(url) } else { Err(refuse()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(change: impl FnOnce(&mut Value)) -> Result<Metadata, String> {
        let mut document = json!({
            "issuer": "https://a/realm", "authorization_endpoint": "https://a/auth", "token_endpoint": "http://inner:8080/token",
            "jwks_uri": "http://inner:8080/certs", "code_challenge_methods_supported": ["plain", "S256"],
        });
        change(&mut document);
        Metadata::parse(document.to_string().as_bytes(), "https://a/realm").map_err(|error| error.to_string())
    }

    #[test]
    fn a_provider_is_who_it_should_be() {
        let metadata = read(|_| {}).unwrap();
        assert_eq!(
            (metadata.end_session, metadata.names_itself, metadata.secret_in_body),
            (None, false, false)
        );
        assert_eq!(metadata.token.as_str(), "http://inner:8080/token");
        insta::assert_snapshot!(read(|it| it["issuer"] = json!("https://a/realm/")).unwrap_err(), @"the provider calls itself `https://a/realm/`, wanted `https://a/realm`");
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for bad in [
            "",
            "javascript:alert(1)",
            "/auth",
            "https://user:word@a/",
            "https://",
            "https://a/#x",
            "file:///etc/passwd",
        ] {
            let error = read(|it| it["authorization_endpoint"] = json!(bad)).unwrap_err();
            assert_eq!(
                error, "the provider's `authorization_endpoint` is not a usable address",
                "{bad}"
            );
        }
        let long = format!("https://a/{}", "x".repeat(LONGEST_ADDRESS));
        assert!(read(|it| it["end_session_endpoint"] = json!(long)).is_err());
        assert!(read(|it| it["jwks_uri"] = json!(7)).is_err());
    }

    #[test]
    fn pkce_is_not_given_up() {
        assert!(read(|it| it["code_challenge_methods_supported"] = json!(["plain"])).is_err());
        assert!(read(|it| it["code_challenge_methods_supported"] = json!(null)).is_ok());
        let posts = read(|it| it["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"])).unwrap();
        assert!(posts.secret_in_body);
    }
}
