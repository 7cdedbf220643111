//! A PHP application behind the sign-in of Apache: `QCLOCK_APP_SIGN_IN=required`.

use anyhow::{Context, Result, ensure};
use qclock_testkit::browser::Browser;
use qclock_testkit::stack::Stack;
use serde_json::{Value, json};

use super::realm::Realm;
use super::{at_provider, public, send, sound, with};

const PAGE: &str = "<?php header('Content-Type: application/json'); echo json_encode($_SERVER);";

/// Headers by which somebody might pass for somebody else.
const FORGED: [&str; 7] = [
    "Remote-User",
    "X-Remote-User",
    "X-Forwarded-User",
    "OIDC_CLAIM_roles",
    "OIDC-CLAIM-roles",
    "OIDC_CLAIM_sub",
    "OIDC-Claim-Preferred-Username",
];
const LIE: &str = "forged-by-the-client";

pub(crate) fn signed_in_for(stack: &Stack) -> Result<()> {
    stack.write_page("who.php", PAGE)?;
    stack.write_page("plain.txt", "for people who are signed in")?;
    with(stack, &["QCLOCK_APP_SIGN_IN=required"], "app")?;
    let outcome = behind_sign_in(stack);
    with(stack, &[], "app")?;
    outcome?;
    let answer = stack.get("/who.php")?;
    ensure!(
        answer.status == 200,
        "without sign-in the page answers {}",
        answer.status
    );
    Ok(())
}

fn behind_sign_in(stack: &Stack) -> Result<()> {
    let realm = Realm::new(stack);
    let person = realm.person("reader", &["operator"])?;
    let browser = Browser::start()?;
    let page = browser.person()?;
    let forged: serde_json::Map<String, Value> = FORGED.iter().map(|name| ((*name).to_owned(), json!(LIE))).collect();
    page.call("Network.setExtraHTTPHeaders", &json!({ "headers": forged }))?;

    for path in ["/plain.txt", "/who.php?shown=1"] {
        page.open(&public(stack, path))?;
        at_provider(stack, &page).with_context(|| format!("a stranger at {path}"))?;
    }
    send(&page, &person.name, &person.password)?;
    ensure!(
        page.address()? == public(stack, "/who.php?shown=1"),
        "signed in, one is at {}: {}",
        page.address()?,
        page.text()?
    );
    let server: Value = serde_json::from_str(&page.text()?).context("what PHP was told")?;
    ensure!(server["REMOTE_USER"] == person.name, "PHP was told {server:#}");
    let roles = server["OIDC_CLAIM_roles"].as_str().unwrap_or_default();
    ensure!(
        roles.split(',').any(|role| role == "operator") && roles.split(',').any(|role| role == "viewer"),
        "PHP was told the roles `{roles}`"
    );
    let issuer = format!("http://localhost:{}/auth/realms/qclock", stack.identity_port);
    ensure!(
        server["OIDC_CLAIM_iss"] == issuer && server["OIDC_CLAIM_sub"].is_string(),
        "PHP was told {server:#}"
    );
    ensure!(
        !server.to_string().contains(LIE),
        "a forged header reached PHP: {server:#}"
    );
    sound(&page)?;

    // The dashboard beside it is as it was.
    page.open(&public(stack, "/"))?;
    ensure!(page.shows("#verdict")?, "the dashboard shows {}", page.text()?);
    let back = format!("/qclock-sign-in?logout=http%3A%2F%2Flocalhost%3A{}%2F", stack.http_port);
    page.open(&public(stack, &back))?;
    page.open(&public(stack, "/plain.txt"))?;
    at_provider(stack, &page).context("after signing out of the application")
}
