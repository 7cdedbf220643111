//! Whether the provider still stands by a session: less, more, another person, nobody any more; and when it says nothing.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::browser::{Answer, Events};
use crate::provider::{Signer, now};
use crate::{Jar, Stage};

/// Asked each second, everything else private.
const OFTEN: [(&str, &str); 2] = [
    ("QCLOCK_SESSION_CHECK_SECONDS", "1"),
    ("QCLOCK_STATUS_ACCESS", "private"),
];
const SOON: Duration = Duration::from_secs(10);

/// Somebody who has signed in where the provider gives tokens to ask again by.
async fn somebody(more: &[(&str, &str)]) -> (Stage, Jar) {
    let stage = Stage::start(&[&OFTEN, more].concat()).await;
    stage.provider.set(|it| it.renews = true);
    let mut jar = Jar::default();
    assert_eq!(stage.sign_in(&mut jar).await.status, 303);
    (stage, jar)
}

/// Asks until the answer has this status.
async fn until(stage: &Stage, jar: &Jar, path: &str, status: u16) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = stage.get(&mut jar.clone(), path).await;
        if answer.status == status {
            return answer;
        }
        assert!(begun.elapsed() < SOON, "{path} still answers {}", answer.status);
        sleep(Duration::from_millis(20)).await;
    }
}

