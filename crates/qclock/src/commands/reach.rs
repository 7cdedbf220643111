//! `qclock reach`: whether the flavour's repositories answer.

use std::error::Error;

use qclock_factory::failure::Failure as _;
use qclock_factory::mirror::shown;
use qclock_factory::reach::{Answer, reach};
use serde_json::json;

use crate::cli::Cli;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// Tell whether the flavour's repositories answer
///
/// Asks each for the file that describes it, once, and prints where it was found or why it was not. Status 0 says that all of them answer,
/// status 1 that one does not.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  qclock reach --flavour oraclelinux9
  QCLOCK_NETWORK_TIMEOUT=3 qclock reach --quiet    for scripts: the status is the answer")]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let context = Context::new(cli, printer)?;
    let answers = reach(&context.project.flavour, &context.mirrors, &context.fetcher);
    if printer.is_json() {
        let list = answers.iter().map(|Answer { name, found }| {
            json!({
                "name": name, "answers": found.is_ok(), "address": found.as_ref().ok().map(shown),
                "reason": found.as_ref().err().map(|error| reason(error)),
            })
        });
        printer.json(&json!({ "schema": "qclock.reach/1", "repositories": list.collect::<Vec<_>>() }));
    } else {
        for Answer { name, found } in &answers {
            match found {
                Ok(address) => printer.line(&format!("{name}: {} answers", shown(address))),
                Err(error) => printer.line(&format!("{name}: {}", reason(error))),
            }
        }
        let hint = answers.iter().find_map(|answer| answer.found.as_ref().err()?.hint());
        if let Some(hint) = hint {
            printer.note(&format!("{hint}."));
        }
    }
    Ok(if answers.iter().all(|answer| answer.found.is_ok()) {
        ExitStatus::Done
    } else {
        ExitStatus::No
    })
}

/// The error with its causes, in one line.
fn reason(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
