//! What the provider says happened there.  Each kind of provider would tell it in its own way; Keycloak's is its administration interface,
//! asked with the dashboard's own account.  Another provider is simply not asked.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use openidconnect::url::Url;
use qclock_probe::secret::Secret;
use qclock_probe::text::shown;
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::sign_in::provider::{Provider, ProviderError};

/// The most pairs that are shown of an event.
const MOST_DETAILS: usize = 12;

/// Which events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// People signing in and out.
    Users,
    /// Changes of users, roles and settings.
    Changes,
}

/// An event of the provider's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What, in the provider's word.
    pub action: String,
    /// Whether it failed, and why.
    pub error: Option<String>,
    /// Who did it: an identifier, or a name where there is one.
    pub who: String,
    /// Their identifier, where it is told.
    pub id: String,
    /// From which address.
    pub from: String,
    /// What it concerned, and what else is told.
    pub about: String,
}

/// Why there are none.
#[derive(Debug, Error)]
pub enum EventsError {
    /// This provider cannot be asked.
    #[error("this provider has no events that the dashboard can read")]
    Unsupported,
    /// It does not let us.
    #[error("the provider does not let the dashboard read its events")]
    Forbidden,
    /// It did not answer.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

/// The answer to come.
pub type Page<'a> = Pin<Box<dyn Future<Output = Result<Vec<Event>, EventsError>> + Send + 'a>>;

/// What tells of events.
pub trait EventSource: fmt::Debug + Send + Sync {
    /// At most `most` events, newest first, after the first `first`.
    fn page(&self, kind: Kind, first: usize, most: usize) -> Page<'_>;
}

/// Keycloak.
#[derive(Debug)]
pub struct Keycloak {
    provider: Arc<Provider>,
    token: Mutex<Option<(Secret, Instant)>>,
}

impl Keycloak {
    /// Asks this provider, if it is one.
    pub fn new(provider: Arc<Provider>) -> Self {
        Self {
            provider,
            token: Mutex::default(),
        }
    }

