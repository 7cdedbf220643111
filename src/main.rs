//! The program: environment in, exit status out.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use qclock_dashboard::configuration::Configuration;
use qclock_dashboard::run::run;

/// Wrong usage or configuration.
const CONFIGURATION: u8 = 2;
/// The environment failed.
const ENVIRONMENT: u8 = 4;
/// How long lookups that cannot be called off may hold up the end.
const PATIENCE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let configuration = match Configuration::from_environment(std::env::vars_os()) {
        Ok(configuration) => configuration,
        Err(faults) => {
            for fault in faults {
                complain(&fault);
            }
            return ExitCode::from(CONFIGURATION);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&error);
            return ExitCode::from(ENVIRONMENT);
        }
    };
    let outcome = runtime.block_on(run(configuration));
    runtime.shutdown_timeout(PATIENCE);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(ENVIRONMENT)
        }
    }
}

/// An error and its causes on standard error; where that is gone there is nobody to tell.
fn complain(error: &dyn Error) {
    let mut text = format!("error: {error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = writeln!(text, "  caused by: {error}");
        cause = error.source();
    }
    let _ = std::io::stderr().write_all(text.as_bytes());
}
