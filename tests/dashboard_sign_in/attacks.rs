//! What must be refused, and is told apart in the log: tokens, callbacks, forms.

use serde_json::{Value, json};

use crate::browser::request;
use crate::provider::{Signer, now};
use crate::{Jar, Stage};

type Change = fn(&mut Value);

#[tokio::test]
async fn tokens_that_are_not_to_be_believed() {
    let stage = Stage::start(&[]).await;
    let attacks: [(&str, &str, Signer, Change); 16] = [
        ("alg none", "token-algorithm", Signer::None, |_| {}),
        ("HS256 with the public key", "token-algorithm", Signer::Hs256, |_| {}),
        ("another key", "token-signature", Signer::Stranger, |_| {}),
        ("audience", "token-audience", Signer::Es256, |it| {
            it["aud"] = json!("another");
        }),
        ("two audiences", "token-audience", Signer::Es256, |it| {
            it["aud"] = json!(["qclock-dashboard", "another"]);
        }),
        ("authorized party", "token-audience", Signer::Es256, |it| {
            it["azp"] = json!("another");
        }),
        ("issuer", "token-issuer", Signer::Es256, |it| {
            it["iss"] = json!("https://evil.example");
        }),
        ("no issuer", "provider-answer", Signer::Es256, |it| {
            drop(it.as_object_mut().unwrap().remove("iss"));
        }),
        ("nonce", "token-nonce", Signer::Es256, |it| {
            it["nonce"] = json!("another");
        }),
        ("no nonce", "token-nonce", Signer::Es256, |it| {
            drop(it.as_object_mut().unwrap().remove("nonce"));
        }),
        ("expired", "token-expired", Signer::Es256, |it| {
            it["exp"] = json!(now() - 31);
        }),
        ("no end", "provider-answer", Signer::Es256, |it| {
            drop(it.as_object_mut().unwrap().remove("exp"));
        }),
        ("not yet valid", "token-not-yet-valid", Signer::Es256, |it| {
            it["nbf"] = json!(now() + 120);
        }),
        ("issued in the future", "token-not-yet-valid", Signer::Es256, |it| {
            it["iat"] = json!(now() + 120);
        }),
        ("no subject", "token-claim", Signer::Es256, |it| it["sub"] = json!("")),
        ("too long", "token-too-long", Signer::Es256, |it| {
            it["padding"] = json!("x".repeat(20_000));
        }),
    ];
    for (name, reason, signer, change) in attacks {
        stage
            .provider
            .set(|it| (it.signer, it.change) = (signer, Box::new(change)));
        let mut jar = Jar::default();
        let answer = stage.sign_in(&mut jar).await;
        assert!([403, 502].contains(&answer.status), "{name}: {}", answer.status);
        assert!(
            answer.body.contains(&format!("<code>{reason}</code>")),
            "{name}: {}",
            answer.body
        );
        assert_eq!(jar.get("qclock_session"), None, "{name}");
    }
    for signer in [Signer::Es256, Signer::EdDsa] {
        stage.provider.set(|it| {
            it.signer = signer;
            it.change = Box::new(|_| {});
        });
        let mut jar = Jar::default();
        assert_eq!(stage.sign_in(&mut jar).await.status, 303, "{signer:?}");
        assert!(jar.get("qclock_session").is_some());
    }
}

#[tokio::test]
async fn callbacks_that_were_not_asked_for() {
    let stage = Stage::start(&[]).await;
    let mut jar = Jar::default();
    let told = stage.begin(&mut jar, "/qclock/sign-in").await;
    let good = stage.back(&told, "code");
    let (plain, issuer) = good.split_once("&iss=").unwrap();
    for bad in [
        "/qclock/sign-in/callback".to_owned(),
        good.replace(&told["state"], &"A".repeat(43)),
        format!("{good}&code=another"),
        format!("{good}&state={}", told["state"]),
        format!(
            "/qclock/sign-in/callback?code={}&state={}",
            "x".repeat(5000),
            told["state"]
        ),
    ] {
        assert_eq!(stage.get(&mut jar.clone(), &bad).await.status, 400, "{bad}");
    }
    // In another browser the state is used up, too.
    assert_eq!(stage.get(&mut Jar::default(), &good).await.status, 400);
    assert_eq!(stage.get(&mut jar.clone(), &good).await.status, 400);
    for bad in [
        plain.to_owned(),
        format!("{plain}&iss=https%3A%2F%2Fevil.example"),
        format!("{plain}&iss={issuer}x"),
    ] {
        let told = stage.begin(&mut jar, "/qclock/sign-in").await;
        let fresh = bad.replace(plain, stage.back(&told, "code").split_once("&iss=").unwrap().0);
        assert_eq!(stage.get(&mut jar.clone(), &fresh).await.status, 400, "{fresh}");
    }
}

