//! Signing in as people do it: a real browser, the dashboard, and the identity provider behind Apache.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use qclock_testkit::browser::{Browser, Page};
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;
use serde_json::json;

mod application;
mod ends;
mod killed;
mod outage;
pub(crate) mod realm;
mod revoked;
mod roles;

pub(crate) use application::signed_in_for;
pub(crate) use ends::{by_time, everywhere};
pub(crate) use killed::killed_at_random;
pub(crate) use outage::{away, key_rotated};
pub(crate) use revoked::revoked;
pub(crate) use roles::each_role;

use realm::{Person, random};

/// A container that was told something else is up and healthy again within this.
const AGAIN_WITHIN: Duration = Duration::from_secs(120);
/// Keycloak's own start takes 25 s on idle cores.
const IDENTITY_WITHIN: Duration = Duration::from_secs(300);

/// The one-time password, the change that it forces, and the page that was wanted.
pub(crate) fn first_day(stack: &Stack) -> Result<()> {
    let browser = Browser::start()?;
    let page = browser.person()?;
    // What every proxy and many a browser asks for: Keycloak compresses into a folder that must be there.
    page.call(
        "Network.setExtraHTTPHeaders",
        &json!({ "headers": { "Accept-Encoding": "gzip" } }),
    )?;
    page.open(&public(stack, "/qclock/audit"))?;
    at_provider(stack, &page)?;
    style_sheets(&page)?;
    sound(&page)?;

    let once = fs_err::read_to_string(stack.folder().join("secrets/identity_admin_password"))?;
    send(&page, "admin", "not the password")?;
    ensure!(
        page.text()?.contains("Invalid username or password"),
        "a wrong password is answered with {}",
        page.text()?
    );
    send(&page, "admin", once.trim())?;
    let password = random()?;
    change(&page, "too short")?;
    ensure!(
        page.text()?.contains("minimum length 12"),
        "a short password is answered with {}",
        page.text()?
    );
    change(&page, &password)?;
    ensure!(
        page.address()? == public(stack, "/qclock/audit") && page.status()? == 200,
        "signed in, one is at {} with {}",
        page.address()?,
        page.status()?
    );
    page.open(&public(stack, "/qclock/audit?of=provider"))?;
    for event in ["UPDATE_PASSWORD", "LOGIN_ERROR", "LOGIN"] {
        ensure!(
            page.text()?.contains(event),
            "the audit page lacks {event}: {}",
            page.text()?
        );
    }
    sound(&page)?;

    let other = browser.person()?;
    other.open(&public(stack, "/qclock/sign-in"))?;
    send(&other, "admin", once.trim())?;
    at_provider(stack, &other).context("the one-time password is good twice")?;
    send(&other, "admin", &password)?;
    signed_in(stack, &other, "admin")?;
    sound(&other)
}

/// Every style sheet has come, compressed.
fn style_sheets(page: &Page) -> Result<()> {
    let exchanges = page.exchanges();
    let sheets: Vec<_> = exchanges.iter().filter(|it| it.kind == "Stylesheet").collect();
    ensure!(!sheets.is_empty(), "the page of sign-in has no style sheet");
    for sheet in sheets {
        ensure!(
            sheet.status == 200 && sheet.header("content-encoding") == Some("gzip"),
            "the style sheet {} came with {} and {:?}",
            sheet.address,
            sheet.status,
            sheet.header("content-encoding")
        );
    }
    Ok(())
}

/// An address as people know it: sign-in comes back to that name and no other.
fn public(stack: &Stack, path: &str) -> String {
    format!("http://localhost:{}{path}", stack.http_port)
}

/// Begins on the dashboard, and ends there.
fn sign_in(stack: &Stack, page: &Page, person: &Person<'_>) -> Result<()> {
    page.open(&public(stack, "/qclock/sign-in"))?;
    at_provider(stack, page)?;
    send(page, &person.name, &person.password)?;
    signed_in(stack, page, &person.name)
}

/// Fills in the provider's form.
fn send(page: &Page, name: &str, password: &str) -> Result<()> {
    page.fill("#username", name)?;
    page.fill("#password", password)?;
    page.follow("#kc-login")
}

fn change(page: &Page, password: &str) -> Result<()> {
    page.fill("#password-new", password)?;
    page.fill("#password-confirm", password)?;
    page.follow("#kc-passwd-update-form [type=submit]")
}

fn at_provider(stack: &Stack, page: &Page) -> Result<()> {
    let expected = format!("http://localhost:{}/auth/realms/qclock/", stack.identity_port);
    let address = page.address()?;
    ensure!(
        address.starts_with(&expected) && page.shows("#kc-login")?,
        "expected the provider's form, not {address}: {}",
        page.text()?
    );
    Ok(())
}

/// On the dashboard, which calls them by that name.
fn signed_in(stack: &Stack, page: &Page, name: &str) -> Result<()> {
    let address = page.address()?;
    ensure!(
        address.starts_with(&public(stack, "/")),
        "expected the dashboard, not {address}: {}",
        page.text()?
    );
    let shown = page.evaluate("document.querySelector('.account-name')?.innerText")?;
    ensure!(shown == name, "the dashboard calls `{name}` {shown}");
    Ok(())
}

fn signed_out(stack: &Stack, page: &Page) -> Result<()> {
    let address = page.address()?;
    ensure!(
        address == public(stack, "/") && page.shows("a.sign-in")? && !page.shows(".account")?,
        "expected the dashboard without anybody, not {address}: {}",
        page.text()?
    );
    Ok(())
}

/// Nothing that a developer would see in red.
fn sound(page: &Page) -> Result<()> {
    let troubles = page.troubles();
    ensure!(troubles.is_empty(), "the browser complains: {troubles:#?}");
    Ok(())
}

/// The status of an answer, as a page's own script sees it: 303 for any redirect, which it may not look into.
fn status_of(page: &Page, path: &str) -> Result<u64> {
    let quoted = serde_json::to_string(path)?;
    let status = page.evaluate(&format!(
        "(async () => {{ const end = new AbortController();
          const answer = await fetch({quoted}, {{ redirect: 'manual', cache: 'no-store', signal: end.signal }});
          const status = answer.type === 'opaqueredirect' ? 303 : answer.status; end.abort(); return status; }})()"
    ))?;
    status.as_u64().with_context(|| format!("{path} answered {status}"))
}

/// Starts services anew with variables of the installation, or without them when there are none; ends when they are healthy.
fn with(stack: &Stack, variables: &[&str], service: &str) -> Result<()> {
    let mut arguments = variables.to_vec();
    arguments.extend(["docker", "compose", "up", "--detach", "--no-deps", service]);
    stack.run("env", &arguments)?;
    stack.wait_until_healthy(AGAIN_WITHIN)?;
    // Apache asks for the container's new address.
    wait_for("the dashboard through Apache", AGAIN_WITHIN, || {
        match stack.get("/healthz") {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("status {}", answer.status)),
            Err(error) => Err(format!("{error:#}")),
        }
    })?;
    Ok(())
}
