//! What the provider gives for a code, for a token that is renewed, and to the dashboard itself; and what is given back.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use openidconnect::core::{CoreClient, CoreJsonWebKeySet, CoreRequestTokenError, CoreTokenResponse};
use openidconnect::url::{Url, form_urlencoded};
use openidconnect::{
    AuthType, AuthorizationCode, ClientSecret, EndpointNotSet, EndpointSet, OAuth2TokenResponse, PkceCodeVerifier,
    RefreshToken, RequestTokenError, TokenResponse, TokenUrl,
};
use qclock_probe::secret::Secret;
use qclock_probe::web::WebError;

use super::{BELIEVED, Carrier, LONGEST_ANSWER, Provider, ProviderError, Source, within};
use crate::sign_in::claims::LONGEST_TOKEN;
use crate::sign_in::keys::Keys;
use crate::sign_in::metadata::Metadata;
use crate::sign_in::pending::Pending;
use crate::sign_in::token::{self, NonceRule, SignedIn};

/// The most that is given back at once.
const MOST_GIVEN_BACK: usize = 16;

/// The library's client, which knows where tokens are and nothing else.
type TokenClient =
    CoreClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet, EndpointNotSet>;

/// Somebody who is signed in.
#[derive(Debug)]
pub struct Grant {
    /// Who.
    pub signed_in: SignedIn,
    /// The token that says so.
    pub id_token: Secret,
    /// What it can be renewed by, where the provider gives such a token.
    pub refresh_token: Option<Secret>,
}

/// What the provider says of somebody who has signed in before.
#[derive(Debug)]
pub struct Renewal {
    /// Opens what is theirs at the provider.
    pub access_token: Secret,
    /// What it can be renewed by from now on, where that has changed.
    pub refresh_token: Option<Secret>,
    /// Who they are, where it says so anew.
    pub person: Result<Option<(SignedIn, Secret)>, ProviderError>,
}

