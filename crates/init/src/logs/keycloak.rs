//! Keycloak's log: JBoss' own layout of JSON, one object per line, and other lines (a change of the database's tables, the virtual machine's
//! own words), which are all message.
//!
//! Events of realms come through the logger `org.keycloak.events` as `type="LOGIN_ERROR", realmId="…", …`; they become fields of their own.

use serde_json::Value;

use super::record::Record;
use super::{Source, level};
use crate::clock::Timestamp;

/// The logger of realms' events.
const EVENTS: &str = "org.keycloak.events";
/// Of a stack trace, and of one event's fields.
const MOST_FRAMES: usize = 50;
const MOST_CAUSES: usize = 8;
const MOST_FIELDS: usize = 40;

pub(super) fn write(line: &[u8], now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
    let parsed: Value = serde_json::from_slice(line).unwrap_or_default();
    let (Some(message), Some(told)) = (text(&parsed, "message"), text(&parsed, "level")) else {
        return other(line, now, source, to);
    };
    let time = text(&parsed, "timestamp").filter(|time| is_timestamp(time));
    let mut record = match time {
        Some(time) => Record::begin_at(to, time),
        None => Record::begin(to, now),
    };
    record
        .text("log.level", level::level(told).unwrap_or("info"))
        .text("message", message);
    about(&mut record, source);
    let logger = text(&parsed, "loggerName");
    if let Some(logger) = logger {
        record.text("log.logger", logger);
    }
    if let Some(thread) = text(&parsed, "threadName") {
        record.text("process.thread.name", thread);
    }
    if let Some(thread) = number(&parsed, "threadId") {
        record.number("process.thread.id", thread);
    }
    if let Some(exception) = parsed.get("exception").filter(|exception| exception.is_object()) {
        error(&mut record, exception);
    }
    if logger == Some(EVENTS) {
        event(&mut record, message);
    }
    record.end();
}

/// None as well where it is something else than a text.
fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

fn number(object: &Value, key: &str) -> Option<u64> {
    object.get(key)?.as_u64()
}

fn other(line: &[u8], now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
    let mut record = Record::begin(to, now);
    // `2026-11-25 07:40:57,017 INFO  [io.quarkus.deployment.QuarkusAugmentor] (main) …`, before Keycloak is told to write JSON.
    let words = line.split(|byte| *byte == b' ').skip(2);
    let said = words.take(1).find_map(|word| std::str::from_utf8(word).ok());
    let told = said.and_then(level::level).or_else(|| level::told_by(line));
    record.text("log.level", told.unwrap_or("info"));
    if !record.bytes("message", line) {
        record.hexadecimal("qclock.raw.message", line);
    }
    about(&mut record, source);
    record.text("qclock.stream", source.stream);
    record.end();
}

fn about(record: &mut Record<'_>, source: &Source<'_>) {
    record
        .text("service.name", source.service)
        .text("event.dataset", source.dataset)
        .number("process.pid", u64::try_from(source.pid).unwrap_or(0));
}

fn error(record: &mut Record<'_>, exception: &Value) {
    if let Some(kind) = text(exception, "exceptionType") {
        record.text("error.type", kind);
    }
    if let Some(message) = text(exception, "message") {
        record.text("error.message", message);
    }
    let mut trace = String::new();
    let mut next = Some(exception);
    for depth in 0..MOST_CAUSES {
        let Some(exception) = next else { break };
        trace.push_str(if depth == 0 { "" } else { "Caused by: " });
        trace.push_str(text(exception, "exceptionType").unwrap_or("unknown"));
        if let Some(message) = text(exception, "message") {
            trace.push_str(": ");
            trace.push_str(message);
        }
        trace.push('\n');
        let frames = exception.get("frames").and_then(Value::as_array);
        for frame in frames.into_iter().flatten().take(MOST_FRAMES) {
            let (class, method) = (text(frame, "class"), text(frame, "method"));
            trace.push_str(&format!("\tat {}.{}", class.unwrap_or("?"), method.unwrap_or("?")));
            if let Some(line) = number(frame, "line") {
                trace.push_str(&format!(":{line}"));
            }
            trace.push('\n');
        }
        let cause = exception.get("causedBy").and_then(|cause| cause.get("exception"));
        next = cause.filter(|cause| cause.is_object());
    }
    record.text("error.stack_trace", &trace);
}

