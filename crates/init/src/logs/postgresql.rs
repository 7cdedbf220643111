//! PostgreSQL's standard error, with `log_line_prefix = '%m %p %e [%h] %b|'` and times in UTC:
//! `2026-11-25 01:02:03.456 UTC 7 28P01 [172.18.0.5] client backend|FATAL:  password authentication failed`.
//!
//! A message is one line, continued by lines that begin with a tab, and followed by lines with the same beginning for its detail,
//! hint, context and statement.  All of them become one record.  A line of another form (of initdb, of a library) is all message.

use super::record::Record;
use super::{Source, level};
use crate::clock::Timestamp;

/// A longer message comes out in several records.
const LONGEST_HELD: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct Postgresql {
    held: Option<Held>,
}

/// A message that may be continued.
#[derive(Debug)]
struct Held {
    time: String,
    pid: u64,
    code: String,
    host: String,
    backend: String,
    level: &'static str,
    /// The message, then what follows it, by the name that its field has.
    parts: Vec<(&'static str, Vec<u8>)>,
    bytes: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct Prefix<'a> {
    /// `2026-11-25 01:02:03.456`
    time: &'a str,
    pid: u64,
    code: &'a str,
    host: &'a str,
    backend: &'a str,
}

/// What the word in front of a text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// A message of this level.
    Level(&'static str),
    /// More about the message before.
    More(&'static str),
}

impl Postgresql {
    pub(super) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn line(&mut self, line: &[u8], now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
        if let Some(held) = &mut self.held
            && let Some(rest) = line.strip_prefix(b"\t")
        {
            held.continue_with(rest);
            if held.bytes > LONGEST_HELD {
                self.flush(now, source, to);
            }
            return;
        }
        let parsed = parse(line);
        if let (Some(held), Some((prefix, Word::More(field), text))) = (&mut self.held, &parsed)
            && held.pid == prefix.pid
            && held.time == prefix.time
            && held.bytes <= LONGEST_HELD
        {
            held.add(field, text);
            return;
        }
        self.flush(now, source, to);
        match parsed {
            Some((prefix, word, text)) => self.held = Some(Held::new(&prefix, word, text)),
            None => plain(line, now, source, to),
        }
    }

    pub(super) fn flush(&mut self, _now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
        if let Some(held) = self.held.take() {
            held.write(source, to);
        }
    }
}

impl Held {
    fn new(prefix: &Prefix<'_>, word: Word, text: &[u8]) -> Self {
        let mut held = Self {
            time: prefix.time.to_owned(),
            pid: prefix.pid,
            code: prefix.code.to_owned(),
            host: prefix.host.to_owned(),
            backend: prefix.backend.to_owned(),
            level: "info",
            parts: Vec::new(),
            bytes: 0,
        };
        match word {
            Word::Level(level) => {
                held.level = level;
                held.add("message", text);
            }
            // Its message has gone already.
            Word::More(field) => {
                held.add("message", b"(continued)");
                held.add(field, text);
            }
        }
        held
    }

    fn add(&mut self, field: &'static str, text: &[u8]) {
        // Twice the same: one more of it.
        if let Some((_, there)) = self.parts.iter_mut().find(|(name, _)| *name == field) {
            there.push(b'\n');
            there.extend_from_slice(text);
        } else {
            self.parts.push((field, text.to_vec()));
        }
        self.bytes += text.len() + 1;
    }

    fn continue_with(&mut self, text: &[u8]) {
        if let Some((_, last)) = self.parts.last_mut() {
            last.push(b'\n');
            last.extend_from_slice(text);
            self.bytes += text.len() + 1;
        }
    }

    fn write(&self, source: &Source<'_>, to: &mut Vec<u8>) {
        let (day, time) = self.time.split_once(' ').unwrap_or((&self.time, ""));
        let mut record = Record::begin_at(to, &format!("{day}T{time}000Z"));
        record.text("log.level", self.level);
        for (field, text) in &self.parts {
            record.bytes(field, text);
        }
        record
            .text("service.name", source.service)
            .text("event.dataset", source.dataset)
            .number("process.pid", self.pid)
            .text("postgresql.log.backend_type", &self.backend);
        if !self.host.is_empty() && self.host != "[local]" {
            record.text("client.ip", &self.host);
        }
        if self.code != "00000" {
            record.text("error.code", &self.code);
        }
        record.end();
    }
}

fn plain(line: &[u8], now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
    let mut record = Record::begin(to, now);
    let unread = || if tells_an_error(line) { "error" } else { "info" };
    record.text("log.level", level::told_by(line).unwrap_or_else(unread));
    record.bytes("message", line);
    record
        .text("service.name", source.service)
        .text("event.dataset", source.dataset)
        .number("process.pid", u64::try_from(source.pid).unwrap_or(0));
    record.end();
}

/// Of a server before it has read how its lines are to begin.
fn tells_an_error(line: &[u8]) -> bool {
    let begin = &line[..line.len().min(60)];
    [&b"FATAL:  "[..], b"PANIC:  ", b"ERROR:  "]
        .iter()
        .any(|word| begin.windows(word.len()).any(|window| window == *word))
}

fn parse(line: &[u8]) -> Option<(Prefix<'_>, Word, &[u8])> {
    let end = line.iter().take(160).position(|byte| *byte == b'|')?;
    let prefix = Prefix::parse(std::str::from_utf8(&line[..end]).ok()?)?;
    let rest = &line[end + 1..];
    let colon = rest.windows(3).take(16).position(|window| window == b":  ")?;
    let word = word(&rest[..colon])?;
    Some((prefix, word, &rest[colon + 3..]))
}

fn word(word: &[u8]) -> Option<Word> {
    Some(match word {
        b"LOG" | b"INFO" => Word::Level("info"),
        b"NOTICE" => Word::Level("notice"),
        b"WARNING" => Word::Level("warning"),
        b"ERROR" | b"FATAL" => Word::Level("error"),
        b"PANIC" => Word::Level("critical"),
        b"DEBUG" | b"DEBUG1" | b"DEBUG2" | b"DEBUG3" | b"DEBUG4" | b"DEBUG5" => Word::Level("debug"),
        b"DETAIL" => Word::More("postgresql.log.detail"),
        b"HINT" => Word::More("postgresql.log.hint"),
        b"CONTEXT" => Word::More("postgresql.log.context"),
        b"STATEMENT" => Word::More("postgresql.log.query"),
        b"QUERY" => Word::More("postgresql.log.internal_query"),
        b"LOCATION" => Word::More("postgresql.log.location"),
        b"BACKTRACE" => Word::More("error.stack_trace"),
        _ => return None,
    })
}

impl<'a> Prefix<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (time, rest) = text.split_at_checked(23)?;
        let rest = rest.strip_prefix(" UTC ")?;
        let (pid, rest) = rest.split_once(' ')?;
        let (code, rest) = rest.split_once(" [")?;
        // Of the Unix socket it is `[local]` once more.
        let (host, backend) = rest.rsplit_once("] ")?;
        let is_code = code.len() == 5
            && code
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if !is_time(time) || !is_code {
            return None;
        }
        Some(Self {
            time,
            pid: pid.parse().ok()?,
            code,
            host,
            backend,
        })
    }
}

