//! Signing in, against a provider that can be made to lie: who comes in, who sees what, and what is refused.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "dashboard_sign_in/attacks.rs"]
mod attacks;
#[path = "dashboard_fakes/browser.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod browser;
#[path = "dashboard_sign_in/confirmation.rs"]
mod confirmation;
#[path = "dashboard_sign_in/everywhere.rs"]
mod everywhere;
#[path = "dashboard_fakes/provider.rs"]
mod provider;
#[path = "dashboard_sign_in/sessions.rs"]
mod sessions;
#[path = "dashboard_sign_in/version.rs"]
mod version;

use std::ffi::OsString;
use std::net::SocketAddr;

use browser::{Answer, request};
use provider::Provider;
use qclock_dashboard::configuration::Configuration;
use qclock_dashboard::log::Log;
use qclock_dashboard::run::Dashboard;
use tempfile::TempDir;

/// A dashboard and its provider.
struct Stage {
    provider: Provider,
    dashboard: Dashboard,
    _folder: TempDir,
}

/// What a browser keeps.
#[derive(Clone, Debug, Default)]
struct Jar(Vec<(String, String)>);

impl Jar {
    fn keep(&mut self, answer: &Answer) {
        let given = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        for (_, text) in given {
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            self.0.retain(|(known, _)| known != name);
            if !text.contains("Max-Age=0") {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
    }

    fn header(&self) -> String {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Stage {
    async fn start(more: &[(&str, &str)]) -> Self {
        Self::start_with(Provider::start().await, more).await
    }

    async fn start_with(provider: Provider, more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "a secret\n").unwrap();
        let mut variables: Vec<(OsString, OsString)> = vec![
            ("QCLOCK_DASHBOARD_LISTEN".into(), "127.0.0.1:0".into()),
            ("QCLOCK_APP_STATUS_URL".into(), "http://127.0.0.1:9".into()),
            ("QCLOCK_DB_HOST".into(), "127.0.0.1".into()),
            ("QCLOCK_DB_PORT".into(), "9".into()),
            ("QCLOCK_OIDC_ISSUER".into(), provider.issuer().into()),
            ("QCLOCK_OIDC_CLIENT_SECRET_FILE".into(), secret.into()),
            ("QCLOCK_PUBLIC_URL".into(), "http://dashboard".into()),
        ];
        variables.extend(more.iter().map(|(name, value)| (name.into(), value.into())));
        let configuration = Configuration::from_environment(variables).unwrap();
        Self {
            provider,
            dashboard: Dashboard::start(configuration, Log::Nowhere).await.unwrap(),
            _folder: folder,
        }
    }

    fn address(&self) -> SocketAddr {
        self.dashboard.address
    }

    async fn get(&self, jar: &mut Jar, path: &str) -> Answer {
        let answer = request(self.address(), "GET", path, &[("Cookie", &jar.header())]).await;
        jar.keep(&answer);
        answer
    }

    /// Begins to sign in; returns what the provider is told.
    async fn begin(&self, jar: &mut Jar, path: &str) -> std::collections::BTreeMap<String, String> {
        let answer = self.get(jar, path).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let address = answer.header("location").unwrap().to_owned();
        assert!(
            address.starts_with(&format!("{}/authorize?", self.provider.issuer())),
            "{address}"
        );
        openidconnect::url::Url::parse(&address)
            .unwrap()
            .query_pairs()
            .into_owned()
            .collect()
    }

    /// The address by which the provider sends a browser back.
    fn back(&self, told: &std::collections::BTreeMap<String, String>, code: &str) -> String {
        let nonce = told["nonce"].clone();
        self.provider.set(|it| drop(it.codes.insert(code.to_owned(), nonce)));
        let issuer = self.provider.issuer().replace(':', "%3A").replace('/', "%2F");
        format!(
            "/qclock/sign-in/callback?code={code}&state={}&iss={issuer}",
            told["state"]
        )
    }

    /// Sends a form of ours, with the token that its page has.
    async fn post(&self, jar: &mut Jar, path: &str) -> Answer {
        let page = self.get(jar, "/qclock/account").await.body;
        let token = page.split("name=\"token\" value=\"").nth(1).unwrap();
        let body = format!("token={}", token.split('"').next().unwrap());
        let headers = [("Cookie", &*jar.header()), ("Origin", "http://dashboard")];
        let answer = browser::post(self.address(), path, &headers, &body).await;
        jar.keep(&answer);
        answer
    }

    /// All of it.
    async fn sign_in(&self, jar: &mut Jar) -> Answer {
        let told = self.begin(jar, "/qclock/sign-in").await;
        self.get(jar, &self.back(&told, "code")).await
    }
}
