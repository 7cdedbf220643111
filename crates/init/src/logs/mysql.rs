//! The error log of MySQL: as its sink for JSON writes it, or, before and after that sink is there, as the classic one does.
//! Another line (a library's message, a crash report) is all message.

use serde_json::{Map, Value};

use super::Source;
use super::record::Record;
use crate::clock::Timestamp;

/// The keys that are of use here; a server's line has some more.
#[derive(Debug, Default)]
struct Line {
    /// 0 system, 1 error, 2 warning, 3 note.
    prio: Option<u64>,
    err_code: Option<u64>,
    subsystem: Option<String>,
    msg: String,
    time: Option<String>,
    thread: Option<u64>,
}

impl Line {
    fn parse(bytes: &[u8]) -> Self {
        let whole = || Self {
            msg: String::from_utf8_lossy(bytes).into_owned(),
            ..Self::default()
        };
        Self::json(bytes)
            .or_else(|| Self::classic(std::str::from_utf8(bytes).ok()?))
            .unwrap_or_else(whole)
    }

    fn json(bytes: &[u8]) -> Option<Self> {
        let Value::Object(found) = serde_json::from_slice(bytes).ok()? else {
            return None;
        };
        Some(Self {
            prio: number(&found, "prio")?,
            err_code: number(&found, "err_code")?,
            subsystem: text(&found, "subsystem")?,
            msg: text(&found, "msg")??,
            time: text(&found, "time")?,
            thread: number(&found, "thread")?,
        })
    }

    /// `2026-11-25T01:02:03.123456Z 0 [System] [MY-010931] [Server] message`
    fn classic(text: &str) -> Option<Self> {
        let (time, rest) = text.split_once(' ')?;
        let (thread, rest) = rest.split_once(" [")?;
        let (level, rest) = rest.split_once("] [MY-")?;
        let (code, rest) = rest.split_once("] [")?;
        let (subsystem, message) = rest.split_once("] ")?;
        let prio = match level {
            "System" => 0,
            "ERROR" => 1,
            "Warning" => 2,
            "Note" => 3,
            _ => return None,
        };
        Some(Self {
            prio: Some(prio),
            err_code: Some(code.parse().ok()?),
            subsystem: Some(subsystem.to_owned()),
            msg: message.to_owned(),
            time: Some(time.to_owned()),
            thread: Some(thread.parse().ok()?),
        })
    }

    fn level(&self) -> &'static str {
        match self.prio {
            Some(1) => "error",
            Some(2) => "warning",
            _ => "info",
        }
    }

    /// What MySQL's manual lists the message under: `MY-010931`.
    fn code(&self) -> Option<String> {
        self.err_code.map(|code| format!("MY-{code:06}"))
    }
}

/// None: it is something else than a number.  A server does not write that, so the line is another one's.
#[expect(clippy::option_option, reason = "absent is not wrong")]
fn number(found: &Map<String, Value>, key: &str) -> Option<Option<u64>> {
    match found.get(key) {
        None | Some(Value::Null) => Some(None),
        Some(value) => value.as_u64().map(Some),
    }
}

/// None: it is something else than a text.
#[expect(clippy::option_option, reason = "absent is not wrong")]
fn text(found: &Map<String, Value>, key: &str) -> Option<Option<String>> {
    match found.get(key) {
        None | Some(Value::Null) => Some(None),
        Some(value) => value.as_str().map(|text| Some(text.to_owned())),
    }
}

pub(super) fn write(line: &[u8], now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
    let parsed = Line::parse(line);
    let mut record = match parsed.time.as_deref().filter(|time| is_timestamp(time)) {
        Some(time) => Record::begin_at(to, time),
        None => Record::begin(to, now),
    };
    record
        .text("log.level", parsed.level())
        .text("message", &parsed.msg)
        .text("service.name", source.service)
        .text("event.dataset", source.dataset)
        .number("process.pid", u64::try_from(source.pid).unwrap_or(0));
    if let Some(thread) = parsed.thread {
        record.number("process.thread.id", thread);
    }
    if let Some(logger) = &parsed.subsystem {
        record.text("log.logger", logger);
    }
    if let Some(code) = parsed.code() {
        record.text("error.code", &code);
    }
    record.end();
}

/// `2026-11-25T01:02:03.000456Z`, which is what a server in UTC writes.
fn is_timestamp(text: &str) -> bool {
    let pattern = b"dddd-dd-ddTdd:dd:dd.ddddddZ";
    text.len() == pattern.len()
        && text.bytes().zip(pattern).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            other => byte == *other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &str) -> Value {
        let source = Source {
            service: "database",
            dataset: "mysql.error",
            stream: "stderr",
            pid: 7,
        };
        let mut to = Vec::new();
        write(
            line.as_bytes(),
            Timestamp::from_microseconds(0).unwrap(),
            &source,
            &mut to,
        );
        serde_json::from_slice(&to).unwrap()
    }

    #[test]
    fn the_names_are_those_of_the_schema() {
        let line = r#"{ "prio" : 2, "err_code" : 11068, "source_line" : 349, "function" : "f", "msg" : "The syntax is deprecated", "time" : "2026-11-25T01:02:03.123456Z", "ts" : 1795568523123, "thread" : 0, "err_symbol" : "ER_WARN", "SQL_state" : "HY000", "subsystem" : "Server", "buffered" : 1, "label" : "Warning" }"#;
        assert_eq!(
            written(line),
            serde_json::json!({
                "@timestamp": "2026-11-25T01:02:03.123456Z", "ecs.version": "9.0.0", "log.level": "warning",
                "message": "The syntax is deprecated", "service.name": "database", "event.dataset": "mysql.error",
                "process.pid": 7, "process.thread.id": 0, "log.logger": "Server", "error.code": "MY-011068",
            })
        );
    }

    #[test]
    fn the_classic_form_says_the_same() {
        let value =
            written("2026-11-25T01:02:03.123456Z 7 [Warning] [MY-010068] [Server] CA certificate [x] is self signed.");
        assert_eq!(value["@timestamp"], "2026-11-25T01:02:03.123456Z");
        assert_eq!(value["log.level"], "warning");
        assert_eq!(value["error.code"], "MY-010068");
        assert_eq!(value["process.thread.id"], 7);
        assert_eq!(value["log.logger"], "Server");
        assert_eq!(value["message"], "CA certificate [x] is self signed.");
    }

    #[test]
    fn what_is_something_else_is_all_message() {
        for line in [
            "mbind: Operation not permitted",
            "",
            "{\"prio\":1",
            "[1]",
            "{\"prio\":-1,\"msg\":\"x\"}",
            "{}",
        ] {
            let value = written(line);
            assert_eq!(value["message"], line);
            assert_eq!(value["@timestamp"], "1970-01-01T00:00:00.000000Z");
        }
        let forged = written(r#"{"msg":"x","time":"2026-11-25T01:02:03.123456Z\",\"a\":\"b"}"#);
        assert_eq!(forged["@timestamp"], "1970-01-01T00:00:00.000000Z");
    }
}
