//! What the provider takes away, or gives, while somebody works.

use std::time::Duration;

use anyhow::{Result, ensure};
use qclock_testkit::browser::Browser;
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;

use super::realm::Realm;
use super::{at_provider, public, send, sign_in, signed_in, sound, status_of, with};

/// Two seconds from one question to the next, and the sign of life of a stream.
const SEEN_WITHIN: Duration = Duration::from_secs(20);

/// Roles come and go within seconds; whoever's account is disabled is out, also of the page that they have open, and told why.
pub(crate) fn revoked(stack: &Stack) -> Result<()> {
    with(
        stack,
        &["QCLOCK_SESSION_CHECK_SECONDS=2", "QCLOCK_STATUS_ACCESS=private"],
        "dashboard",
    )?;
    let realm = Realm::new(stack);
    let person = realm.person("changing", &["viewer", "auditor"])?;
    let browser = Browser::start()?;
    let (page, open) = (browser.person()?, browser.person()?);
    for page in [&page, &open] {
        sign_in(stack, page, &person)?;
    }
    let becomes = |path: &str, status: u64| {
        let ((), after) = wait_for("the provider's change is seen", SEEN_WITHIN, || {
            match status_of(&page, path) {
                Ok(seen) if seen == status => Ok(()),
                other => Err(format!("{path}: {other:?}")),
            }
        })?;
        println!("    {path} answers {status} after {after:.1?}");
        anyhow::Ok(())
    };
    becomes("/qclock/audit", 200)?;
    person.change_role("auditor", false)?;
    becomes("/qclock/audit", 403)?;
    ensure!(status_of(&page, "/")? == 200, "a viewer may view");
    person.change_role("admin", true)?;
    becomes("/qclock/audit", 200)?;
    page.open(&public(stack, "/qclock/audit"))?;
    ensure!(
        page.text()?.contains("Roles changed"),
        "the change is not on the audit page: {}",
        page.text()?
    );
    signed_in(stack, &page, &person.name)?;
    // What was asked for and refused is in the browser's log.
    page.troubles();

    person.disable()?;
    becomes("/qclock/snapshot", 401)?;
    page.open(&public(stack, "/qclock/account"))?;
    let ((), after) = wait_for("the open page says so by itself", SEEN_WITHIN, || match open.text() {
        Ok(text) if text.contains("no longer confirms your session") => Ok(()),
        other => Err(format!("{other:?}")),
    })?;
    println!("    the page that was open says so after {after:.1?}");
    for page in [&page, &open] {
        ensure!(
            page.status()? == 401 && page.text()?.contains("You have been signed out"),
            "one is told {} {}",
            page.status()?,
            page.text()?
        );
        page.follow("a[href='/qclock/sign-in'].control")?;
        at_provider(stack, page)?;
        send(page, &person.name, &person.password)?;
        ensure!(
            page.text()?.contains("disabled"),
            "a disabled account is answered with {}",
            page.text()?
        );
    }
    let other = browser.person()?;
    other.open(&public(stack, "/healthz"))?;
    sound(&other)?;
    with(stack, &[], "dashboard")
}
