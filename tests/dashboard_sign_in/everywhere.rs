//! Signing out everywhere: each session of the person, here and at the provider, and nobody else's.

use serde_json::json;

use crate::browser::request;
use crate::{Jar, Stage};

const EVERYWHERE: &str = "/qclock/sign-out/everywhere";

/// Ann twice and Bob, all signed in.
async fn people(stage: &Stage) -> [Jar; 3] {
    stage.provider.set(|it| it.renews = true);
    let mut jars = [Jar::default(), Jar::default(), Jar::default()];
    for jar in &mut jars[..2] {
        assert_eq!(stage.sign_in(jar).await.status, 303);
    }
    stage
        .provider
        .set(|it| it.change = Box::new(|claims| claims["sub"] = json!("bob")));
    assert_eq!(stage.sign_in(&mut jars[2]).await.status, 303);
    jars
}

async fn account(stage: &Stage, jar: &Jar) -> u16 {
    stage.get(&mut jar.clone(), "/qclock/account").await.status
}

#[tokio::test]
async fn all_sessions_of_a_person_end_and_nobody_elses() {
    let stage = Stage::start(&[]).await;
    let [mut desk, phone, bob] = people(&stage).await;
    let known = stage.provider.renewable();
    stage.provider.set(|it| it.change = Box::new(|_| {}));
    let answer = stage.post(&mut desk, EVERYWHERE).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let address = answer.header("location").unwrap();
    assert!(
        address.starts_with(&format!("{}/end?id_token_hint=ey", stage.provider.issuer())),
        "{address}"
    );
    assert_eq!(desk.get("qclock_session"), None);
    assert_eq!((account(&stage, &phone).await, account(&stage, &bob).await), (303, 200));
    let given_back = stage.provider.given_back();
    assert!(
        given_back.len() == 1 && known.contains(&given_back[0]),
        "the phone's token, {given_back:?}"
    );
    let page = stage.get(&mut bob.clone(), "/qclock/audit").await.body;
    assert!(
        page.contains("Sign-out everywhere") && page.contains("sessions: 2"),
        "{page}"
    );
}

#[tokio::test]
async fn a_keycloak_ends_them_itself() {
    let stage = Stage::start(&[]).await;
    stage.provider.set(|it| {
        it.document = Box::new(|document| {
            let base = document["issuer"].as_str().unwrap().to_owned();
            document["token_endpoint"] = json!(format!("{base}/realms/x/protocol/openid-connect/token"));
        });
    });
    let [mut desk, phone, bob] = people(&stage).await;
    stage.provider.set(|it| it.change = Box::new(|_| {}));
    assert_eq!(stage.post(&mut desk, EVERYWHERE).await.status, 303);
    // By what opens the person's own account there.
    assert_eq!(stage.provider.given_back(), ["a"]);
    assert_eq!((account(&stage, &phone).await, account(&stage, &bob).await), (303, 200));
}

#[tokio::test]
async fn where_the_provider_does_not_take_part_one_is_told() {
    let stage = Stage::start(&[]).await;
    let [mut desk, phone, bob] = people(&stage).await;
    stage.provider.set(|it| it.stalls = true);
    let answer = stage.post(&mut desk, EVERYWHERE).await;
    assert_eq!(answer.status, 200);
    // By its document, which is believed for ten seconds, it may still be there.
    let told = [
        "did not end your other sessions there",
        "you may still be signed in there",
    ];
    assert!(told.iter().any(|text| answer.body.contains(text)), "{}", answer.body);
    assert_eq!((account(&stage, &phone).await, account(&stage, &bob).await), (303, 200));
}

#[tokio::test]
async fn where_the_provider_does_not_let_one_ones_own_session_can_still_be_ended() {
    let stage = Stage::start(&[]).await;
    stage.provider.set(|it| {
        it.document = Box::new(|document| {
            document.as_object_mut().unwrap().remove("revocation_endpoint");
        });
    });
    let [mut desk, phone, _] = people(&stage).await;
    stage.provider.set(|it| it.change = Box::new(|_| {}));
    let answer = stage.post(&mut desk, EVERYWHERE).await;
    assert_eq!(answer.status, 200);
    let way = format!("href=\"{}/end?id_token_hint=ey", stage.provider.issuer());
    assert!(answer.body.contains(&way), "{}", answer.body);
    assert_eq!(account(&stage, &phone).await, 303);
}

#[tokio::test]
async fn foreign_forms_end_nothing() {
    let stage = Stage::start(&[]).await;
    let [desk, phone, _] = people(&stage).await;
    let cookie = desk.header();
    for headers in [
        &[][..],
        &[("Origin", "https://evil.example")],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", "http://dashboard")],
        // From the right place, and without the form's token.
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", "http://dashboard")],
    ] {
        let headers = [&[("Cookie", cookie.as_str())], headers].concat();
        let status = request(stage.address(), "POST", EVERYWHERE, &headers).await.status;
        assert_eq!(status, 403, "{headers:?}");
    }
    assert_eq!(
        request(stage.address(), "GET", EVERYWHERE, &[("Cookie", &cookie)])
            .await
            .status,
        405
    );
    assert_eq!(
        (account(&stage, &desk).await, account(&stage, &phone).await),
        (200, 200)
    );
}
