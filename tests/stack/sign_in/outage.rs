//! The identity provider goes away and comes back, and changes its key, while people work.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use qclock_testkit::browser::{Browser, Page};
use qclock_testkit::client;
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;

use super::realm::Realm;
use super::{AGAIN_WITHIN, IDENTITY_WITHIN, at_provider, public, send, sign_in, signed_in, sound};

/// The dashboard believes for 10 s that the provider is where it was.
const TOLD_WITHIN: Duration = Duration::from_secs(30);

/// Whoever is signed in stays so until it is back; whoever wants to sign in is told what is wrong and what to do; it heals by itself.
pub(crate) fn away(stack: &Stack) -> Result<()> {
    let realm = Realm::new(stack);
    let person = realm.person("working", &["operator"])?;
    let browser = Browser::start()?;
    let (inside, outside, under_way, leaving) = (
        browser.person()?,
        browser.person()?,
        browser.person()?,
        browser.person()?,
    );
    sign_in(stack, &inside, &person)?;
    sign_in(stack, &leaving, &person)?;
    under_way.open(&public(stack, "/qclock/sign-in"))?;
    at_provider(stack, &under_way)?;

    stack.compose(&["stop", "identity"])?;
    let outcome = while_away(stack, &person.name, [&inside, &outside, &leaving]).and_then(|()| {
        send(&under_way, &person.name, &person.password)?;
        ensure!(
            under_way.status()? == 503 && under_way.text()?.contains("Sign-in does not answer"),
            "the provider's form is answered with {} {}",
            under_way.status()?,
            under_way.text()?
        );
        stack
            .wait_for_state("identity", &["down"], Duration::from_secs(30))
            .map(drop)
    });
    stack.compose(&["start", "identity"])?;
    stack.wait_until_healthy(IDENTITY_WITHIN)?;
    outcome.context("while the identity provider was stopped")?;
    stack.wait_for_state("identity", &["operational"], Duration::from_secs(30))?;

    // The button on the page of the refusal.
    outside.follow("a[href='/qclock/sign-in'].control")?;
    at_provider(stack, &outside)?;
    send(&outside, &person.name, &person.password)?;
    signed_in(stack, &outside, &person.name)?;
    // Its own sessions were in its memory: it stands by none of before, and whoever was signed in is told so.
    wait_for("the provider is asked again", AGAIN_WITHIN, || {
        let opened = inside.open(&public(stack, "/qclock/account"));
        match opened.and_then(|()| Ok((inside.status()?, inside.text()?))) {
            Ok((401, text)) if text.contains("You have been signed out") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })?;
    inside.follow("a[href='/qclock/sign-in'].control")?;
    send(&inside, &person.name, &person.password)?;
    signed_in(stack, &inside, &person.name)?;
    // Apache's page asks again by itself, and the provider begins anew where somebody was.
    wait_for("the form is back by itself", AGAIN_WITHIN, || {
        at_provider(stack, &under_way).map_err(|error| format!("{error:#}"))
    })?;
    send(&under_way, &person.name, &person.password)?;
    signed_in(stack, &under_way, &person.name)
}

fn while_away(stack: &Stack, name: &str, [inside, outside, leaving]: [&Page; 3]) -> Result<()> {
    for path in ["/", "/qclock/account"] {
        inside.open(&public(stack, path))?;
        ensure!(inside.status()? == 200, "{path} answered {}", inside.status()?);
        signed_in(stack, inside, name)?;
    }
    // Who comes in the first seconds is still sent to the provider, where Apache says the same.
    let told = || {
        outside.open(&public(stack, "/qclock/sign-in"))?;
        let (status, text) = (outside.status()?, outside.text()?);
        ensure!(
            status == 503 && (text.contains("Sign-in does not answer") || text.contains("Try again in a moment")),
            "signing in is answered with {status} {text}"
        );
        anyhow::Ok(text)
    };
    told()?;
    let ((), after) = wait_for("the dashboard itself says so", TOLD_WITHIN, || match told() {
        Ok(text) if text.contains("The identity provider does not answer") => Ok(()),
        other => Err(format!("{other:?}")),
    })?;
    println!("    the dashboard says itself that nobody can sign in, {after:.1?} after the stop");
    sound(outside)?;
    // One can still leave, and is told what that means.
    leaving.click(".account summary")?;
    leaving.follow(".account-menu button[type=submit]")?;
    let text = leaving.text()?;
    ensure!(
        text.contains("You are signed out of the dashboard") && text.contains("close your browser"),
        "signing out is answered with {text}"
    );
    leaving.open(&public(stack, "/"))?;
    ensure!(leaving.shows("a.sign-in")?, "they are still signed in");
    let edge = client::get(&stack.identity_url("/auth/"), Duration::from_secs(20))?;
    ensure!(edge.status == 503, "Apache answers {}", edge.status);
    Ok(())
}

/// The realm signs with a new key from one moment to the next: nobody notices.
pub(crate) fn key_rotated(stack: &Stack) -> Result<()> {
    let realm = Realm::new(stack);
    let person = realm.person("signing", &["viewer"])?;
    let browser = Browser::start()?;
    let before = browser.person()?;
    sign_in(stack, &before, &person)?;
    let old = realm.key()?;
    let added = realm.add_key()?;
    let outcome = (|| {
        ensure!(realm.key()? != old, "the key was not rotated");
        let after = browser.person()?;
        sign_in(stack, &after, &person).context("with a key that the dashboard does not know yet")?;
        // A sign-out token comes with the new key, too.
        person.end_sessions()?;
        after.open(&public(stack, "/qclock/account"))?;
        at_provider(stack, &after)
    })();
    realm.remove_key(&added)?;
    outcome?;
    let last = browser.person()?;
    sign_in(stack, &last, &person).context("with the old key again")
}