    async fn ask(&self, kind: Kind, first: usize, most: usize) -> Result<Vec<Event>, EventsError> {
        let metadata = self.provider.fresh_metadata().await?;
        let address = events_address(&metadata.token, kind, first, most).ok_or(EventsError::Unsupported)?;
        let token = self.token().await?;
        match self.provider.read(&address, &token).await {
            Ok(bytes) => parse(&bytes, kind, most).ok_or(EventsError::Provider(ProviderError::Answer)),
            Err(ProviderError::Status(401 | 403)) => {
                // The right may be given later; then an old token would not have it.
                *self.token.lock().await = None;
                Err(EventsError::Forbidden)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn token(&self) -> Result<Secret, ProviderError> {
        let mut kept = self.token.lock().await;
        if let Some((token, until)) = &*kept
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let (token, lasts) = self.provider.own_token().await?;
        let until = Instant::now() + lasts.min(Duration::from_secs(600)) / 2;
        *kept = Some((token.clone(), until));
        Ok(token)
    }
}

impl EventSource for Keycloak {
    fn page(&self, kind: Kind, first: usize, most: usize) -> Page<'_> {
        Box::pin(self.ask(kind, first, most))
    }
}

/// `…/realms/NAME/protocol/openid-connect/token` leads to `…/admin/realms/NAME/events`.
fn events_address(token: &Url, kind: Kind, first: usize, most: usize) -> Option<Url> {
    let path = token.path().strip_suffix("/protocol/openid-connect/token")?;
    let (base, realm) = path.rsplit_once("/realms/")?;
    if realm.is_empty() || realm.contains('/') {
        return None;
    }
    let events = match kind {
        Kind::Users => "events",
        Kind::Changes => "admin-events",
    };
    let mut address = token.clone();
    address.set_path(&format!("{base}/admin/realms/{realm}/{events}"));
    address.set_query(Some(&format!("first={first}&max={most}")));
    Some(address)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    time: i64,
    #[serde(rename = "type")]
    kind: Option<String>,
    operation_type: Option<String>,
    resource_type: Option<String>,
    resource_path: Option<String>,
    user_id: Option<String>,
    ip_address: Option<String>,
    error: Option<String>,
    details: Option<Map<String, Value>>,
    auth_details: Option<AuthDetails>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthDetails {
    user_id: Option<String>,
    ip_address: Option<String>,
}

/// Reads a page of events; of what it says only bounded, harmless text is taken.
pub fn parse(bytes: &[u8], kind: Kind, most: usize) -> Option<Vec<Event>> {
    let told: Vec<Told> = serde_json::from_slice(bytes).ok()?;
    Some(
        told.into_iter()
            .take(most)
            .filter_map(|told| understand(told, kind))
            .collect(),
    )
}

fn understand(told: Told, kind: Kind) -> Option<Event> {
    let at = Timestamp::from_millisecond(told.time).ok()?;
    let text = |text: Option<String>| text.map(|text| shown(&text)).unwrap_or_default();
    let details = told.details.unwrap_or_default();
    let auth = told.auth_details.unwrap_or_default();
    Some(match kind {
        Kind::Users => {
            let name = details.get("username").and_then(Value::as_str).map(str::to_owned);
            Event {
                at,
                action: text(told.kind),
                error: told.error.map(|error| shown(&error)),
                who: text(name.or(told.user_id.clone())),
                id: text(told.user_id),
                from: text(told.ip_address),
                about: pairs(&details),
            }
        }
        Kind::Changes => Event {
            at,
            action: text(Some(
                [told.operation_type, told.resource_type]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" "),
            )),
            error: told.error.map(|error| shown(&error)),
            who: text(auth.user_id.clone()),
            id: text(auth.user_id),
            from: text(auth.ip_address),
            about: text(told.resource_path),
        },
    })
}

/// What is told beside, without what is a secret for as long as it lasts.
fn pairs(details: &Map<String, Value>) -> String {
    const LEFT_OUT: [&str; 4] = ["username", "code_id", "redirect_uri", "token_id"];
    let told = details
        .iter()
        .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
        .take(MOST_DETAILS);
    let pairs = told.filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)));
    shown(&pairs.collect::<Vec<_>>().join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_follows_from_that_of_tokens() {
        let address = |text: &str| events_address(&text.parse().unwrap(), Kind::Changes, 50, 51).map(String::from);
        assert_eq!(
            address("http://identity:8080/auth/realms/qclock/protocol/openid-connect/token").as_deref(),
            Some("http://identity:8080/auth/admin/realms/qclock/admin-events?first=50&max=51")
        );
        assert_eq!(address("https://login.example/oauth2/v2.0/token"), None);
        assert_eq!(address("https://a/realms//protocol/openid-connect/token"), None);
    }

    #[test]
    fn events_are_read_and_nonsense_is_not() {
        let users = br#"[{"time":1700000000000,"type":"LOGIN_ERROR","realmId":"x","clientId":"qclock-dashboard","userId":"4f1c","ipAddress":"10.0.0.1",
            "error":"invalid_user_credentials","details":{"username":"ann\u202e","auth_method":"openid-connect","code_id":"s"}}]"#;
        let events = parse(users, Kind::Users, 50).unwrap();
        assert_eq!(events[0].error.as_deref(), Some("invalid_user_credentials"));
        assert_eq!(
            (events[0].who.as_str(), events[0].about.as_str()),
            ("ann ", "auth_method=openid-connect")
        );
        assert_eq!(events[0].id, "4f1c");
        let changes = br#"[{"time":1700000000000,"realmId":"x","authDetails":{"realmId":"master","userId":"root","ipAddress":"10.0.0.2"},
            "operationType":"CREATE","resourceType":"REALM_ROLE_MAPPING","resourcePath":"users/4f1c/role-mappings/realm"}]"#;
        let events = parse(changes, Kind::Changes, 50).unwrap();
        assert_eq!(
            (events[0].action.as_str(), events[0].who.as_str()),
            ("CREATE REALM_ROLE_MAPPING", "root")
        );
        assert_eq!(parse(b"{}", Kind::Users, 50), None);
        assert_eq!(
            parse(b"[{\"time\":9223372036854775807}]", Kind::Users, 50),
            Some(vec![])
        );
    }
}
