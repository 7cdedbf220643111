//! kill -9 of the identity provider and of its database at random moments of a sign-in: the realm stays whole, and people sign in again
//! without anybody's hand.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use qclock_testkit::browser::Browser;
use qclock_testkit::stack::{Process, Stack};
use qclock_testkit::wait::wait_for;

use super::realm::{Person, Realm};
use super::{AGAIN_WITHIN, IDENTITY_WITHIN, sign_in};
use crate::first_start::{Sequence, pause_until, seed};
use crate::rounds;

/// A sign-in takes about a second: moments are drawn from a little more than that.
const SIGN_IN_MILLISECONDS: u64 = 1_500;

pub(crate) fn killed_at_random(stack: &Stack) -> Result<()> {
    let seed = seed()?;
    println!("    seed {seed}");
    let mut random = Sequence::new(seed);
    let realm = Realm::new(stack);
    let person = realm.person("patient", &["auditor"])?;
    let browser = Browser::start()?;
    let mut longest = Duration::ZERO;
    for (service, all) in [("identity-db", 20), ("identity", 10)] {
        for round in 1..=rounds(3, all) {
            let moment = Duration::from_millis(random.next() % SIGN_IN_MILLISECONDS);
            // The supervisor with all that it runs, or the program alone.
            let whole = random.next().is_multiple_of(2);
            let after = one_round(stack, &browser, &person, service, moment, whole).with_context(|| {
                format!("round {round} of {service}, killed after {moment:?}, whole: {whole}, seed {seed}")
            })?;
            longest = longest.max(after);
        }
    }
    println!("    the longest until somebody could sign in again: {longest:.1?}");
    crate::realm::is_as_its_file(stack)
}

fn one_round(
    stack: &Stack,
    browser: &Browser,
    person: &Person<'_>,
    service: &str,
    moment: Duration,
    whole: bool,
) -> Result<Duration> {
    let disturbed = browser.person()?;
    let started = |stack: &Stack| anyhow::Ok(stack.inspect(service)?["State"]["StartedAt"].clone());
    let before = started(stack)?;
    std::thread::scope(|scope| {
        // It may come through or not: whether it does is not what this is about.
        scope.spawn(|| drop(sign_in(stack, &disturbed, person)));
        pause_until(moment);
        kill(stack, service, whole)
    })?;
    let ((), restarted) = wait_for("it is started again", AGAIN_WITHIN, || match started(stack) {
        Ok(now) if now != before => Ok(()),
        other => Err(format!("{other:?}")),
    })?;
    // Asking again and again would be taken for an attack.
    let healthy = stack.wait_until_healthy(IDENTITY_WITHIN)?;
    let ((), signed_in) = wait_for("somebody can sign in again", AGAIN_WITHIN, || {
        let page = browser.person().map_err(|error| format!("{error:#}"))?;
        sign_in(stack, &page, person).map_err(|error| format!("{error:#}"))
    })?;
    Ok(restarted + healthy + signed_in)
}

/// From the machine's side, as the kernel would: Docker would take a kill of its own for a wish to stop.
fn kill(stack: &Stack, service: &str, whole: bool) -> Result<()> {
    let all = stack.processes(service, "")?;
    let first = all
        .iter()
        .find(|process| !all.iter().any(|other| other.pid == process.parent))
        .context("no process")?;
    if whole {
        return first.kill();
    }
    let program: Vec<&Process> = all.iter().filter(|process| process.parent == first.pid).collect();
    ensure!(!program.is_empty(), "the supervisor of {service} runs nothing");
    program.iter().try_for_each(|process| process.kill())
}
