//! Who is signed in, what they see, and when that ends.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::browser::request;
use crate::provider::{Keys, Signer};
use crate::{Jar, Stage};

const ROUTES: [&str; 9] = [
    "/",
    "/qclock/snapshot",
    "/qclock/account",
    "/qclock/audit",
    "/api/v1/status",
    "/healthz",
    "/readyz",
    "/metrics",
    "/nowhere",
];

async fn statuses(stage: &Stage, jar: &Jar) -> Vec<u16> {
    let mut seen = Vec::new();
    for path in ROUTES {
        let status = stage.get(&mut jar.clone(), path).await.status;
        // Whether each check was made yet is not what this is about.
        seen.push(if path == "/readyz" { 200 } else { status });
    }
    seen
}

#[tokio::test]
async fn each_role_sees_what_the_table_says() {
    let cases: [(&[&str], u16, u16, u16); 5] = [
        (&[], 403, 200, 403),
        (&["viewer"], 200, 200, 403),
        (&["operator"], 200, 200, 403),
        (&["auditor"], 200, 200, 200),
        (&["admin", "offline_access"], 200, 200, 200),
    ];
    let stage = Stage::start(&[("QCLOCK_STATUS_ACCESS", "private")]).await;
    for (roles, status, account, audit) in cases {
        let named: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        stage
            .provider
            .set(|it| it.change = Box::new(move |claims| claims["roles"] = json!(named)));
        let mut jar = Jar::default();
        assert_eq!(stage.sign_in(&mut jar).await.status, 303);
        let seen = statuses(&stage, &jar).await;
        assert_eq!(
            seen,
            [status, status, account, audit, status, 200, 200, 200, 404],
            "{roles:?}"
        );
    }
    assert_eq!(
        statuses(&stage, &Jar::default()).await,
        [303, 401, 303, 303, 401, 200, 200, 200, 404]
    );
}

#[tokio::test]
async fn the_status_is_public_unless_it_is_not() {
    let stage = Stage::start(&[]).await;
    assert_eq!(
        statuses(&stage, &Jar::default()).await,
        [200, 200, 303, 303, 200, 200, 200, 200, 404]
    );
    let page = stage.get(&mut Jar::default(), "/qclock/audit").await;
    assert_eq!(
        page.header("location"),
        Some("/qclock/sign-in?return=%2Fqclock%2Faudit")
    );
}

#[tokio::test]
async fn one_signs_in_and_out_and_it_is_written_down() {
    let stage = Stage::start(&[]).await;
    let mut jar = Jar::default();
    let told = stage.begin(&mut jar, "/qclock/sign-in?return=%2Fqclock%2Faudit").await;
    assert_eq!(
        (told["code_challenge_method"].as_str(), told["response_type"].as_str()),
        ("S256", "code")
    );
    let answer = stage.get(&mut jar, &stage.back(&told, "code")).await;
    assert_eq!(answer.header("location"), Some("/qclock/audit"));
    let cookie = answer
        .headers
        .iter()
        .find(|(name, value)| name == "set-cookie" && value.starts_with("qclock_session="));
    assert!(cookie.unwrap().1.ends_with("; Path=/; HttpOnly; SameSite=Lax"));
    assert_eq!(jar.get("qclock_sign_in"), None);
    let page = stage.get(&mut jar, "/qclock/audit").await;
    assert!(
        page.body.contains("Ann &#60;b&#62;") && !page.body.contains("Ann <b>"),
        "{}",
        page.body
    );
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .contains(&format!("form-action 'self' {}", stage.provider.issuer()))
    );
    let token = page
        .body
        .split("name=\"token\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let body = format!("token={token}");
    let answer = crate::browser::post(
        stage.address(),
        "/qclock/sign-out",
        &[("Cookie", &jar.header()), ("Origin", "http://dashboard")],
        &body,
    )
    .await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let address = answer.header("location").unwrap();
    assert!(
        address.starts_with(&format!("{}/end?id_token_hint=ey", stage.provider.issuer())),
        "{address}"
    );
    assert!(
        address.ends_with("&client_id=qclock-dashboard&post_logout_redirect_uri=http%3A%2F%2Fdashboard%2F"),
        "{address}"
    );
    assert_eq!(stage.get(&mut jar.clone(), "/qclock/account").await.status, 303);
    let mut auditor = Jar::default();
    stage.sign_in(&mut auditor).await;
    let page = stage.get(&mut auditor, "/qclock/audit").await.body;
    assert!(page.contains("Sign-out") && page.contains("127.0.0.1"), "{page}");
}