fn is_time(text: &str) -> bool {
    let pattern = b"dddd-dd-dd dd:dd:dd.ddd";
    text.len() == pattern.len()
        && text.bytes().zip(pattern).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            other => byte == *other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(lines: &[&str]) -> Vec<serde_json::Value> {
        let source = Source {
            service: "postgresql",
            dataset: "postgresql.log",
            stream: "stderr",
            pid: 7,
        };
        let now = Timestamp::from_microseconds(0).unwrap();
        let (mut decoder, mut to) = (Postgresql::default(), Vec::new());
        for line in lines {
            decoder.line(line.as_bytes(), now, &source, &mut to);
        }
        decoder.flush(now, &source, &mut to);
        let text = String::from_utf8(to).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_names_are_those_of_the_schema() {
        let records = written(&[
            "2026-11-25 01:02:03.456 UTC 70 28P01 [172.18.0.5] client backend|FATAL:  password authentication failed for user \"x\"",
            "2026-11-25 01:02:03.456 UTC 70 28P01 [172.18.0.5] client backend|DETAIL:  Role \"x\" does not exist.",
            "\tConnection matched pg_hba.conf line 3",
            "2026-11-25 01:02:04.000 UTC 1 00000 [] postmaster|LOG:  database system is ready",
        ]);
        assert_eq!(
            records,
            [
                serde_json::json!({
                    "@timestamp": "2026-11-25T01:02:03.456000Z", "ecs.version": "9.0.0", "log.level": "error",
                    "message": "password authentication failed for user \"x\"",
                    "postgresql.log.detail": "Role \"x\" does not exist.\nConnection matched pg_hba.conf line 3",
                    "service.name": "postgresql", "event.dataset": "postgresql.log", "process.pid": 70,
                    "postgresql.log.backend_type": "client backend", "client.ip": "172.18.0.5", "error.code": "28P01",
                }),
                serde_json::json!({
                    "@timestamp": "2026-11-25T01:02:04.000000Z", "ecs.version": "9.0.0", "log.level": "info",
                    "message": "database system is ready", "service.name": "postgresql",
                    "event.dataset": "postgresql.log", "process.pid": 1, "postgresql.log.backend_type": "postmaster",
                }),
            ]
        );
    }

    #[test]
    fn what_a_client_puts_into_a_name_never_begins_a_record_of_its_own() {
        let records = written(&[
            "2026-11-25 01:02:03.456 UTC 70 28000 [[local]] client backend|FATAL:  no entry for user \"a",
            "\t2026-11-25 01:02:03.456 UTC 1 00000 [] postmaster|LOG:  forged\"",
        ]);
        assert_eq!(records.len(), 1);
        assert_eq!(records[0]["process.pid"], 70);
        assert_eq!(records[0]["client.ip"], serde_json::Value::Null);
    }

    #[test]
    fn a_detail_belongs_to_the_message_of_its_own_process_alone() {
        let records = written(&[
            "2026-11-25 01:02:03.456 UTC 70 00000 [] checkpointer|LOG:  one",
            "2026-11-25 01:02:03.456 UTC 71 00000 [] checkpointer|DETAIL:  other",
        ]);
        assert_eq!(records.len(), 2);
        assert_eq!(records[1]["message"], "(continued)");
        assert_eq!(records[1]["postgresql.log.detail"], "other");
    }

    #[test]
    fn what_is_something_else_is_all_message() {
        for line in [
            "initdb: error: x",
            "2026-11-25 01:02:03.456 UTC 70 00000 [] x|LOUD:  y",
            "2026-11-25 01:02:03.456 CET 70 00000 [] x|LOG:  y",
            "|LOG:  y",
            "\tafter nothing",
        ] {
            let records = written(&[line]);
            assert_eq!(records[0]["message"], line);
            assert_eq!(records[0]["@timestamp"], "1970-01-01T00:00:00.000000Z");
        }
        for (line, level) in [
            ("initdb: error: x", "error"),
            ("initdb: warning: enabling \"trust\"", "warning"),
            (
                "2026-11-25 08:31:50.170 UTC [14] FATAL:  could not access file",
                "error",
            ),
            ("postgres: superuser_reserved_connections (3) must be less", "info"),
        ] {
            assert_eq!(written(&[line])[0]["log.level"], level, "{line}");
        }
    }

    #[test]
    fn a_message_without_an_end_comes_out_in_parts() {
        let long = format!("\t{}", "x".repeat(1000));
        let mut lines = vec!["2026-11-25 01:02:03.456 UTC 70 00000 [] x|LOG:  begin"];
        lines.extend(std::iter::repeat_n(long.as_str(), 200));
        let records = written(&lines);
        assert!(records.len() > 1);
        assert!(
            records
                .iter()
                .all(|record| record["message"].as_str().unwrap().len() < 2 * LONGEST_HELD)
        );
    }
}