/// `type="LOGIN_ERROR", realmId="…", userId="null", …`; of an administrator's event `operationType="CREATE", …`.
fn event(record: &mut Record<'_>, message: &str) {
    let mut seen: Vec<&str> = Vec::new();
    for (key, value) in (Fields { rest: message }).take(MOST_FIELDS) {
        // What comes first is Keycloak's own; a later field of the same name is not believed.
        if seen.contains(&key) || value == "null" {
            continue;
        }
        seen.push(key);
        match key {
            "type" | "operationType" => {
                record.text("event.action", &value.to_ascii_lowercase().replace('_', "-"));
                let failed = value.ends_with("_ERROR");
                record.text("event.outcome", if failed { "failure" } else { "success" });
            }
            "ipAddress" if value.parse::<std::net::IpAddr>().is_ok() => {
                record.text("client.ip", &value);
            }
            "username" => {
                record.text("user.name", &value);
            }
            "userId" => {
                record.text("user.id", &value);
            }
            "error" => {
                record.text("event.reason", &value);
            }
            "realmId" => {
                record.text("keycloak.realm_id", &value);
            }
            "realmName" => {
                record.text("keycloak.realm", &value);
            }
            "clientId" => {
                record.text("keycloak.client_id", &value);
            }
            "resourceType" => {
                record.text("keycloak.resource_type", &value);
            }
            "resourcePath" => {
                record.text("keycloak.resource_path", &value);
            }
            "redirect_uri" => {
                record.text("url.original", &value);
            }
            _ => {}
        }
    }
}

/// Keycloak puts a backslash before a quote of a value and none before a backslash, and takes line ends away.  So a value ends at a quote
/// without a backslash before it, where the next field or the end of the line follows.
struct Fields<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, String);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, after) = self.rest.split_once("=\"")?;
        let key = key.strip_prefix(", ").unwrap_or(key);
        if !is_key(key) {
            return None;
        }
        let end = after.match_indices('"').map(|(at, _)| at).find(|at| {
            let behind = &after[at + 1..];
            behind.is_empty() || !after[..*at].ends_with('\\') && begins_field(behind)
        })?;
        self.rest = &after[end + 1..];
        Some((key, after[..end].replace("\\\"", "\"")))
    }
}

fn begins_field(text: &str) -> bool {
    let key = text.strip_prefix(", ").and_then(|text| text.split_once("=\""));
    key.is_some_and(|(key, _)| is_key(key))
}

fn is_key(text: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    !text.is_empty() && text.len() <= 64 && text.chars().all(plain)
}