#[tokio::test]
async fn sessions_end_by_themselves() {
    let stage = Stage::start(&[("QCLOCK_SESSION_SECONDS", "2")]).await;
    let mut jar = Jar::default();
    stage.sign_in(&mut jar).await;
    let begun = Instant::now();
    while stage.get(&mut jar.clone(), "/qclock/account").await.status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(5));
        sleep(Duration::from_millis(50)).await;
    }
    assert!(begun.elapsed() > Duration::from_secs(1));
    // What the page that was open leads to: no new sign-in before somebody wants one.
    let page = stage.get(&mut jar, "/").await.body;
    let way = page.split("data-ended=\"").nth(1).unwrap().split('"').next().unwrap();
    let ended = stage.get(&mut jar, way).await;
    assert_eq!((ended.status, ended.header("location")), (401, None));
    assert!(
        ended.body.contains("Nobody used this page for a while"),
        "{}",
        ended.body
    );
    assert_eq!(jar.get("qclock_session"), None);
    assert_eq!(stage.get(&mut jar, "/qclock/sign-in").await.status, 303);
}

#[tokio::test]
async fn sessions_outlive_the_provider_and_keys_may_change() {
    let stage = Stage::start(&[]).await;
    let mut jar = Jar::default();
    stage.sign_in(&mut jar).await;
    assert_eq!(stage.provider.key_questions(), 1);
    stage.provider.set(|it| it.keys = Keys::new("second"));
    // A key that was rotated a moment after the last look is found at once.
    assert_eq!(stage.sign_in(&mut Jar::default()).await.status, 303);
    assert_eq!(stage.provider.key_questions(), 2);
    stage.provider.set(|it| it.keys = Keys::new("third"));
    assert_eq!(stage.sign_in(&mut Jar::default()).await.status, 303);
    assert_eq!(stage.provider.key_questions(), 3);
    // A stranger's invented keys do not make us ask without end, and do not keep anybody out.
    for number in 0..20 {
        let stranger = Keys::new(&format!("stranger-{number}")).sign(Signer::Es256, "logout+jwt", &json!({"iss": "x"}));
        let body = format!("logout_token={stranger}");
        let answer = crate::browser::post(stage.address(), "/qclock/sign-out/back-channel", &[], &body).await;
        assert_eq!(answer.status, 400);
    }
    let asked = stage.provider.key_questions();
    assert!((4..=6).contains(&asked), "{asked}");
    stage.provider.set(|it| it.signer = Signer::EdDsa);
    assert_eq!(stage.sign_in(&mut Jar::default()).await.status, 303);
    stage.provider.set(|it| it.stalls = true);
    assert_eq!(stage.get(&mut jar, "/qclock/account").await.status, 200);
    assert_eq!(stage.get(&mut jar, "/").await.status, 200);
}

#[tokio::test]
async fn the_provider_ends_sessions_and_nobody_else_does() {
    let stage = Stage::start(&[]).await;
    let mut jar = Jar::default();
    stage.sign_in(&mut jar).await;
    let say = async |token: &str, headers: &[(&str, &str)]| {
        let body = format!("logout_token={token}");
        crate::browser::post(stage.address(), "/qclock/sign-out/back-channel", headers, &body)
            .await
            .status
    };
    type Change = fn(&mut serde_json::Value);
    let attacks: [(&str, Signer, Change); 10] = [
        ("alg none", Signer::None, |_| {}),
        ("HS256", Signer::Hs256, |_| {}),
        ("another key", Signer::Stranger, |_| {}),
        ("audience", Signer::Es256, |it| it["aud"] = json!("another")),
        ("issuer", Signer::Es256, |it| it["iss"] = json!("https://evil.example")),
        ("old", Signer::Es256, |it| {
            it["iat"] = json!(crate::provider::now() - 300);
        }),
        ("an ID token", Signer::Es256, |it| it["nonce"] = json!("n")),
        ("no event", Signer::Es256, |it| it["events"] = json!({})),
        ("no name", Signer::Es256, |it| {
            drop(it.as_object_mut().unwrap().remove("jti"));
        }),
        ("nobody", Signer::Es256, |it| {
            drop(it.as_object_mut().unwrap().remove("sid"));
        }),
    ];
    for (name, signer, change) in attacks {
        let token = stage.provider.logout_token(signer, change);
        assert_eq!(say(&token, &[]).await, 400, "{name}");
    }
    let token = stage.provider.logout_token(Signer::Es256, |_| {});
    assert_eq!(say(&token, &[("X-QClock-Edge", "1")]).await, 404);
    assert_eq!(stage.get(&mut jar.clone(), "/qclock/account").await.status, 200);
    assert_eq!(say(&token, &[]).await, 200);
    assert_eq!(stage.get(&mut jar.clone(), "/qclock/account").await.status, 303);
    assert_eq!(say(&token, &[]).await, 400, "used twice");
    stage.sign_in(&mut jar).await;
    let token = stage.provider.logout_token(Signer::EdDsa, |it| {
        it["sub"] = json!("4f1c");
        it.as_object_mut().unwrap().remove("sid");
    });
    assert_eq!(say(&token, &[]).await, 200);
    assert_eq!(stage.get(&mut jar, "/qclock/account").await.status, 303);
}

#[tokio::test]
async fn who_begins_too_often_waits() {
    let stage = Stage::start(&[]).await;
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(request(stage.address(), "GET", "/qclock/sign-in", &[]).await.status);
    }
    assert!(answers.contains(&303) && answers.contains(&429), "{answers:?}");
}
