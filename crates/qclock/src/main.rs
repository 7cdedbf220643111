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
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return tell(&answer),
    };
    let printer = Printer::new(&cli);
    std::panic::set_hook(Box::new(move |panic| printer.bug(panic)));
    let status = std::panic::catch_unwind(|| run(&cli, printer)).unwrap_or(ExitStatus::Bug);
    status.into()
}

/// Help and version, which are results, or what is wrong with the arguments.
fn tell(answer: &clap::Error) -> ExitCode {
    let status = match answer.exit_code() {
        0 => ExitStatus::Done,
        _ => ExitStatus::Usage,
    };
    let written = answer.print();
    if answer.use_stderr() {
        return status.into();
    }
    printer::keep_error(written);
    let printer = Printer::plain();
    printer.finish().map_or_else(
        |failure| {
            printer.failure(&failure);
            failure.status.into()
        },
        |()| status.into(),
    )
}

fn run(cli: &Cli, printer: Printer) -> ExitStatus {
    // Fails only where one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let status = commands::run(cli, printer).and_then(|status| printer.finish().map(|()| status));
    status.unwrap_or_else(|failure| {
        printer.failure(&failure);
        failure.status
    })
}
