//! What Keycloak tells of itself to the dashboard's own account.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::provider::Provider;
use crate::{Jar, Stage};

/// The check of the provider, once it says what is asked for.
async fn identity(stage: &Stage, jar: &mut Jar, says: fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let status: Value = serde_json::from_str(&stage.get(jar, "/api/v1/status").await.body).unwrap();
        let checks = status["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == "identity").unwrap();
        if says(check) {
            return check.clone();
        }
        assert!(Instant::now() < deadline, "{check}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_keycloak_out_of_support_is_told_with_its_version() {
    let provider = Provider::start().await;
    let base = provider.issuer();
    provider.set(|it| {
        it.document = Box::new(move |document| {
            document["token_endpoint"] = json!(format!("{base}/realms/q/protocol/openid-connect/token"));
        });
    });
    let address = provider.issuer();
    let stage = Stage::start_with(provider, &[("QCLOCK_IDENTITY_URL", &address)]).await;
    let mut jar = Jar::default();
    assert_eq!(stage.sign_in(&mut jar).await.status, 303);
    let check = identity(&stage, &mut jar, |check| check["details"]["version"].is_string()).await;
    assert_eq!(
        (&check["state"], &check["details"]["version"]),
        (&json!("operational"), &json!("23.0.7"))
    );
    let support = &check["details"]["support"];
    assert_eq!(
        (&support["end"], &support["state"]),
        (&json!("2024-03-04"), &json!("ended"))
    );
    let page = stage.get(&mut jar, "/?lang=en").await.body;
    assert!(
        page.contains("Keycloak 23.0.7") && page.contains("ended on 2024-03-04"),
        "{page}"
    );
}

#[tokio::test]
async fn another_provider_is_not_asked() {
    let provider = Provider::start().await;
    let address = provider.issuer();
    let stage = Stage::start_with(provider, &[("QCLOCK_IDENTITY_URL", &address)]).await;
    let mut jar = Jar::default();
    assert_eq!(stage.sign_in(&mut jar).await.status, 303);
    let check = identity(&stage, &mut jar, |check| check["state"] == "operational").await;
    assert_eq!(check["details"].get("version"), None);
}
