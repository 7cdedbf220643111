//! The provider: its document and keys, kept for a while, and what is asked of it.  Every question has a deadline and
//! a bound, and a provider that does not answer is not asked again at once.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::http;
use openidconnect::core::{CoreClient, CoreJsonWebKeySet, CoreResponseType};
use openidconnect::url::Url;
use openidconnect::{
    AsyncHttpClient, AuthUrl, AuthenticationFlow, ClientId, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    PkceCodeChallenge, PkceCodeVerifier, Scope,
};
use qclock_probe::http::{HttpError, Limits};
use qclock_probe::secret::Secret;
use qclock_probe::web::{Client, WebError};
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

mod looks;
mod tokens;

pub use tokens::{Grant, Renewal};

use looks::Looks;

use crate::clock::Moment;
use crate::sign_in::claims::{Expected, TokenError};
use crate::sign_in::keys::{Keys, KeysError};
use crate::sign_in::logout_token::{self, LogoutToken};
use crate::sign_in::metadata::{Metadata, MetadataError};
use crate::sign_in::pending::Pending;
use crate::sign_in::random::Ticket;
use crate::sign_in::settings::SignInSettings;

/// The time for one question.
pub const PATIENCE: Duration = Duration::from_secs(4);
/// The time for all that one browser waits for.
const WHOLE_PATIENCE: Duration = Duration::from_secs(10);
/// How fresh a document must be before a browser is sent away: this is how soon one learns that the provider is gone.
const FRESH: Duration = Duration::from_secs(10);
/// For how long it is believed otherwise.
const BELIEVED: Duration = Duration::from_secs(600);
/// For how long keys are.
const KEYS_BELIEVED: Duration = Duration::from_secs(3600);
/// From a failure to the next attempt.
const FAILURE_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_DOCUMENT: usize = 128 << 10;
const LONGEST_KEYS: usize = 256 << 10;
const LONGEST_ANSWER: usize = 64 << 10;

/// Why the provider did not help.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// It cannot be reached, or does not answer in time.
    #[error("the identity provider does not answer")]
    Unreachable(#[source] WebError),
    /// It answers, but not with what was asked for.
    #[error("the identity provider answers with status {0}")]
    Status(u16),
    /// Its document is not usable.
    #[error("the identity provider's document is not usable")]
    Metadata(#[from] MetadataError),
    /// Its keys are not.
    #[error("the identity provider's keys are not usable")]
    Keys(#[from] KeysError),
    /// Our own secret cannot be read.
    #[error("the dashboard's own secret at the identity provider cannot be read")]
    Secret(#[source] std::io::Error),
    /// It refuses the code, or the token that was to be renewed.
    #[error("the identity provider refuses the code or token: {0}")]
    Code(String),
    /// It refuses us.
    #[error("the identity provider refuses the dashboard itself: {0}")]
    Client(String),
    /// Its token answer is not readable.
    #[error("the identity provider's answer is not readable")]
    Answer,
    /// Its token is not to be believed.
    #[error("the identity provider's token is refused")]
    Token(#[from] TokenError),
    /// All of it took too long.
    #[error("the identity provider takes too long")]
    Late,
    /// It failed a moment ago.
    #[error("the identity provider failed a moment ago: {0}")]
    Before(Arc<Self>),
}

impl ProviderError {
    /// A word for logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(WebError::Http(HttpError::Deadline { .. })) | Self::Late => "provider-late",
            Self::Unreachable(WebError::Http(HttpError::Tls { .. }) | WebError::NoTrust(_)) => "provider-certificate",
            Self::Unreachable(WebError::Http(HttpError::TooLong { .. })) => "provider-too-long",
            Self::Unreachable(_) => "provider-unreachable",
            Self::Status(_) => "provider-status",
            Self::Metadata(MetadataError::Issuer { .. }) => "provider-issuer",
            Self::Metadata(_) => "provider-document",
            Self::Keys(_) => "provider-keys",
            Self::Secret(_) => "client-secret",
            Self::Code(_) => "code-refused",
            Self::Client(_) => "client-refused",
            Self::Answer => "provider-answer",
            Self::Token(error) => error.code(),
            Self::Before(error) => error.code(),
        }
    }

    /// Whether it may well be different later, without anybody's doing here.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Late => true,
            Self::Status(status) => *status >= 500,
            Self::Before(error) => error.is_outage(),
            _ => false,
        }
    }
}

