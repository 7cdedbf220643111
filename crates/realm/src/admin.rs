//! Keycloak's administration interface, as a client with a service account sees it.  Every answer is bounded in size and time.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

const PATIENCE: Duration = Duration::from_secs(20);
/// Far more than a realm without its users fills.
const LARGEST_ANSWER: usize = 16 << 20;
/// Of an error's text in a message.
const LONGEST_REASON: usize = 300;

#[derive(Debug, Error)]
pub enum AdminError {
    #[error("cannot speak HTTP")]
    Client(#[source] reqwest::Error),
    #[error("`{url}` does not answer")]
    NoAnswer {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("`{url}` knows no realm and no client to sign in with: {reason}")]
    SignIn { url: String, reason: String },
    #[error("the account of the client may not do this: {method} {url} answered {status}")]
    Forbidden {
        method: Method,
        url: String,
        status: StatusCode,
    },
    #[error("{method} {url} answered {status}: {reason}")]
    Refused {
        method: Method,
        url: String,
        status: StatusCode,
        reason: String,
    },
    #[error("the answer of `{url}` is larger than {LARGEST_ANSWER} bytes")]
    TooLarge { url: String },
    #[error("the answer of `{url}` is not what Keycloak says")]
    Unexpected { url: String },
}

/// Of a client with a service account that may manage the realm.
#[derive(Clone)]
pub struct Credentials {
    pub client: String,
    pub secret: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// Signed in to one realm.
pub struct Admin {
    http: reqwest::Client,
    /// Of the realm's administration.
    base: String,
    token: String,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Admin")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

impl Admin {
    /// Signs in.  `address` is Keycloak's, with its path: `http://localhost:8081/auth`.
    pub async fn sign_in(address: &str, realm: &str, credentials: &Credentials) -> Result<Self, AdminError> {
        let address = address.trim_end_matches('/');
        // An identity provider is not spoken to through somebody else's proxy unless it has to be, and never redirects.
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("qclock/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(AdminError::Client)?;
        let url = format!("{address}/realms/{realm}/protocol/openid-connect/token");
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            escaped(&credentials.client),
            escaped(&credentials.secret)
        );
        let request = http
            .post(&url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let (status, body) = answer(&url, request).await?;
        if !status.is_success() {
            let reason = reason(&body);
            return Err(AdminError::SignIn { url, reason });
        }
        let token: Token = serde_json::from_slice(&body).map_err(|_| AdminError::Unexpected { url })?;
        Ok(Self {
            http,
            base: format!("{address}/admin/realms/{realm}"),
            token: token.access_token,
        })
    }

    /// The realm with its roles and clients; secrets are masked by Keycloak.
    pub async fn export(&self) -> Result<Value, AdminError> {
        self.ask(
            Method::POST,
            "/partial-export?exportClients=true&exportGroupsAndRoles=true",
            None,
        )
        .await
    }

    /// One request below the realm's address; `Null` for an answer without a body.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, AdminError> {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method.clone(), &url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let (status, body) = answer(&url, request).await?;
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(AdminError::Forbidden { method, url, status }),
            _ if !status.is_success() => {
                let reason = reason(&body);
                Err(AdminError::Refused {
                    method,
                    url,
                    status,
                    reason,
                })
            }
            _ if body.is_empty() => Ok(Value::Null),
            _ => serde_json::from_slice(&body).map_err(|_| AdminError::Unexpected { url }),
        }
    }
}

async fn answer(url: &str, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), AdminError> {
    let lost = |source| AdminError::NoAnswer {
        url: url.to_owned(),
        source,
    };
    let mut response = request.send().await.map_err(lost)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(AdminError::TooLarge { url: url.to_owned() });
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status(), body))
}

/// What an error's body says, without what a terminal would obey.
fn reason(body: &[u8]) -> String {
    let said: Option<Value> = serde_json::from_slice(body).ok();
    let field = |name: &str| said.as_ref()?.get(name)?.as_str().map(ToOwned::to_owned);
    let text = field("errorMessage")
        .or_else(|| field("error_description"))
        .or_else(|| field("error"))
        .unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    text.chars()
        .filter(|character| !character.is_control())
        .take(LONGEST_REASON)
        .collect()
}

/// For a form, and for a segment of a path.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_forms_are_escaped() {
        assert_eq!(escaped("a b/ü&="), "a%20b%2F%C3%BC%26%3D");
    }

    #[test]
    fn reasons_are_short_and_harmless() {
        assert_eq!(
            reason(br#"{"errorMessage": "Role \u001b[1m exists"}"#),
            "Role [1m exists"
        );
        assert_eq!(reason(&[b'x'; 5000]).len(), LONGEST_REASON);
    }
}
