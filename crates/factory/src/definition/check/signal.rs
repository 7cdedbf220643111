//! The signal that stops an image.

use super::{Checked, Fault};
use crate::failure::closest;

/// `signal(7)`, those that a process can handle.
const SIGNALS: [&str; 29] = [
    "SIGABRT",
    "SIGALRM",
    "SIGBUS",
    "SIGCHLD",
    "SIGCONT",
    "SIGFPE",
    "SIGHUP",
    "SIGILL",
    "SIGINT",
    "SIGIO",
    "SIGPIPE",
    "SIGPOLL",
    "SIGPROF",
    "SIGPWR",
    "SIGQUIT",
    "SIGSEGV",
    "SIGSTKFLT",
    "SIGSYS",
    "SIGTERM",
    "SIGTRAP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGUSR1",
    "SIGUSR2",
    "SIGVTALRM",
    "SIGWINCH",
    "SIGXCPU",
];
/// Linux has real-time signals from 34 to 64.
const REAL_TIME: u8 = 30;

pub(super) fn check(signal: &str) -> Checked {
    if SIGNALS.contains(&signal) || matches!(signal, "SIGXFSZ" | "SIGRTMIN" | "SIGRTMAX") {
        return Ok(());
    }
    let real_time = |start| Some(signal.strip_prefix(start)?.parse::<u8>().unwrap_or(u8::MAX));
    if let Some(number) = real_time("SIGRTMIN+").or_else(|| real_time("SIGRTMAX-")) {
        if number <= REAL_TIME {
            return Ok(());
        }
        return wrong(signal, format!("the last real-time signal is `SIGRTMIN+{REAL_TIME}`"));
    }
    if matches!(signal, "SIGKILL" | "SIGSTOP") {
        return Err(Fault {
            message: format!("no process can handle `{signal}`: nothing would be brought to an end in order"),
            hint: Some("use `SIGTERM`, or what the program takes as the order to finish its work".to_owned()),
        });
    }
    let upper = signal.to_ascii_uppercase();
    let spelt = if upper.starts_with("SIG") {
        upper
    } else {
        format!("SIG{upper}")
    };
    let hint = closest(&spelt, SIGNALS)
        .filter(|_| !signal.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or_else(
            || "write its name, as in `SIGTERM`".to_owned(),
            |name| format!("did you mean `{name}`?"),
        );
    wrong(signal, hint)
}

fn wrong(signal: &str, hint: String) -> Checked {
    Err(Fault {
        message: format!("`{signal}` is no signal that a process can be sent"),
        hint: Some(hint),
    })
}
