//! One file for each command.

pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod digest;
pub(crate) mod dockerfile;
pub(crate) mod ledger;
pub(crate) mod lock;
pub(crate) mod reach;
pub(crate) mod realm;
pub(crate) mod resolve;
pub(crate) mod secrets;
pub(crate) mod slim;
pub(crate) mod support;
pub(crate) mod why;

use crate::cli::{Cli, Command};
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

pub(crate) fn run(cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    match &cli.command {
        Command::Lock(arguments) => lock::run(arguments, cli, printer),
        Command::Build(arguments) => build::run(arguments, cli, printer),
        Command::Cache(arguments) => cache::run(arguments, cli, printer),
        Command::Digest(arguments) => digest::run(arguments, cli, printer),
        Command::Dockerfile(arguments) => dockerfile::run(arguments, cli, printer),
        Command::Ledger(arguments) => ledger::run(arguments, cli, printer),
        Command::Reach(arguments) => reach::run(arguments, cli, printer),
        Command::Resolve(arguments) => resolve::run(arguments, cli, printer),
        Command::Why(arguments) => why::run(arguments, cli, printer),
        Command::Slim(arguments) => slim::run(arguments, cli, printer),
        Command::Support(arguments) => support::run(arguments, cli, printer),
        Command::Realm(arguments) => realm::run(arguments, cli, printer),
        Command::Secrets(arguments) => secrets::run(arguments, cli, printer),
    }
}
