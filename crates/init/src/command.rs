//! What was asked for on the command line.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::failure::{Class, Failure, closest, in_one_line};
use crate::{configuration, first_start, health, prepare, run};

const HELP: &str = "\
qclock-init, PID 1 of every QClock image

Usage: qclock-init [COMMAND] [--config FILE]

Commands:
  run           start what the image declares and stay (the default)
  health        ask every service whether it works; one line why not
  check-config  read the configuration and say what it declares
  first-start   set the database up if there is none; `run` does it by itself
  prepare       make Keycloak ready for its start; `run` does it by itself
  version       print the version
  help          print this

Options:
  --config FILE  the configuration [default: /etc/qclock/init.toml]

Environment:
  QCLOCK_STOP_SECONDS        all of a stop must fit into it [default: the configuration's, else 30];
                             let the container runtime wait a little longer
  QCLOCK_STOP_DELAY_SECONDS  from a request to stop to the first signal [default: 0]

Signals to `run`:
  TERM, INT, QUIT  stop in order, letting requests complete; a second one: stop fast; a third one: kill
  HUP, USR1        reload the services that declare a reload_signal

Exit status: 0 done or stopped on request, 1 the answer is no, 2 wrong usage or configuration, 4 the surroundings
failed; `run` also gives the status of an essential service that ended by itself (128 + n for signal n, 1 instead of
0), or 126 and 127 when its program cannot be started.
";

const COMMANDS: [&str; 7] = [
    "run",
    "health",
    "check-config",
    "first-start",
    "prepare",
    "version",
    "help",
];

/// Prints and gives the exit status.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let (command, path) = match parse(arguments) {
        Ok(parsed) => parsed,
        Err((message, hint)) => {
            complain(&message, Some(&hint));
            return ExitCode::from(Class::Usage.status());
        }
    };
    match command.as_str() {
        "help" => tell(HELP),
        "version" => tell(&format!("qclock-init {}\n", env!("CARGO_PKG_VERSION"))),
        command => {
            let configuration = match configuration::read(&path) {
                Ok(configuration) => configuration,
                Err(error) if command == "run" => return fail_as_a_log_line(&error),
                Err(error) => return fail(&error),
            };
            match command {
                "health" => health::command(&configuration),
                "check-config" => tell(&health::summary(&configuration)),
                "first-start" => first_start::command(&configuration),
                "prepare" => prepare::command(&configuration),
                _ => match run::run(&configuration, &path) {
                    Ok(status) => ExitCode::from(status),
                    Err(error) => fail_as_a_log_line(&error),
                },
            }
        }
    }
}

fn parse(arguments: Vec<OsString>) -> Result<(String, PathBuf), (String, String)> {
    let see_help = || "`qclock-init help` shows what there is".to_owned();
    let mut command = None;
    let mut path = PathBuf::from(configuration::DEFAULT_PATH);
    let mut rest = arguments.into_iter();
    while let Some(argument) = rest.next() {
        let argument = argument.to_string_lossy().into_owned();
        match argument.as_str() {
            "--config" => {
                path = rest
                    .next()
                    .ok_or_else(|| ("`--config` needs a file".to_owned(), see_help()))?
                    .into();
            }
            "--help" | "-h" => command = Some("help".to_owned()),
            "--version" | "-V" => command = Some("version".to_owned()),
            known if command.is_none() && COMMANDS.contains(&known) => command = Some(argument),
            unknown => {
                if let Some(file) = unknown.strip_prefix("--config=") {
                    path = PathBuf::from(file);
                    continue;
                }
                let hint = closest(unknown, COMMANDS.into_iter())
                    .map_or_else(see_help, |close| format!("did you mean `{close}`?"));
                return Err((format!("unknown argument `{unknown}`"), hint));
            }
        }
    }
    Ok((command.unwrap_or_else(|| "run".to_owned()), path))
}

pub(crate) fn tell(text: &str) -> ExitCode {
    // A reader that has gone away has seen what it wanted.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

pub(crate) fn fail(failure: &impl Failure) -> ExitCode {
    complain(&in_one_line(failure), failure.hint().as_deref());
    ExitCode::from(failure.class().status())
}

/// A container's standard output is its log, one object per line.
fn fail_as_a_log_line(failure: &impl Failure) -> ExitCode {
    tell(&String::from_utf8_lossy(&run::write_failure(failure)));
    ExitCode::from(failure.class().status())
}

fn complain(message: &str, hint: Option<&str>) {
    let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(std::io::stderr(), "error: {message}{hint}");
}