/// The same for what it says.
async fn until_it_says(stage: &Stage, jar: &Jar, path: &str, text: &str) {
    let begun = Instant::now();
    while !stage.get(&mut jar.clone(), path).await.body.contains(text) {
        assert!(begun.elapsed() < SOON, "{path} does not say {text}");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn trail(stage: &Stage) -> String {
    let mut auditor = Jar::default();
    stage.provider.set(|it| {
        it.signer = Signer::Es256;
        it.change = Box::new(|claims| (claims["sub"], claims["name"]) = (json!("revision"), json!("Rita")));
    });
    assert_eq!(stage.sign_in(&mut auditor).await.status, 303);
    stage.get(&mut auditor, "/qclock/audit").await.body
}

fn roles(names: &'static [&'static str]) -> Box<dyn Fn(&mut Value) + Send> {
    Box::new(move |claims| claims["roles"] = json!(names))
}

#[tokio::test]
async fn roles_come_and_go_with_the_provider() {
    let (stage, jar) = somebody(&[]).await;
    assert_eq!(stage.get(&mut jar.clone(), "/qclock/audit").await.status, 200);
    for (now, shown, audit, status) in [
        (&["viewer"][..], "<dd>viewer</dd>", 403, 200),
        (&[], "<dd>no role</dd>", 403, 403),
        (&["admin"], "<dd>administrator</dd>", 200, 200),
    ] {
        stage.provider.set(|it| it.change_renewed = roles(now));
        until_it_says(&stage, &jar, "/qclock/account", shown).await;
        assert_eq!(
            stage.get(&mut jar.clone(), "/qclock/audit").await.status,
            audit,
            "{now:?}"
        );
        assert_eq!(stage.get(&mut jar.clone(), "/").await.status, status, "{now:?}");
    }
    let page = stage.get(&mut jar.clone(), "/qclock/audit").await.body;
    for change in [
        "viewer · before: viewer,auditor",
        "no role · before: viewer",
        "administrator · before: no role",
    ] {
        assert!(page.contains(change), "{change}: {page}");
    }
}

#[tokio::test]
async fn whom_the_provider_disowns_is_out_and_told_so() {
    let (stage, jar) = somebody(&[]).await;
    let mut other = Jar::default();
    stage.sign_in(&mut other).await;
    stage.provider.set(|it| it.renewable.clear());
    let answer = until(&stage, &jar, "/qclock/account", 401).await;
    assert!(
        answer.body.contains("no longer confirms your session"),
        "{}",
        answer.body
    );
    let cookie = answer.headers.iter().find(|(name, _)| name == "set-cookie").unwrap();
    assert!(
        cookie.1.starts_with("qclock_session=;") && cookie.1.contains("Max-Age=0"),
        "{cookie:?}"
    );
    // What the page asks by itself is answered as to anybody; the page itself says it again to whoever has not read it.
    assert_eq!(stage.get(&mut jar.clone(), "/qclock/snapshot").await.status, 401);
    let french = stage.get(&mut jar.clone(), "/?lang=fr").await;
    assert!(
        french.body.contains("ne confirme plus votre session"),
        "{}",
        french.body
    );
    let mut jar = jar;
    stage.get(&mut jar, "/qclock/account").await;
    assert_eq!(stage.get(&mut jar, "/qclock/account").await.status, 303);
    // Where the page is first asked for something else, the page afterwards knows.
    until(&stage, &other, "/qclock/snapshot", 401).await;
    assert_eq!(stage.get(&mut other, "/").await.status, 401);
    let page = trail(&stage).await;
    assert!(
        page.contains("Sign-out by the provider") && page.contains("the provider no longer confirms it"),
        "{page}"
    );
}

#[tokio::test]
async fn renewed_tokens_are_not_believed_blindly() {
    type Change = fn(&mut Value);
    let attacks: [(&str, &str, Signer, Change); 8] = [
        ("another person", "token-subject", Signer::Es256, |it| {
            it["sub"] = json!("another");
        }),
        ("audience", "token-audience", Signer::Es256, |it| {
            it["aud"] = json!("another");
        }),
        ("issuer", "token-issuer", Signer::Es256, |it| {
            it["iss"] = json!("https://evil.example");
        }),
        ("nonce", "token-nonce", Signer::Es256, |it| {
            it["nonce"] = json!("another");
        }),
        ("expired", "token-expired", Signer::Es256, |it| {
            it["exp"] = json!(now() - 31);
        }),
        ("alg none", "token-algorithm", Signer::None, |_| {}),
        ("HS256", "token-algorithm", Signer::Hs256, |_| {}),
        ("another key", "token-signature", Signer::Stranger, |_| {}),
    ];
    for (name, reason, signer, change) in attacks {
        let (stage, jar) = somebody(&[]).await;
        stage
            .provider
            .set(|it| (it.signer, it.change_renewed) = (signer, Box::new(change)));
        until(&stage, &jar, "/qclock/account", 401).await;
        let page = trail(&stage).await;
        assert!(page.contains(reason), "{name}: {page}");
    }
}

#[tokio::test]
async fn a_renewed_token_may_lack_the_nonce_or_not_be_there_at_all() {
    let changes: [fn(&mut Value); 2] = [
        |it| drop(it.as_object_mut().unwrap().remove("nonce")),
        |it| *it = Value::Null,
    ];
    for change in changes {
        let (stage, jar) = somebody(&[]).await;
        stage.provider.set(|it| it.change_renewed = Box::new(change));
        let begun = Instant::now();
        while stage.provider.renewals() < 3 {
            assert_eq!(stage.get(&mut jar.clone(), "/qclock/audit").await.status, 200);
            assert!(begun.elapsed() < SOON);
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(stage.get(&mut jar.clone(), "/qclock/audit").await.status, 200);
    }
}

#[tokio::test]
async fn many_requests_at_once_ask_once() {
    let (stage, jar) = somebody(&[]).await;
    let begun = Instant::now();
    stage.provider.set(|it| it.delay = Duration::from_millis(100));
    while stage.provider.renewals() < 3 {
        assert!(begun.elapsed() < SOON);
        let mut jars: Vec<Jar> = (0..8).map(|_| jar.clone()).collect();
        let asking = jars.iter_mut().map(|jar| stage.get(jar, "/qclock/account"));
        let answers = futures_util::future::join_all(asking).await;
        // A token that was used twice would have ended the session.
        assert!(answers.iter().all(|answer| answer.status == 200));
    }
    assert!(
        begun.elapsed() >= Duration::from_secs(3),
        "asked more often than each second"
    );
}

#[tokio::test]
async fn a_browser_that_goes_away_does_not_cost_the_session() {
    let (stage, jar) = somebody(&[]).await;
    stage.provider.set(|it| it.delay = Duration::from_millis(500));
    let begun = Instant::now();
    // The token is used up, and the next one is on its way while the browser has gone.
    while stage.provider.renewals() < 3 {
        assert!(begun.elapsed() < SOON);
        let mut jar = jar.clone();
        let hasty = stage.get(&mut jar, "/qclock/account");
        if let Ok(answer) = timeout(Duration::from_millis(50), hasty).await {
            assert_eq!(answer.status, 200);
        }
    }
    until(&stage, &jar, "/qclock/audit", 200).await;
}

#[tokio::test]
async fn without_an_answer_one_can_view_and_no_more() {
    let (stage, jar) = somebody(&[("QCLOCK_SESSION_UNCHECKED_SECONDS", "3")]).await;
    stage.provider.set(|it| it.stalls = true);
    let answer = until(&stage, &jar, "/qclock/audit", 503).await;
    assert_eq!(answer.header("retry-after"), Some("10"));
    assert!(answer.body.contains("cannot confirm your roles"), "{}", answer.body);
    for path in ["/", "/qclock/snapshot", "/qclock/account", "/api/v1/status"] {
        assert_eq!(stage.get(&mut jar.clone(), path).await.status, 200, "{path}");
    }
    stage.provider.set(|it| it.stalls = false);
    let page = until(&stage, &jar, "/qclock/audit", 200).await.body;
    assert!(
        page.contains("Session not confirmed") && page.contains("provider-late"),
        "{page}"
    );
}

#[tokio::test]
async fn a_provider_that_gives_nothing_to_ask_by_is_not_asked() {
    let stage = Stage::start(&[&OFTEN[..], &[("QCLOCK_SESSION_UNCHECKED_SECONDS", "1")]].concat()).await;
    let mut jar = Jar::default();
    stage.sign_in(&mut jar).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        assert_eq!(stage.get(&mut jar, "/qclock/audit").await.status, 200);
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(stage.provider.renewals(), 0);
    let page = stage.get(&mut jar, "/qclock/account").await.body;
    assert!(page.contains("at the sign-in only"), "{page}");
}

#[tokio::test]
async fn streams_end_with_what_they_were_opened_by() {
    for change in [
        |it: &mut crate::provider::Behaviour| it.renewable.clear(),
        |it: &mut crate::provider::Behaviour| it.change_renewed = roles(&[]),
    ] {
        let (stage, jar) = somebody(&[]).await;
        let mut events = Events::open_with(stage.address(), "/qclock/events", &[("Cookie", &jar.header())]).await;
        assert!(events.status.contains("200"), "{}", events.status);
        assert!(events.next().await.is_some());
        stage.provider.set(change);
        // At the next sign of life, or before.
        let ended = timeout(SOON, async { while events.next().await.is_some() {} }).await;
        assert!(ended.is_ok(), "the stream goes on");
    }
}