/// `2026-11-25T07:43:13.8Z`: RFC 3339 in UTC, with one to nine digits of a fraction.
fn is_timestamp(text: &str) -> bool {
    let pattern = b"dddd-dd-ddTdd:dd:dd.";
    let Some((head, fraction)) = text.as_bytes().split_at_checked(pattern.len()) else {
        return false;
    };
    let digits = fraction.strip_suffix(b"Z").unwrap_or_default();
    let head_is_good = head.iter().zip(pattern).all(|(byte, wanted)| match wanted {
        b'd' => byte.is_ascii_digit(),
        other => byte == other,
    });
    head_is_good && (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn written(line: &str) -> Value {
        let source = Source {
            service: "keycloak",
            dataset: "keycloak.log",
            stream: "stdout",
            pid: 7,
        };
        let mut to = Vec::new();
        let now = Timestamp::from_microseconds(0).unwrap();
        write(line.as_bytes(), now, &source, &mut to);
        serde_json::from_slice(&to).unwrap()
    }

    fn event(message: &str) -> Value {
        let line = json!({
            "timestamp": "2026-11-25T07:43:13.8Z", "loggerName": EVENTS, "level": "WARN", "message": message,
            "threadName": "executor-thread-1", "threadId": 17, "mdc": {}, "ndc": "", "processId": 19940,
        });
        written(&line.to_string())
    }

    #[test]
    fn a_realm_s_event_becomes_fields() {
        let message = "type=\"LOGIN_ERROR\", realmId=\"r\", clientId=\"qclock-dashboard\", userId=\"null\", ipAddress=\"192.0.2.7\", \
            error=\"user_not_found\", auth_method=\"openid-connect\", username=\"admin\"";
        assert_eq!(
            event(message),
            json!({
                "@timestamp": "2026-11-25T07:43:13.8Z", "ecs.version": "9.0.0", "log.level": "warning", "message": message,
                "service.name": "keycloak", "event.dataset": "keycloak.log", "process.pid": 7, "log.logger": EVENTS,
                "process.thread.name": "executor-thread-1", "process.thread.id": 17, "event.action": "login-error",
                "event.outcome": "failure", "keycloak.realm_id": "r", "keycloak.client_id": "qclock-dashboard",
                "client.ip": "192.0.2.7", "event.reason": "user_not_found", "user.name": "admin",
            })
        );
    }

    #[test]
    fn what_a_stranger_types_forges_no_field() {
        // As Keycloak 23.0.7 writes a user name of `a", userId="evil`, and one that ends in a backslash.
        let forged = event("type=\"LOGIN_ERROR\", userId=\"null\", username=\"a\\\", userId=\\\"evil x\\ é\"");
        assert_eq!(forged["user.name"], "a\", userId=\"evil x\\ é");
        assert!(forged.get("user.id").is_none());
        let hidden = event("type=\"LOGIN_ERROR\", clientId=\"x\\\", userId=\"u\", ipAddress=\"192.0.2.7\"");
        assert_eq!(hidden["client.ip"], "192.0.2.7");
        let twice = event("type=\"LOGIN\", userId=\"u\", username=\"a\", userId=\"v\"");
        assert_eq!(
            (&twice["user.id"], &twice["event.outcome"]),
            (&json!("u"), &json!("success"))
        );
    }

    #[test]
    fn an_exception_has_its_causes() {
        let line = json!({
            "timestamp": "x", "level": "ERROR", "message": "m", "loggerName": "org.keycloak.x",
            "exception": {
                "refId": 1, "exceptionType": "java.lang.A", "message": "a",
                "frames": [{"class": "C", "method": "m", "line": 3}, {"class": "D", "method": "n"}],
                "causedBy": {"exception": {"exceptionType": "java.lang.B", "frames": []}},
            },
        });
        let value = written(&line.to_string());
        assert_eq!(value["error.type"], "java.lang.A");
        assert_eq!(
            value["error.stack_trace"],
            "java.lang.A: a\n\tat C.m:3\n\tat D.n\nCaused by: java.lang.B\n"
        );
        assert_eq!(value["@timestamp"], "1970-01-01T00:00:00.000000Z");
    }

    #[test]
    fn what_is_something_else_is_all_message() {
        for line in [
            "UPDATE SUMMARY",
            "Run:                        117",
            "{\"a\":1}",
            "{",
            "[1]",
            "",
        ] {
            let value = written(line);
            assert_eq!((&value["message"], &value["log.level"]), (&json!(line), &json!("info")));
        }
        let early = written("2026-11-25 07:40:57,017 WARN  [io.quarkus] (main) x");
        assert_eq!(early["log.level"], "warning");
        // Its build's.
        assert_eq!(written("ERROR: Failed to run 'build' command.")["log.level"], "error");
    }

    proptest! {
        #[test]
        fn fields_come_out_as_they_went_in(values in proptest::collection::vec("[^\\\\\"\\pC]{0,12}", 1..5)) {
            let text: Vec<String> = values.iter().enumerate().map(|(at, value)| format!("k{at}=\"{value}\"")).collect();
            let text = text.join(", ");
            let fields: Vec<String> = Fields { rest: &text }.map(|(_, value)| value).collect();
            prop_assert_eq!(fields, values);
        }

        #[test]
        fn nothing_makes_it_panic(message in "[a-z=\", \\\\]{0,80}") {
            event(&message);
        }
    }
}
