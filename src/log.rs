//! The dashboard's own log: one JSON object a line on standard output, named as the Elastic Common Schema names things.

use std::io::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::check::Check;
use crate::clock::rfc3339;
use crate::machine::Transition;
use crate::state::State;

const ECS_VERSION: &str = "9.0.0";

/// Where the log goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Log {
    /// To standard output.
    Output,
    /// Nowhere: for tests of something else.
    Nowhere,
}

impl Log {
    /// Tells that a check changed its state.
    pub fn transition(self, check: Check, transition: &Transition) {
        let level = match transition.to {
            State::Down => "error",
            State::Degraded | State::Unknown => "warning",
            State::Operational | State::Maintenance => "info",
        };
        let (from, to) = (transition.from.key(), transition.to.key());
        let message = format!("{} went from {from} to {to}: {}", check.id(), transition.summary.en);
        let fields = json!({
            "event.action": "check-state-changed",
            "event.category": ["process"],
            "event.type": ["change"],
            "qclock.check.id": check.id(),
            "qclock.check.tier": check.tier().id(),
            "qclock.check.state": to,
            "qclock.check.previous_state": from,
        });
        self.write(&line(transition.at, level, &message, fields));
    }

    /// Tells something about the dashboard itself.
    pub fn event(self, at: Timestamp, action: &str, message: &str) {
        self.write(&line(at, "info", message, json!({ "event.action": action })));
    }

    /// Tells something with fields of its own.
    pub fn write_event(self, at: Timestamp, level: &str, message: &str, fields: Value) {
        self.write(&line(at, level, message, fields));
    }

    /// A log that cannot be written is no reason to stop watching.
    fn write(self, line: &str) {
        if self == Self::Output {
            let mut output = std::io::stdout().lock();
            let whole = format!("{line}\n");
            let _ = output.write_all(whole.as_bytes()).and_then(|()| output.flush());
        }
    }
}

/// A fault that ends the program, or a panic, which ends a task of it: one line for standard error.
pub fn fault(at: Timestamp, level: &str, action: &str, message: &str) -> String {
    let mut line = line(at, level, message, json!({ "event.action": action }));
    line.push('\n');
    line
}

fn line(at: Timestamp, level: &str, message: &str, fields: Value) -> String {
    let mut object = Map::new();
    object.insert("@timestamp".to_owned(), rfc3339(at).into());
    object.insert("log.level".to_owned(), level.into());
    object.insert("message".to_owned(), message.into());
    object.insert("ecs.version".to_owned(), ECS_VERSION.into());
    object.insert("service.name".to_owned(), "qclock-dashboard".into());
    object.insert("service.version".to_owned(), env!("CARGO_PKG_VERSION").into());
    object.insert("event.dataset".to_owned(), "qclock.dashboard".into());
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_json_object() {
        let text = line(
            "2026-11-22T10:00:00Z".parse().unwrap(),
            "info",
            "two\nlines",
            json!({ "event.action": "started" }),
        );
        assert!(!text.contains('\n'));
        let object: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["@timestamp"], "2026-11-22T10:00:00.000Z");
        assert_eq!(
            (&object["message"], &object["event.action"]),
            (&json!("two\nlines"), &json!("started"))
        );
    }
}
