//! The command: `qclock-init [run|health|check-config|first-start|version] [--config FILE]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    qclock_init::command::main(std::env::args_os().skip(1).collect())
}
