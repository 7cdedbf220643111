//! What the programs say that run before the services: `first-start` and `prepare`, each a process of its own.

use std::io::Write as _;
use std::process::ExitCode;

use crate::clock::Timestamp;
use crate::failure::{Failure, in_one_line};
use crate::logs;
use crate::supervisor::Level;

/// One line of the log on standard output.  Who cannot write it still does its work.
pub fn tell(level: Level, action: &str, message: &str) {
    let mut line = Vec::new();
    let event = logs::Event {
        level,
        action,
        message,
        about: None,
        numbers: &[],
    };
    logs::write_own(&event, Timestamp::now(), &mut line);
    let _ = std::io::stdout().write_all(&line);
}

/// The end of such a program: a failure is told as `action`, with its causes and its hint, and becomes the exit status.
pub fn end<E: Failure>(done: Result<(), E>, action: &str) -> ExitCode {
    let Err(error) = done else {
        return ExitCode::SUCCESS;
    };
    let hint = error.hint().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
    tell(Level::Error, action, &format!("{}{hint}", in_one_line(&error)));
    ExitCode::from(error.class().status())
}