#[tokio::test]
async fn a_code_and_a_state_are_good_once() {
    let stage = Stage::start(&[]).await;
    let mut jar = Jar::default();
    let told = stage.begin(&mut jar, "/qclock/sign-in").await;
    let (before, back) = (jar.clone(), stage.back(&told, "code"));
    assert_eq!(stage.get(&mut jar, &back).await.status, 303);
    assert_eq!(stage.get(&mut before.clone(), &back).await.status, 400, "a state");
    // The same code with a state that is still open: the provider refuses it.
    let told = stage.begin(&mut Jar::default(), "/qclock/sign-in").await;
    drop(told);
    let mut other = Jar::default();
    let told = stage.begin(&mut other, "/qclock/sign-in").await;
    let replay = back.replace(
        back.split("state=").nth(1).unwrap().split('&').next().unwrap(),
        &told["state"],
    );
    assert_eq!(stage.get(&mut other, &replay).await.status, 403, "a code");
    assert_eq!(other.get("qclock_session"), None);
}

#[tokio::test]
async fn nobody_is_led_elsewhere() {
    let stage = Stage::start(&[]).await;
    for path in [
        "//evil.example",
        "https://evil.example/",
        "/%5Cevil.example",
        "%2F%2Fevil.example",
        "/qclock/sign-out",
        "%0d%0aX:y",
    ] {
        let mut jar = Jar::default();
        let told = stage.begin(&mut jar, &format!("/qclock/sign-in?return={path}")).await;
        assert_eq!(told["redirect_uri"], "http://dashboard/qclock/sign-in/callback");
        let answer = stage.get(&mut jar, &stage.back(&told, "code")).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{path}");
    }
    // The address of another host begins at the public one, and only once.
    let answer = request(
        stage.address(),
        "GET",
        "/qclock/sign-in",
        &[("X-Forwarded-Host", "evil.example")],
    )
    .await;
    assert_eq!(
        answer.header("location"),
        Some("http://dashboard/qclock/sign-in?led=1&return=%2F")
    );
}

#[tokio::test]
async fn a_ticket_that_was_known_before_is_worth_nothing() {
    let stage = Stage::start(&[]).await;
    let planted = "A".repeat(43);
    let mut jar = Jar(vec![
        ("qclock_session".to_owned(), planted.clone()),
        ("qclock_sign_in".to_owned(), planted.clone()),
    ]);
    let told = stage.begin(&mut jar, "/qclock/sign-in").await;
    assert_ne!(jar.get("qclock_sign_in"), Some(planted.as_str()));
    assert_eq!(stage.get(&mut jar, &stage.back(&told, "code")).await.status, 303);
    let first = jar.clone();
    assert_ne!(first.get("qclock_session"), Some(planted.as_str()));
    assert_eq!(stage.get(&mut first.clone(), "/qclock/account").await.status, 200);
}

#[tokio::test]
async fn forms_of_foreign_pages_do_nothing() {
    let stage = Stage::start(&[]).await;
    let mut jar = Jar::default();
    stage.sign_in(&mut jar).await;
    let page = stage.get(&mut jar, "/qclock/account").await.body;
    let token = page
        .split("name=\"token\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let post = async |headers: &[(&str, &str)]| {
        let cookie = jar.header();
        let headers = [&[("Cookie", cookie.as_str())], headers].concat();
        request(stage.address(), "POST", "/qclock/sign-out", &headers)
            .await
            .status
    };
    assert_eq!(post(&[]).await, 403);
    assert_eq!(post(&[("Origin", "https://evil.example")]).await, 403);
    assert_eq!(
        post(&[("Sec-Fetch-Site", "cross-site"), ("Origin", "http://dashboard")]).await,
        403
    );
    // From the right place, and without the form's token.
    assert_eq!(
        post(&[("Sec-Fetch-Site", "same-origin"), ("Origin", "http://dashboard")]).await,
        403
    );
    assert_eq!(stage.get(&mut jar.clone(), "/qclock/account").await.status, 200);
    assert_eq!(token.len(), 43);
}

#[tokio::test]
async fn a_provider_that_is_not_itself_or_not_there() {
    type Document = fn(&mut Value);
    let wrong: [(&str, Document); 3] = [
        ("issuer", |it| it["issuer"] = json!("https://evil.example")),
        ("address", |it| {
            it["authorization_endpoint"] = json!("javascript:alert(1)");
        }),
        ("no PKCE", |it| {
            it["code_challenge_methods_supported"] = json!(["plain"]);
        }),
    ];
    for (name, change) in wrong {
        let stage = Stage::start(&[]).await;
        stage.provider.set(|it| it.document = Box::new(change));
        assert_eq!(
            stage.get(&mut Jar::default(), "/qclock/sign-in").await.status,
            502,
            "{name}"
        );
    }
    for flooded in ["openid-configuration", "jwks", "token"] {
        let stage = Stage::start(&[]).await;
        stage.provider.set(|it| it.floods = Some(flooded));
        let mut jar = Jar::default();
        let answer = if flooded == "openid-configuration" {
            stage.get(&mut jar, "/qclock/sign-in").await
        } else {
            stage.sign_in(&mut jar).await
        };
        assert!([502, 503].contains(&answer.status), "{flooded}: {}", answer.status);
        assert_eq!(jar.get("qclock_session"), None);
    }
    let stage = Stage::start(&[]).await;
    stage.provider.set(|it| it.stalls = true);
    let answer = stage.get(&mut Jar::default(), "/qclock/sign-in?lang=fr").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("10")));
    assert!(answer.body.contains("ne répond pas"), "{}", answer.body);
}
