//! The stack as its users run it: built from this checkout, started under a name and on ports of its own, broken on purpose, watched
//! through its own dashboard.  Twice: the evaluation flavour by `scripts/up.sh`, and the definitions of Oracle Linux 9 on packages of the
//! laboratory's mirror (see [`qclock_testkit::laboratory`]).
//!
//! Needs a Docker engine and Compose v2, and for the laboratory tools of rpm and dnf.  Where there is none every trial that needs it is
//! reported as ignored with the reason; with `QCLOCK_STACK_TESTS=required` (as `scripts/test.sh` sets it) that is a failure instead.
//! `QCLOCK_TEST_TAG` names images that are there already, for scenarios with a stack of their own that are run alone.
//! `QCLOCK_TEST_STACK` names the folder of a stack that is up already and stays so (see [`Stack::running`]), for scenarios that are run
//! alone on it.  Those of sign-in need Debian's `chromium-headless-shell`.
//! `QCLOCK_TEST_FULL=1` runs the randomised rounds at their full count, and every scenario in both flavours.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test harness speaks to the terminal"
)]

mod dockerfile;
mod edge;
mod faults;
mod first_start;
mod flavours;
mod hardening;
mod identity;
mod identity_db;
mod images;
mod laboratory;
mod lifecycle;
mod mysql;
mod packages;
mod part;
mod realm;
mod secrets;
mod sign_in;
mod truth;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use qclock_testkit::browser::Browser;
use qclock_testkit::laboratory::missing_tools;
use qclock_testkit::stack::{Flavour, Stack, docker_answers};

/// What makes a sentence true.
type Scenario = fn(&Stack) -> Result<()>;

/// Whether the laboratory's stack passes a scenario, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Laboratory {
    /// In every run: what depends on the packages.
    Always,
    /// In the full run: what depends on our own programs alone, which are the same in both.
    Full,
    /// The scenario is about the evaluation flavour, or about the scripts.
    Never,
    /// Nor with it; and it needs a browser.
    InABrowser,
}

use Laboratory::{Always, Full, InABrowser, Never};

