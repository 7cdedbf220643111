//! Which version a provider has, as far as it tells: Keycloak tells its administrators, and the dashboard's own account may read that.

use std::sync::Arc;
use std::time::Duration;

use openidconnect::url::Url;
use qclock_probe::text::shown;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::sign_in::provider::{Provider, ProviderError};

/// How long an answer is believed: a server that became another one was away in between, which is seen.
const BELIEVED: Duration = Duration::from_secs(3600);
/// After how long one that did not tell is asked again.
const AGAIN: Duration = Duration::from_secs(60);

/// The version of a provider, asked for seldom.
#[derive(Debug)]
pub struct ServerVersion {
    provider: Arc<Provider>,
    kept: Mutex<Option<(Option<String>, Instant)>>,
}

impl ServerVersion {
    /// Nothing is asked yet.
    pub fn new(provider: Arc<Provider>) -> Self {
        Self {
            provider,
            kept: Mutex::default(),
        }
    }

    /// Keycloak's version, such as `23.0.7`; none where the provider is another one, or does not tell within `deadline`.
    pub async fn ask(&self, deadline: Duration) -> Option<String> {
        let mut kept = self.kept.lock().await;
        if let Some((version, until)) = &*kept
            && Instant::now() < *until
        {
            return version.clone();
        }
        let answer = timeout(deadline, read(&self.provider)).await;
        let version = answer.ok().and_then(Result::ok).flatten();
        let lasts = if version.is_some() { BELIEVED } else { AGAIN };
        *kept = Some((version.clone(), Instant::now() + lasts));
        version
    }

    /// The provider was away: it may come back as another one.
    pub async fn forget(&self) {
        *self.kept.lock().await = None;
    }
}

async fn read(provider: &Provider) -> Result<Option<String>, ProviderError> {
    let metadata = provider.fresh_metadata().await?;
    let Some(address) = address(&metadata.token) else {
        return Ok(None);
    };
    let (token, _) = provider.own_token().await?;
    Ok(parse(&provider.read(&address, &token).await?))
}

/// `…/realms/NAME/protocol/openid-connect/token` leads to `…/admin/serverinfo`.
fn address(token: &Url) -> Option<Url> {
    let path = token.path().strip_suffix("/protocol/openid-connect/token")?;
    let (base, _) = path.rsplit_once("/realms/")?;
    let mut address = token.clone();
    address.set_path(&format!("{base}/admin/serverinfo"));
    address.set_query(None);
    Some(address)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerInfo {
    system_info: SystemInfo,
}

#[derive(Deserialize)]
struct SystemInfo {
    version: String,
}

/// Reads Keycloak's description of itself, of which the version is taken, as harmless text.
pub fn parse(bytes: &[u8]) -> Option<String> {
    let info: ServerInfo = serde_json::from_slice(bytes).ok()?;
    Some(shown(&info.system_info.version)).filter(|version| !version.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_where_it_is_told() {
        let told = br#"{"systemInfo":{"version":"23.0.7","serverTime":"x"},"memoryInfo":{"total":1},"themes":{}}"#;
        assert_eq!(parse(told).as_deref(), Some("23.0.7"));
        for other in [
            &b"{}"[..],
            b"[]",
            b"",
            br#"{"systemInfo":{"version":""}}"#,
            br#"{"systemInfo":{}}"#,
        ] {
            assert_eq!(parse(other), None);
        }
    }

    #[test]
    fn the_address_follows_from_that_of_tokens() {
        let of = |text: &str| address(&text.parse().unwrap()).map(String::from);
        assert_eq!(
            of("http://identity:8080/auth/realms/qclock/protocol/openid-connect/token").as_deref(),
            Some("http://identity:8080/auth/admin/serverinfo")
        );
        assert_eq!(of("https://login.example/oauth2/v2.0/token"), None);
    }
}
