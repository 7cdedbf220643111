//! `qclock-init health`, the health check of every image.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::command::tell;
use crate::configuration::{Configuration, Probe};
use crate::failure::in_one_line;
use crate::{probe, state};

/// For each step of a probe.
const STEP: Duration = Duration::from_secs(2);
/// For all of them together; a container runtime waits longer.
const ALL: Duration = Duration::from_secs(4);

/// Prints one line if the answer is no.
pub fn command(configuration: &Configuration) -> ExitCode {
    match reason(configuration) {
        None => ExitCode::SUCCESS,
        Some(reason) => {
            tell(&format!("{reason}\n"));
            ExitCode::from(1)
        }
    }
}

/// Why not; None: healthy.  PID 1's word comes first: while it sets a database up, starts or stops, nobody should send requests.
fn reason(configuration: &Configuration) -> Option<String> {
    if let Some(reason) = state::reason_not_ready(&configuration.state_file) {
        return Some(reason);
    }
    let deadline = Instant::now() + ALL;
    let (sender, answers) = mpsc::channel();
    let mut asked = 0;
    for service in &configuration.services {
        let Some(ready) = service.ready.clone() else {
            continue;
        };
        asked += 1;
        let (name, sender) = (service.name.clone(), sender.clone());
        std::thread::spawn(move || {
            let answer = probe::ask(&ready.probe, STEP).map_err(|error| format!("`{name}`: {}", in_one_line(&error)));
            // Nobody listens any more after the deadline.
            let _ = sender.send(answer);
        });
    }
    for _ in 0..asked {
        match answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return Some(reason),
            Err(_) => return Some(format!("a service did not answer within {} s", ALL.as_secs())),
        }
    }
    None
}

/// What `check-config` prints.
pub fn summary(configuration: &Configuration) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    if let Some(first_start) = &configuration.first_start {
        let _ = writeln!(
            text,
            "first start: {} in {}",
            first_start.database(),
            first_start.data_directory().display()
        );
    }
    if let Some(prepare) = &configuration.prepare {
        let _ = writeln!(
            text,
            "prepared at each start: Keycloak in {}",
            prepare.directory.display()
        );
    }
    for service in &configuration.services {
        let ready = service.ready.as_ref().map_or_else(
            || "ready when started".to_owned(),
            |ready| {
                format!(
                    "ready when {} answers, within {} s",
                    place(&ready.probe),
                    ready.timeout.as_secs()
                )
            },
        );
        let _ = writeln!(
            text,
            "service {}: {}; {ready}; stopped with {}, {} s",
            service.name,
            service.command.join(" "),
            service.stop_signal.name(),
            service.stop_grace.as_secs()
        );
    }
    let _ = writeln!(text, "a stop takes {} s at most", configuration.stop_budget.as_secs());
    text
}

fn place(probe: &Probe) -> String {
    match probe {
        Probe::Fastcgi { socket, path } => format!("{} at {}", path, socket.display()),
        Probe::Http { authority, path, .. } => format!("http://{authority}{path}"),
        Probe::Mysql { socket, user } => format!("{} to {user}", socket.display()),
        Probe::Postgresql { socket, user, database } => format!("{} to {user} in {database}", socket.display()),
        Probe::Tcp { address } => address.to_string(),
    }
}