/// In the order in which they run: the stack comes up in the first and is broken in ever worse ways.
const SCENARIOS: &[(&str, Scenario, Laboratory)] = &[
    (
        "up.sh twice in a row ends healthy both times",
        lifecycle::up_twice,
        Never,
    ),
    (
        "the scripts take Oracle Linux where its repositories answer, and say why where not",
        flavours::choice,
        Never,
    ),
    (
        "the dashboard tells the truth about PHP and the database",
        truth::status_document,
        Always,
    ),
    (
        "Apache serves the dashboard, the user's PHP and nothing it should not",
        truth::edge_routes,
        Always,
    ),
    (
        "Apache passes on what sign-in needs and nothing else of the identity provider",
        edge::of_sign_in,
        Always,
    ),
    (
        "the realm is as its file says, and becomes what it says next",
        realm::as_code,
        Never,
    ),
    (
        "the first administrator signs in with the password for one time, and must change it",
        sign_in::first_day,
        InABrowser,
    ),
    (
        "each role sees what it should, and is refused the rest",
        sign_in::each_role,
        InABrowser,
    ),
    (
        "signing out ends the session at the provider, and the provider's sign-out ends it in every browser",
        sign_in::everywhere,
        InABrowser,
    ),
    (
        "a role that is taken away and an account that is disabled are seen within seconds",
        sign_in::revoked,
        InABrowser,
    ),
    ("a session that nobody uses ends", sign_in::by_time, InABrowser),
    (
        "people who are signed in stay so while the identity provider is away, and others are told",
        sign_in::away,
        InABrowser,
    ),
    (
        "the realm's key is rotated while people sign in",
        sign_in::key_rotated,
        InABrowser,
    ),
    (
        "a PHP application behind sign-in is told who it is, and believes no header",
        sign_in::signed_in_for,
        InABrowser,
    ),
    (
        "kill -9 of the identity provider and its database at random moments keeps nobody from signing in again",
        sign_in::killed_at_random,
        InABrowser,
    ),
    ("every container is hardened as written", hardening::containers, Always),
    (
        "no image holds a set-id file or a shell",
        hardening::file_systems,
        Always,
    ),
    (
        "scanners read the package lists out of the images",
        hardening::package_lists,
        Always,
    ),
    (
        "two builds from one lock give the same digests whatever differs around them",
        images::same_bytes,
        Always,
    ),
    (
        "docker build makes the same images of the Dockerfiles",
        dockerfile::same_image,
        Always,
    ),
    (
        "skopeo and docker load read what the factory writes",
        images::other_readers,
        Never,
    ),
    (
        "logs are one JSON object per line and hold no secret",
        truth::logs,
        Always,
    ),
    (
        "no generated secret is in what Docker tells, in logs, environments, images or files outside /run/secrets",
        secrets::nowhere_to_be_seen,
        Always,
    ),
    (
        "a stopped database shows within 5 s and heals within 10 s",
        faults::database_stopped,
        Always,
    ),
    (
        "a frozen database shows within 5 s and hangs nothing",
        faults::database_frozen,
        Full,
    ),
    (
        "a killed FPM master shows within 5 s and heals by itself",
        faults::fpm_master_killed,
        Always,
    ),
    (
        "a stop during a 3 s request lets it complete",
        faults::stop_during_request,
        Always,
    ),
    ("the dashboard alone serves", faults::dashboard_alone, Full),
    (
        "kill -9 at random moments of the first start never leaves half a database",
        first_start::killed_at_random,
        Full,
    ),
    ("init scripts run once and in order", first_start::init_scripts, Full),
    (
        "the identity provider's database lets in whom it should, and nobody else",
        identity_db::accounts,
        Always,
    ),
    (
        "the identity provider's database survives kill -9 at random moments of its first start and while it runs",
        identity_db::killed_at_random,
        Full,
    ),
    (
        "the identity provider's database takes new passwords from the secret files, and shares its volume with nobody",
        identity_db::passwords_and_volume,
        Full,
    ),
    (
        "the identity provider's database is seen to be frozen, stops at once, and tells no secret",
        identity_db::frozen_stopped_and_silent,
        Always,
    ),
    (
        "the identity provider starts, twice, serves what browsers and the dashboard ask for, and tells no secret",
        identity::starts_and_serves,
        Full,
    ),
    (
        "the identity provider says that its database is frozen, and works again by itself",
        identity::database_frozen,
        Never,
    ),
    (
        "the identity provider's database lets go what a provider held whose network has gone, and both find together again",
        identity::network_broken,
        Never,
    ),
    (
        "two identity providers find each other and share who signs in",
        identity::share_sign_in,
        Never,
    ),
    (
        "the identity provider survives kill -9 at random moments of its first start with its realm whole",
        identity::killed_at_random,
        Never,
    ),
    (
        "the classic runbook ends with the application on its port",
        lifecycle::classic_runbook,
        Never,
    ),
    ("down leaves nothing behind", lifecycle::down_leaves_nothing, Always),
    (
        "a real MySQL in the database's place starts, fails and heals as MariaDB does",
        mysql::in_the_databases_place,
        Never,
    ),
];

