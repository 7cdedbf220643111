//! The program: environment in, exit status out.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::process::ExitCode;
use std::time::Duration;

use qclock_dashboard::clock::Moment;
use qclock_dashboard::configuration::Configuration;
use qclock_dashboard::log;
use qclock_dashboard::run::run;

/// Wrong usage or configuration.
const CONFIGURATION: u8 = 2;
/// The environment failed.
const ENVIRONMENT: u8 = 4;
/// How long lookups that cannot be called off may hold up the end.
const PATIENCE: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| complain("critical", "panicked", &told(panic))));
    let configuration = match Configuration::from_environment(std::env::vars_os()) {
        Ok(configuration) => configuration,
        Err(faults) => {
            for fault in faults {
                complain("error", "configuration-refused", &with_causes(&fault));
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
            complain("error", "failed", &with_causes(&error));
            return ExitCode::from(ENVIRONMENT);
        }
    };
    let outcome = runtime.block_on(run(configuration));
    runtime.shutdown_timeout(PATIENCE);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain("error", "failed", &with_causes(&error));
            ExitCode::from(ENVIRONMENT)
        }
    }
}

/// On standard error, as a line of the log; where that is gone there is nobody to tell.
fn complain(level: &str, action: &str, message: &str) {
    let line = log::fault(Moment::now().wall, level, action, message);
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

fn told(panic: &PanicHookInfo<'_>) -> String {
    let message = panic.payload_as_str().unwrap_or("without words");
    match panic.location() {
        Some(location) => format!("panicked at {location}: {message}"),
        None => format!("panicked: {message}"),
    }
}
