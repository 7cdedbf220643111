//! The stack as its users run it: built from this checkout, started by `scripts/up.sh` under a name and on ports of its own, broken on
//! purpose, watched through its own dashboard.
//!
//! Needs a Docker engine and Compose v2.  Where there is none every trial is reported as ignored with the reason; with
//! `QCLOCK_STACK_TESTS=required` (as `scripts/test.sh` sets it) that is a failure instead.
//! `QCLOCK_TEST_FULL=1` runs the randomised rounds at their full count.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test harness speaks to the terminal"
)]

mod faults;
mod first_start;
mod hardening;
mod images;
mod lifecycle;
mod truth;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};
use qclock_testkit::stack::{Stack, docker_answers};

/// A scenario: a sentence and what makes it true.
type Scenario = (&'static str, fn(&Stack) -> Result<()>);

/// In the order in which they run: the stack comes up in the first and is broken in ever worse ways.
const SCENARIOS: &[Scenario] = &[
    ("up.sh twice in a row ends healthy both times", lifecycle::up_twice),
    (
        "the dashboard tells the truth about PHP and the database",
        truth::status_document,
    ),
    (
        "Apache serves the dashboard, the user's PHP and nothing it should not",
        truth::edge_routes,
    ),
    ("every container is hardened as written", hardening::containers),
    ("no image holds a set-id file or a shell", hardening::file_systems),
    (
        "scanners read the package lists out of the images",
        hardening::package_lists,
    ),
    (
        "two builds from one lock give the same digests whatever differs around them",
        images::same_bytes,
    ),
    (
        "skopeo and docker load read what the factory writes",
        images::other_readers,
    ),
    ("logs are one JSON object per line and hold no secret", truth::logs),
    (
        "a stopped database shows within 5 s and heals within 10 s",
        faults::database_stopped,
    ),
    (
        "a frozen database shows within 5 s and hangs nothing",
        faults::database_frozen,
    ),
    (
        "a killed FPM master shows within 5 s and heals by itself",
        faults::fpm_master_killed,
    ),
    (
        "a stop during a 3 s request lets it complete",
        faults::stop_during_request,
    ),
    ("the dashboard alone serves", faults::dashboard_alone),
    (
        "kill -9 at random moments of the first start never leaves half a database",
        first_start::killed_at_random,
    ),
    ("init scripts run once and in order", first_start::init_scripts),
    (
        "the classic runbook ends with the application on its port",
        lifecycle::classic_runbook,
    ),
    ("down leaves nothing behind", lifecycle::down_leaves_nothing),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let unavailable = docker_answers().err();
    let required = std::env::var_os("QCLOCK_STACK_TESTS").is_some_and(|value| value == "required");
    if let (Some(reason), false) = (&unavailable, required) {
        println!("stack tests are left out: {reason:#} (scripts/test.sh sets Docker up and runs them)");
    }
    let stack = match Stack::new(root) {
        Ok(stack) => Arc::new(stack),
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    // Filtered runs leave the first scenario out: then whoever filters answers for a stack that is up.
    let up = Arc::new(AtomicBool::new(arguments.filter.is_some()));
    let trials = SCENARIOS
        .iter()
        .map(|&(sentence, scenario)| {
            let (stack, up) = (Arc::clone(&stack), Arc::clone(&up));
            Trial::test(sentence, move || {
                if !up.load(Ordering::Relaxed) && !scenario_is_first(sentence) {
                    return Err(Failed::from("not run: the stack did not come up"));
                }
                let outcome = scenario(&stack);
                up.fetch_or(outcome.is_ok(), Ordering::Relaxed);
                outcome.map_err(|error| Failed::from(format!("{error:#}\n{}", stack.evidence())))
            })
            .with_ignored_flag(unavailable.is_some() && !required)
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if unavailable.is_none()
        && !arguments.list
        && let Err(error) = stack.remove()
    {
        eprintln!("error: cannot take the test stack away: {error:#}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

fn scenario_is_first(sentence: &str) -> bool {
    SCENARIOS.first().is_some_and(|(first, _)| *first == sentence)
}

/// How many rounds a randomised scenario runs: few in the normal run, all of them in the full one.
fn rounds(few: u32, all: u32) -> u32 {
    if std::env::var_os("QCLOCK_TEST_FULL").is_some() {
        all
    } else {
        few
    }
}