/// The provider.
#[derive(Debug)]
pub struct Provider {
    client: Client,
    settings: SignInSettings,
    metadata: Mutex<Kept<Metadata>>,
    /// The document as last seen; never waits for a question that is under way.
    seen: RwLock<Option<Arc<Metadata>>>,
    keys: Mutex<KeyRing>,
}

/// The keys, and how often one that is not among them was looked for.
#[derive(Debug, Default)]
struct KeyRing {
    kept: Kept<Keys>,
    answers: Looks,
    messages: Looks,
}

/// Whose word it is that a token is the provider's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    /// The provider has answered us with it.
    Answer,
    /// It came with a message that anybody could have sent, and must not cost those who sign in.
    Anybody,
}

impl KeyRing {
    fn looks(&mut self, source: Source) -> &mut Looks {
        match source {
            Source::Answer => &mut self.answers,
            Source::Anybody => &mut self.messages,
        }
    }
}

#[derive(Debug)]
struct Kept<T> {
    value: Option<(Arc<T>, Instant)>,
    failure: Option<(Arc<ProviderError>, Instant)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            value: None,
            failure: None,
        }
    }
}

impl<T> Kept<T> {
    fn younger_than(&self, age: Duration) -> Option<Arc<T>> {
        let (value, at) = self.value.as_ref()?;
        (at.elapsed() < age).then(|| Arc::clone(value))
    }

    fn recent_failure(&self) -> Option<ProviderError> {
        let (error, at) = self.failure.as_ref()?;
        (at.elapsed() < FAILURE_PAUSE).then(|| ProviderError::Before(Arc::clone(error)))
    }

    fn keep(&mut self, outcome: Result<T, ProviderError>) -> Result<Arc<T>, ProviderError> {
        match outcome {
            Ok(value) => {
                let value = Arc::new(value);
                self.value = Some((Arc::clone(&value), Instant::now()));
                self.failure = None;
                Ok(value)
            }
            Err(error) => {
                let error = Arc::new(error);
                self.failure = Some((Arc::clone(&error), Instant::now()));
                Err(ProviderError::Before(error))
            }
        }
    }
}

impl Provider {
    /// Nothing is known of it yet.
    pub fn new(client: Client, settings: SignInSettings) -> Self {
        Self {
            client,
            settings,
            metadata: Mutex::default(),
            seen: RwLock::default(),
            keys: Mutex::default(),
        }
    }

    /// What was configured.
    pub fn settings(&self) -> &SignInSettings {
        &self.settings
    }