/// Only for the laboratory; the first brings its stack up, the others stand before those that break it.
const IN_THE_LABORATORY: &[(&str, Scenario)] = &[
    (
        "images are locked, reviewed and built from RPM repositories, and come up healthy",
        laboratory::up,
    ),
    (
        "rpm says the same of a built tree as of what dnf installs",
        packages::agree_with_dnf,
    ),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let unavailable = docker_answers().err();
    let required = std::env::var_os("QCLOCK_STACK_TESTS").is_some_and(|value| value == "required");
    if let (Some(reason), false) = (&unavailable, required) {
        println!("stack tests are left out: {reason:#} (scripts/test.sh sets Docker up and runs them)");
    }
    let no_laboratory = missing_tools().err();
    if let (Some(reason), false) = (&no_laboratory, required) {
        println!("the laboratory's tests are left out: {reason:#} (scripts/test.sh installs it)");
    }
    let no_browser = Browser::program().err();
    if let (Some(reason), false) = (&no_browser, required) {
        println!("the tests in a browser are left out: {reason:#} (scripts/test.sh installs it)");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut stacks = Vec::new();
    let mut trials = Vec::new();
    let running = std::env::var_os("QCLOCK_TEST_STACK");
    let mut flavours = vec![(Flavour::Debian12, in_debian12())];
    if running.is_none() {
        flavours.push((Flavour::Laboratory, in_the_laboratory()));
    }
    for (flavour, scenarios) in flavours {
        let stack = match &running {
            Some(folder) => Stack::running(root, Path::new(folder)),
            None => Stack::new(root, flavour),
        };
        let stack = match stack {
            Ok(stack) => Arc::new(stack),
            Err(error) => {
                eprintln!("error: {error:#}");
                return ExitCode::FAILURE;
            }
        };
        let impossible = unavailable.is_some() || (flavour == Flavour::Laboratory && no_laboratory.is_some());
        let ignored = |wants_browser| !required && (impossible || (wants_browser && no_browser.is_some()));
        trials.extend(trials_of(&stack, scenarios, arguments.filter.is_some(), ignored));
        stacks.push(stack);
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    for stack in stacks.iter().filter(|_| unavailable.is_none() && !arguments.list) {
        if let Err(error) = stack.remove() {
            eprintln!("error: cannot take the test stack away: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    conclusion.exit_code()
}

/// A sentence, what makes it true, and whether that needs a browser.
type Listed = (String, Scenario, bool);

fn in_debian12() -> Vec<Listed> {
    let all = SCENARIOS.iter();
    all.map(|&(sentence, scenario, laboratory)| (sentence.to_owned(), scenario, laboratory == InABrowser))
        .collect()
}

fn in_the_laboratory() -> Vec<Listed> {
    let full = std::env::var_os("QCLOCK_TEST_FULL").is_some();
    let shared = SCENARIOS.iter().filter(|(_, _, laboratory)| match laboratory {
        Always => true,
        Full => full,
        Never | InABrowser => false,
    });
    let shared = shared.map(|&(sentence, scenario, _)| (sentence, scenario));
    let all = IN_THE_LABORATORY.iter().copied().chain(shared);
    all.map(|(sentence, scenario)| (format!("laboratory: {sentence}"), scenario, false))
        .collect()
}

/// The first of the scenarios brings the stack up; without it the others are not run.
fn trials_of(stack: &Arc<Stack>, scenarios: Vec<Listed>, filtered: bool, ignored: impl Fn(bool) -> bool) -> Vec<Trial> {
    // Filtered runs leave the first scenario out: then whoever filters answers for a stack that is up.
    let up = Arc::new(AtomicBool::new(filtered));
    let numbered = scenarios.into_iter().enumerate();
    let trial = |(number, (sentence, scenario, wants_browser)): (usize, Listed)| {
        let (stack, up) = (Arc::clone(stack), Arc::clone(&up));
        Trial::test(sentence, move || {
            if !up.load(Ordering::Relaxed) && number > 0 {
                return Err(Failed::from("not run: the stack did not come up"));
            }
            let outcome = scenario(&stack);
            up.fetch_or(outcome.is_ok(), Ordering::Relaxed);
            outcome.map_err(|error| Failed::from(format!("{error:#}\n{}", stack.evidence())))
        })
        .with_ignored_flag(ignored(wants_browser))
    };
    numbered.map(trial).collect()
}

/// How many rounds a randomised scenario runs: few in the normal run, all of them in the full one.
fn rounds(few: u32, all: u32) -> u32 {
    if std::env::var_os("QCLOCK_TEST_FULL").is_some() {
        all
    } else {
        few
    }
}
