//! The command: `qclock-init [run|health|check-config|first-start|version] [--config FILE]`; called `sh`, see [`qclock_init::shell`].

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let called = arguments.next();
    let arguments: Vec<_> = arguments.collect();
    if qclock_init::shell::is_meant(called.as_ref()) {
        return qclock_init::shell::main(&arguments);
    }
    qclock_init::command::main(arguments)
}
