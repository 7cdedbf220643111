//! `qclock why`: the way from what is asked for to what came with it.

use qclock_factory::resolve::{Resolved, Why};
use serde_json::json;
use thiserror::Error;

use super::resolve::Repositories;
use crate::cli::Cli;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// Explain why a package comes along with another
///
/// Chooses packages for A as `qclock resolve` does, and prints the shortest chain of requirements from A to B. Exits with status 1 when
/// B does not come along.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  qclock why php-fpm systemd --repo appstream=/srv/el9/AppStream --repo baseos=/srv/el9/BaseOS")]
pub(crate) struct Arguments {
    /// What is asked for
    #[arg(value_name = "A")]
    from: String,
    /// Package that comes along: its name, or name-[epoch:]version-release.arch
    #[arg(value_name = "B")]
    to: String,
    #[command(flatten)]
    repositories: Repositories,
}

#[derive(Debug, Error)]
#[error("`{to}` is not among the {count} packages that `{from}` needs")]
struct NotNeeded {
    from: String,
    to: String,
    count: usize,
}

pub(crate) fn run(arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let specifications = [arguments.from.clone()];
    let resolution = arguments.repositories.ask(&specifications, cli, printer)?;
    let chain = resolution.chain(&arguments.to).ok_or_else(|| CommandFailure {
        status: ExitStatus::No,
        error: Box::new(NotNeeded {
            from: arguments.from.clone(),
            to: arguments.to.clone(),
            count: resolution.packages.len(),
        }),
        hint: Some(format!(
            "run `qclock resolve {}` with the same options to see all of them",
            arguments.from
        )),
    })?;
    if printer.is_json() {
        printer.json(&json!({"schema": "qclock.why/1", "chain": chain}));
    } else {
        for package in chain {
            printer.line(&line(package));
        }
    }
    Ok(ExitStatus::Done)
}

fn line(package: &Resolved) -> String {
    let name = &package.nevra;
    match &package.why {
        Why::Request(specification) => format!("{name}: asked for as `{specification}`"),
        Why::Required { by, requirement } => format!("{name}: {by} requires `{requirement}`"),
        Why::Recommended { by, requirement } => format!("{name}: {by} recommends `{requirement}`"),
        Why::Supplements => format!("{name}: it supplements what is there"),
    }
}
