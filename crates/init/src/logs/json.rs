//! Lines that are JSON objects already: passed on byte for byte, with the fields that are missing put in front.

use serde_json::Value;

use super::Source;
use super::level::level;
use super::record::Record;
use crate::clock::Timestamp;

/// Of a level or a time that another logger tells, in bytes.
const LONGEST_WORD: usize = 64;

/// False: it is not one JSON object.
pub(super) fn write(line: &[u8], now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) -> bool {
    let line = line.trim_ascii();
    // One line stays one line whatever the reader takes for an end.
    let Some(rest) = line.strip_prefix(b"{").filter(|rest| rest.ends_with(b"}")) else {
        return false;
    };
    if line.iter().any(|byte| *byte < b' ') {
        return false;
    }
    // Whole, not only its keys: what is passed on must be readable for whoever comes next.
    let Ok(Value::Object(found)) = serde_json::from_slice(line) else {
        return false;
    };
    if found.get("@timestamp").is_some_and(|time| !time.is_string()) {
        return false;
    }
    let has = |names: [&str; 2]| names.into_iter().any(|name| found.contains_key(name));
    let text = |name: &str| found.get(name)?.as_str().filter(|text| text.len() <= LONGEST_WORD);
    let before = to.len();
    let mut record = Record::continued(to);
    if !found.contains_key("@timestamp") {
        record.text("@timestamp", text("timestamp").unwrap_or(&now.rfc3339()));
    }
    if !has(["ecs.version", "ecs"]) {
        record.ecs_version();
    }
    if !has(["log.level", "log"]) {
        let told = text("level").map(str::to_ascii_lowercase);
        let told = told.as_deref();
        record.text("log.level", told.map_or("info", |word| level(word).unwrap_or(word)));
    }
    if !has(["service.name", "service"]) {
        record.text("service.name", source.service);
    }
    if !has(["event.dataset", "event"]) {
        record.text("event.dataset", source.dataset);
    }
    if !has(["process.pid", "process"]) {
        record.number("process.pid", u64::try_from(source.pid).unwrap_or(0));
    }
    match to.get_mut(before) {
        // The comma before the first field is where the object begins.
        Some(comma) => {
            *comma = b'{';
            if !found.is_empty() {
                to.push(b',');
            }
        }
        None => to.push(b'{'),
    }
    to.extend_from_slice(rest);
    to.push(b'\n');
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &str) -> Option<String> {
        let source = Source {
            service: "dashboard",
            dataset: "dashboard.stdout",
            stream: "stdout",
            pid: 7,
        };
        let mut to = Vec::new();
        let taken = write(
            line.as_bytes(),
            Timestamp::from_microseconds(0).unwrap(),
            &source,
            &mut to,
        );
        assert_eq!(taken, !to.is_empty());
        taken.then(|| String::from_utf8(to).unwrap())
    }

    #[test]
    fn what_is_missing_is_put_in_front_and_the_rest_stays_byte_for_byte() {
        let line = written(r#" {"level":"WARN","message":"é \u00e9","n":1.10,"big":123456789012345678901234567890} "#)
            .unwrap();
        assert_eq!(
            line,
            "{\"@timestamp\":\"1970-01-01T00:00:00.000000Z\",\"ecs.version\":\"9.0.0\",\"log.level\":\"warning\",\"service.name\":\"dashboard\",\
             \"event.dataset\":\"dashboard.stdout\",\"process.pid\":7,\"level\":\"WARN\",\"message\":\"é \\u00e9\",\"n\":1.10,\
             \"big\":123456789012345678901234567890}\n"
        );
    }

    #[test]
    fn a_complete_record_is_not_touched() {
        let complete =
            r#"{"@timestamp":"x","ecs":{},"log":{"level":"info"},"service.name":"a","event":{},"process":{}}"#;
        assert_eq!(written(complete).unwrap(), format!("{complete}\n"));
        assert!(serde_json::from_str::<Value>(&written("{}").unwrap()).is_ok());
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for line in [
            "",
            "{",
            "[1]",
            "{\"a\":1}{\"b\":2}",
            "{\"a\":1} x",
            "{'a':1}",
            "{\"a\":}",
            "null",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":1,\r\"b\":2}",
            "{\"@timestamp\":5}",
            "{\"a\":1e999}",
        ] {
            assert_eq!(written(line), None, "{line}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
        assert_eq!(written(&deep), None);
    }

    #[test]
    fn what_is_not_utf8_anywhere_is_no_record() {
        let source = Source {
            service: "x",
            dataset: "x.stdout",
            stream: "stdout",
            pid: 7,
        };
        let mut to = Vec::new();
        let now = Timestamp::from_microseconds(0).unwrap();
        assert!(!write(b"{\"a\":\"\xff\"}", now, &source, &mut to));
        assert!(to.is_empty());
    }
}
