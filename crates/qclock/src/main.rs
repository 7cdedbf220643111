//! The `qclock` command: arguments in, the factory's work, one exit status out.

mod cli;
mod clock;
mod commands;
mod context;
mod environment;
mod exit;
mod failure;
mod printer;
mod progress;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::exit::ExitStatus;
use crate::printer::Printer;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let printer = Printer::new(&cli);
    std::panic::set_hook(Box::new(move |panic| printer.bug(panic)));
    let status = std::panic::catch_unwind(|| run(&cli, printer)).unwrap_or(ExitStatus::Bug);
    status.into()
}

fn run(cli: &Cli, printer: Printer) -> ExitStatus {
    // Fails only where one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    commands::run(cli, printer).unwrap_or_else(|failure| {
        printer.failure(&failure);
        failure.status
    })
}