    /// Its document, so fresh that it shows the provider to be there.
    pub async fn fresh_metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        within(self.metadata_younger_than(FRESH)).await
    }

    /// Its document as last seen, without asking.
    pub fn known_metadata(&self) -> Option<Arc<Metadata>> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where to send a browser.
    pub fn sign_in_address(&self, metadata: &Metadata, state: &Ticket, pending: &Pending) -> Url {
        let verifier = PkceCodeVerifier::new(pending.verifier.reveal().to_owned());
        let state = CsrfToken::new(state.reveal().to_owned());
        let nonce = Nonce::new(pending.nonce.reveal().to_owned());
        let client = CoreClient::new(self.client_id(), self.issuer(), CoreJsonWebKeySet::default())
            .set_auth_uri(AuthUrl::from_url(metadata.authorization.clone()));
        let request = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                move || state,
                move || nonce,
            )
            .add_scopes(self.settings.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        let callback = self.settings.public.callback();
        request.set_redirect_uri(Cow::Borrowed(callback)).url().0
    }

    /// Where to send a browser that signs out, where the provider has such a place.
    pub fn sign_out_address(&self, metadata: &Metadata, id_token: &Secret) -> Option<Url> {
        let mut address = metadata.end_session.clone()?;
        address
            .query_pairs_mut()
            .append_pair("id_token_hint", id_token.reveal())
            .append_pair("client_id", &self.settings.client_id)
            .append_pair(
                "post_logout_redirect_uri",
                &format!("{}/", self.settings.public.origin()),
            );
        Some(address)
    }

    /// Checks what the provider says of the end of a session.
    pub async fn check_logout_token(&self, raw: &str) -> Result<LogoutToken, ProviderError> {
        within(async {
            let metadata = self.metadata_younger_than(BELIEVED).await?;
            let check = |keys: &Keys| logout_token::check(raw, keys, self.expected());
            self.check_with_keys(metadata, Source::Anybody, check).await
        })
        .await
    }

    /// Asks for a document that a token opens.
    pub(crate) async fn read(&self, address: &Url, token: &Secret) -> Result<Bytes, ProviderError> {
        let request = http::Request::get(address.as_str())
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::AUTHORIZATION, format!("Bearer {}", token.reveal()))
            .body(Bytes::new())
            .map_err(|_| ProviderError::Answer)?;
        within(self.send(request, LONGEST_KEYS * 4)).await
    }

    /// Its document, as young as that; an older one does where a new one cannot be had and `age` is not about being there.
    async fn metadata_younger_than(&self, age: Duration) -> Result<Arc<Metadata>, ProviderError> {
        let mut kept = self.metadata.lock().await;
        if let Some(metadata) = kept.younger_than(age) {
            return Ok(metadata);
        }
        if let Some(failure) = kept.recent_failure() {
            return Err(failure);
        }
        let outcome = self.fetch_metadata().await;
        let metadata = kept.keep(outcome)?;
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&metadata));
        Ok(metadata)
    }

    async fn fetch_metadata(&self) -> Result<Metadata, ProviderError> {
        let document = self.get(&self.settings.discovery_url, LONGEST_DOCUMENT).await?;
        Ok(Metadata::parse(&document, &self.settings.issuer)?)
    }

    /// Checks with the keys that are known, and once more with new ones where the token names a key that is not among them.
    async fn check_with_keys<T>(
        &self,
        metadata: Arc<Metadata>,
        source: Source,
        check: impl Fn(&Keys) -> Result<T, TokenError>,
    ) -> Result<T, ProviderError> {
        let mut ring = self.keys.lock().await;
        let keys = match ring.kept.younger_than(KEYS_BELIEVED) {
            Some(keys) => keys,
            None => self.renew_keys(&mut ring.kept, &metadata.keys).await?,
        };
        match check(&keys) {
            Err(TokenError::UnknownKey) if ring.looks(source).take(Instant::now().into_std()) => {
                let keys = self.renew_keys(&mut ring.kept, &metadata.keys).await?;
                Ok(check(&keys)?)
            }
            outcome => Ok(outcome?),
        }
    }

    async fn renew_keys(&self, kept: &mut Kept<Keys>, address: &Url) -> Result<Arc<Keys>, ProviderError> {
        if let Some(failure) = kept.recent_failure() {
            return Err(failure);
        }
        let outcome = match self.get(address.as_str(), LONGEST_KEYS).await {
            Ok(bytes) => Keys::parse(&bytes).map_err(ProviderError::from),
            Err(error) => Err(error),
        };
        kept.keep(outcome)
    }

    /// The library's questions, by our client.
    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, WebError> {
        let reply = self
            .client
            .send(request.map(Bytes::from), limits(LONGEST_ANSWER))
            .await?;
        Ok(reply.response.map(|body| body.to_vec()))
    }

    async fn get(&self, address: &str, longest: usize) -> Result<Bytes, ProviderError> {
        let request = http::Request::get(address)
            .header(http::header::ACCEPT, "application/json")
            .body(Bytes::new())
            .map_err(|_| ProviderError::Unreachable(WebError::Address(address.to_owned())))?;
        self.send(request, longest).await
    }

    async fn send(&self, request: http::Request<Bytes>, longest: usize) -> Result<Bytes, ProviderError> {
        let reply = self
            .client
            .send(request, limits(longest))
            .await
            .map_err(ProviderError::Unreachable)?;
        match reply.response.status().as_u16() {
            200 => Ok(reply.response.into_body()),
            status => Err(ProviderError::Status(status)),
        }
    }

    async fn secret(&self) -> Result<Secret, ProviderError> {
        crate::scheduler::read_password(&self.settings.client_secret_file)
            .await
            .map_err(ProviderError::Secret)
    }

    fn expected(&self) -> Expected<'_> {
        Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            now: Moment::now().wall.as_second(),
        }
    }

    fn client_id(&self) -> ClientId {
        ClientId::new(self.settings.client_id.clone())
    }

    fn issuer(&self) -> IssuerUrl {
        self.settings.issuer.clone()
    }
}

/// Our client, as the library wants it.
struct Carrier<'a>(&'a Provider);

impl<'c> AsyncHttpClient<'c> for Carrier<'_> {
    type Error = WebError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, WebError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.carry(request))
    }
}

fn limits(body_bytes: usize) -> Limits {
    Limits {
        deadline: PATIENCE,
        body_bytes,
    }
}

async fn within<T>(step: impl Future<Output = Result<T, ProviderError>>) -> Result<T, ProviderError> {
    timeout_at(Instant::now() + WHOLE_PATIENCE, step)
        .await
        .unwrap_or(Err(ProviderError::Late))
}
