//! How a session ends: by its person, by the provider, by time.

use std::time::Duration;

use anyhow::{Result, ensure};
use qclock_testkit::browser::Browser;
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;

use super::realm::Realm;
use super::{at_provider, public, sign_in, signed_in, signed_out, sound, status_of, with};

/// The provider tells the dashboard at once; a limit of a few seconds is over within this, too.
const ENDED_WITHIN: Duration = Duration::from_secs(15);

/// Signed out by the menu: here and at the provider.  Ended by the provider: in every browser.
pub(crate) fn everywhere(stack: &Stack) -> Result<()> {
    let realm = Realm::new(stack);
    let person = realm.person("leaving", &["viewer"])?;
    let browser = Browser::start()?;
    let (desk, phone) = (browser.person()?, browser.person()?);
    for page in [&desk, &phone] {
        sign_in(stack, page, &person)?;
    }
    ensure!(
        person.sessions()? == 2,
        "the provider has {} sessions",
        person.sessions()?
    );

    desk.click(".account summary")?;
    desk.follow(".account-menu button[type=submit]")?;
    signed_out(stack, &desk)?;
    ensure!(
        person.sessions()? == 1,
        "after a sign-out the provider has {} sessions",
        person.sessions()?
    );
    desk.open(&public(stack, "/qclock/account"))?;
    // It wants the password again.
    at_provider(stack, &desk)?;
    phone.open(&public(stack, "/qclock/account"))?;
    signed_in(stack, &phone, &person.name)?;

    sign_in(stack, &desk, &person)?;
    ensure!(
        person.sessions()? == 2,
        "the provider has {} sessions",
        person.sessions()?
    );
    person.end_sessions()?;
    for page in [&desk, &phone] {
        let fallen = || match status_of(page, "/qclock/account") {
            Ok(303) => Ok(()),
            other => Err(format!("{other:?}")),
        };
        wait_for("the provider's sign-out reaches the dashboard", ENDED_WITHIN, fallen)?;
        page.open(&public(stack, "/"))?;
        signed_out(stack, page)?;
        page.open(&public(stack, "/qclock/account"))?;
        at_provider(stack, page)?;
        sound(page)?;
    }
    ensure!(person.sessions()? == 0, "the provider still has sessions");

    for page in [&desk, &phone] {
        sign_in(stack, page, &person)?;
    }
    desk.open(&public(stack, "/qclock/account"))?;
    desk.follow(".everywhere button[type=submit]")?;
    signed_out(stack, &desk)?;
    ensure!(
        person.sessions()? == 0,
        "after a sign-out everywhere the provider has {} sessions",
        person.sessions()?
    );
    for page in [&desk, &phone] {
        page.open(&public(stack, "/qclock/account"))?;
        at_provider(stack, page)?;
        sound(page)?;
    }
    Ok(())
}

/// A session that nobody uses ends, an open page does not keep it awake, and its person comes back to where they were.
pub(crate) fn by_time(stack: &Stack) -> Result<()> {
    with(
        stack,
        &[
            "QCLOCK_SESSION_IDLE_SECONDS=3",
            "QCLOCK_SESSION_CHECK_SECONDS=1",
            "QCLOCK_STATUS_ACCESS=private",
        ],
        "dashboard",
    )?;
    let realm = Realm::new(stack);
    let person = realm.person("idle", &["auditor"])?;
    let browser = Browser::start()?;
    let page = browser.person()?;
    sign_in(stack, &page, &person)?;
    // What a page fetches by itself, for which the provider is asked meanwhile.
    let ended = || match status_of(&page, "/qclock/snapshot") {
        Ok(401) => Ok(()),
        other => Err(format!("{other:?}")),
    };
    let ((), after) = wait_for("a session without use ends", ENDED_WITHIN, ended)?;
    println!("    an idle limit of 3 s was seen after {after:.1?}");
    // The page that was open says so, and does not let itself in again, although the provider would.
    let ((), said) = wait_for("the open page says so", ENDED_WITHIN, || match page.text() {
        Ok(text) if text.contains("You have been signed out") => Ok(()),
        other => Err(format!("{other:?}")),
    })?;
    println!("    the page that was open says so after {said:.1?} more");
    ensure!(person.sessions()? == 1, "the provider's own session is there");
    ensure!(
        status_of(&page, "/qclock/snapshot")? == 401,
        "the page let itself in again"
    );
    // The provider's own session goes on, and brings them back without a question, to the page that they wanted.
    page.open(&public(stack, "/qclock/audit?of=changes"))?;
    signed_in(stack, &page, &person.name)?;
    ensure!(
        page.address()? == public(stack, "/qclock/audit?of=changes"),
        "came back to {}",
        page.address()?
    );
    // Where that has ended, too, the password is wanted.
    person.end_sessions()?;
    page.open(&public(stack, "/"))?;
    at_provider(stack, &page)?;
    with(stack, &[], "dashboard")
}
