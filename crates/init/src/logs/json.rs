//! Lines that are JSON objects already: passed on byte for byte, with the fields that are missing put in front.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};

use super::Source;
use super::level::level;
use super::record::Record;
use crate::clock::Timestamp;

/// What an object already says.
#[derive(Debug, Default)]
struct Found {
    time: bool,
    version: bool,
    level: bool,
    service: bool,
    dataset: bool,
    pid: bool,
    empty: bool,
    /// Of a logger that does not know the schema.
    other_level: Option<String>,
    other_time: Option<String>,
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Found;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut found = Found {
            empty: true,
            ..Found::default()
        };
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            found.empty = false;
            match key.as_ref() {
                "level" | "timestamp" => {
                    let value: serde_json::Value = map.next_value()?;
                    let text = value.as_str().filter(|text| text.len() <= 64).map(ToOwned::to_owned);
                    if key == "level" {
                        found.other_level = text.map(|text| text.to_ascii_lowercase());
                    } else {
                        found.other_time = text;
                    }
                    continue;
                }
                "@timestamp" => found.time = true,
                "ecs.version" | "ecs" => found.version = true,
                "log.level" | "log" => found.level = true,
                "service.name" | "service" => found.service = true,
                "event.dataset" | "event" => found.dataset = true,
                "process.pid" | "process" => found.pid = true,
                _ => {}
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(found)
    }
}

/// False: it is not one JSON object.
pub(super) fn write(line: &[u8], now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) -> bool {
    let line = line.trim_ascii();
    // One line stays one line whatever the reader takes for an end.
    let Some(rest) = line.strip_prefix(b"{").filter(|rest| rest.ends_with(b"}")) else {
        return false;
    };
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let Ok(found) = deserializer.deserialize_map(Keys) else {
        return false;
    };
    if deserializer.end().is_err() {
        return false;
    }
    let before = to.len();
    let mut record = Record::continued(to);
    if !found.time {
        record.text("@timestamp", found.other_time.as_deref().unwrap_or(&now.rfc3339()));
    }
    if !found.version {
        record.ecs_version();
    }
    if !found.level {
        let told = found.other_level.as_deref();
        record.text("log.level", told.map_or("info", |word| level(word).unwrap_or(word)));
    }
    if !found.service {
        record.text("service.name", source.service);
    }
    if !found.dataset {
        record.text("event.dataset", source.dataset);
    }
    if !found.pid {
        record.number("process.pid", u64::try_from(source.pid).unwrap_or(0));
    }
    match to.get_mut(before) {
        // The comma before the first field is where the object begins.
        Some(comma) => {
            *comma = b'{';
            if !found.empty {
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
        assert!(serde_json::from_str::<serde_json::Value>(&written("{}").unwrap()).is_ok());
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
        ] {
            assert_eq!(written(line), None, "{line}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
        let _ = written(&deep);
    }
}
