//! `qclock support`: until when what the lock chose is supported.

use qclock_support::{Package, State, Support, supports};
use serde_json::json;

use crate::cli::Cli;
use crate::clock;
use crate::context::load_project;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// Print until when what the lock chose is supported
///
/// One line for each product of the flavour's lock, its packages' and its archives': its line, the last day of its support, and how many days are left. Exits with
/// status 1 when the support of one has ended. The table with the source of each line is a part of this program.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  qclock support
  qclock support --flavour oraclelinux9 --format json")]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let project = load_project(cli, None)?;
    let lock = project.read_lock(&project.lock_path())?;
    let packages: Vec<Package<'_>> = lock.parts().map(|(name, version)| Package { name, version }).collect();
    let found = supports(&lock.flavour, &packages, clock::now()).map_err(|error| CommandFailure {
        status: ExitStatus::Bug,
        error: Box::new(error),
        hint: None,
    })?;
    if printer.is_json() {
        printer.json(&json!({"schema": "qclock.support/1", "flavour": lock.flavour, "supports": found}));
    } else {
        for support in &found {
            printer.line(&line(support));
        }
    }
    Ok(if found.iter().any(|support| support.state == State::Ended) {
        ExitStatus::No
    } else {
        ExitStatus::Done
    })
}

fn line(support: &Support) -> String {
    let Support { product, line, .. } = support;
    let until = match (&support.end, support.days_left) {
        (Some(end), Some(days)) if days < 0 => format!("ended on {end}, {} days ago", -days),
        (Some(end), Some(days)) => format!("until {end}, {days} days left"),
        _ => "no end announced".to_owned(),
    };
    match &support.package {
        Some(package) => format!("{product} {line} ({package}): {until}"),
        None => format!("{product} {line}: {until}"),
    }
}