impl Provider {
    /// Turns a code into somebody who is signed in.
    pub async fn redeem(&self, code: String, pending: &Pending) -> Result<Grant, ProviderError> {
        within(async {
            let metadata = self.metadata_younger_than(BELIEVED).await?;
            let client = self.token_client(&metadata).await?;
            let http = Carrier(self);
            let answer: Result<CoreTokenResponse, _> = client
                .exchange_code(AuthorizationCode::new(code))
                .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.reveal().to_owned()))
                .request_async(&http)
                .await;
            let answer = answer.map_err(understand)?;
            let raw = Secret::new(answer.id_token().ok_or(ProviderError::Answer)?.to_string());
            let nonce = NonceRule::Ours(pending.nonce.reveal());
            let check = |keys: &Keys| token::check(raw.reveal(), keys, nonce, self.expected());
            Ok(Grant {
                signed_in: self.check_with_keys(metadata, Source::Answer, check).await?,
                refresh_token: refresh_token(&answer),
                id_token: raw,
            })
        })
        .await
    }

    /// Asks whether somebody is still who they were, with the nonce of their sign-in.  [`ProviderError::Code`]: not any more.
    ///
    /// A token is good for one question at most providers: whoever asks must take the new one from the answer, also when the rest of the
    /// answer is not to be believed.
    pub async fn renew(&self, token: &Secret, nonce: &str, subject: &str) -> Result<Renewal, ProviderError> {
        within(async {
            let metadata = self.metadata_younger_than(BELIEVED).await?;
            let client = self.token_client(&metadata).await?;
            let (http, token) = (Carrier(self), RefreshToken::new(token.reveal().to_owned()));
            let answer: Result<CoreTokenResponse, _> = client.exchange_refresh_token(&token).request_async(&http).await;
            let answer = answer.map_err(understand)?;
            Ok(Renewal {
                access_token: Secret::new(answer.access_token().secret().clone()),
                refresh_token: refresh_token(&answer),
                person: self.renewed(metadata, &answer, nonce, subject).await,
            })
        })
        .await
    }

    /// OpenID Connect Core §12.2: there may be no ID token, and one that is there must be about the same person.
    async fn renewed(
        &self,
        metadata: Arc<Metadata>,
        answer: &CoreTokenResponse,
        nonce: &str,
        subject: &str,
    ) -> Result<Option<(SignedIn, Secret)>, ProviderError> {
        let Some(raw) = answer.id_token().map(|token| Secret::new(token.to_string())) else {
            return Ok(None);
        };
        let check = |keys: &Keys| token::check_renewed(raw.reveal(), keys, nonce, subject, self.expected());
        let signed_in = self.check_with_keys(metadata, Source::Answer, check).await?;
        Ok(Some((signed_in, raw)))
    }

    /// A token for the dashboard itself (RFC 6749 §4.4), and for how long.
    pub(crate) async fn own_token(&self) -> Result<(Secret, Duration), ProviderError> {
        within(async {
            let metadata = self.metadata_younger_than(BELIEVED).await?;
            let request = self
                .form(&metadata, &metadata.token, &[("grant_type", "client_credentials")])
                .await?;
            let answer = self.send(request, LONGEST_ANSWER).await?;
            let granted: Granted = serde_json::from_slice(&answer).map_err(|_| ProviderError::Answer)?;
            Ok((
                Secret::new(granted.access_token),
                Duration::from_secs(granted.expires_in.unwrap_or(60)),
            ))
        })
        .await
    }

    /// Ends a person's other sessions at the provider: where it is a Keycloak by what a person may do there themselves, of which `access_token`
    /// is the proof; at another one by giving back what those sessions could be renewed by (RFC 7009).
    pub async fn end_others(&self, access_token: Option<&Secret>, others: &[Secret]) -> Result<(), ProviderError> {
        within(async {
            let metadata = self.metadata_younger_than(BELIEVED).await?;
            if let Some(address) = sessions_address(&metadata.token) {
                let token = access_token.ok_or(ProviderError::Answer)?;
                return self.end_at_keycloak(&address, token).await;
            }
            let Some(address) = &metadata.revocation else {
                return if others.is_empty() {
                    Ok(())
                } else {
                    Err(ProviderError::Answer)
                };
            };
            for token in others.iter().take(MOST_GIVEN_BACK) {
                let fields = [("token", token.reveal()), ("token_type_hint", "refresh_token")];
                let request = self.form(&metadata, address, &fields).await?;
                self.send(request, LONGEST_ANSWER).await?;
            }
            Ok(())
        })
        .await
    }

    async fn end_at_keycloak(&self, address: &Url, token: &Secret) -> Result<(), ProviderError> {
        let request = http::Request::delete(address.as_str())
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::AUTHORIZATION, format!("Bearer {}", token.reveal()))
            .body(Bytes::new())
            .map_err(|_| ProviderError::Answer)?;
        match self.send(request, LONGEST_ANSWER).await {
            Ok(_) | Err(ProviderError::Status(204)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn token_client(&self, metadata: &Metadata) -> Result<TokenClient, ProviderError> {
        let secret = self.secret().await?;
        let kind = if metadata.secret_in_body {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        };
        Ok(
            CoreClient::new(self.client_id(), self.issuer(), CoreJsonWebKeySet::default())
                .set_client_secret(ClientSecret::new(secret.reveal().to_owned()))
                .set_auth_type(kind)
                .set_token_uri(TokenUrl::from_url(metadata.token.clone()))
                .set_redirect_uri(self.settings.public.callback().clone()),
        )
    }

    /// A question with a form, from a client that says who it is (RFC 6749 §2.3.1).
    async fn form(
        &self,
        metadata: &Metadata,
        address: &Url,
        fields: &[(&str, &str)],
    ) -> Result<http::Request<Bytes>, ProviderError> {
        let (id, secret) = (&self.settings.client_id, self.secret().await?);
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let mut request = http::Request::post(address.as_str())
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(http::header::ACCEPT, "application/json");
        if metadata.secret_in_body {
            body.extend_pairs([("client_id", id.as_str()), ("client_secret", secret.reveal())]);
        } else {
            let pair = BASE64_STANDARD.encode(format!("{}:{}", encode(id), encode(secret.reveal())));
            request = request.header(http::header::AUTHORIZATION, format!("Basic {pair}"));
        }
        request.body(body.finish().into()).map_err(|_| ProviderError::Answer)
    }
}

#[derive(serde::Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Option<u64>,
}

fn refresh_token(answer: &CoreTokenResponse) -> Option<Secret> {
    let token = answer.refresh_token()?.secret();
    // None of ours to keep without bound.
    (1..=LONGEST_TOKEN)
        .contains(&token.len())
        .then(|| Secret::new(token.clone()))
}

fn understand(error: CoreRequestTokenError<WebError>) -> ProviderError {
    match error {
        RequestTokenError::Request(error) => ProviderError::Unreachable(error),
        RequestTokenError::ServerResponse(response) => {
            let word = qclock_probe::text::shown(response.error().as_ref());
            if word == "invalid_grant" {
                ProviderError::Code(word)
            } else {
                ProviderError::Client(word)
            }
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => ProviderError::Answer,
    }
}

/// `…/realms/NAME/protocol/openid-connect/token` leads to `…/realms/NAME/account/sessions`.
fn sessions_address(token: &Url) -> Option<Url> {
    let path = token.path().strip_suffix("/protocol/openid-connect/token")?;
    path.rsplit_once("/realms/")
        .filter(|(_, realm)| !realm.is_empty() && !realm.contains('/'))?;
    let mut address = token.clone();
    address.set_path(&format!("{path}/account/sessions"));
    address.set_query(Some("current=false"));
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_persons_sessions_follows_from_that_of_tokens() {
        let of = |text: &str| sessions_address(&text.parse().unwrap()).map(String::from);
        assert_eq!(
            of("http://identity:8080/auth/realms/qclock/protocol/openid-connect/token").as_deref(),
            Some("http://identity:8080/auth/realms/qclock/account/sessions?current=false")
        );
        assert_eq!(of("https://login.example/oauth2/v2.0/token"), None);
        assert_eq!(of("https://a/realms//protocol/openid-connect/token"), None);
    }
}
