//! What PHP-FPM writes to its standard error, with `catch_workers_output = yes` and `decorate_workers_output = no`.
//!
//! * The master's own lines: `[25-Nov-2026 01:02:03] NOTICE: fpm is running, pid 1`.
//! * PHP's errors in a worker: `NOTICE: PHP message: PHP Warning:  text in /file.php on line 3`; the level in front is
//!   always NOTICE, the true one is PHP's.  Longer than `log_limit` they end in `...`: FPM throws the rest away.
//! * What a worker writes to standard error: as it stands, but cut into lines of `log_limit` - 1 bytes, joined here.
//! * The stack trace of an uncaught exception: further lines, kept with the first one.

use super::record::Record;
use super::{Source, json};
use crate::clock::Timestamp;

/// `log_limit` is taken to be a power of two, like its default of 1024 and our 8192.
const SMALLEST_LIMIT: usize = 1024;
/// A longer text comes out in several records.
const LONGEST_HELD: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct PhpFpm {
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    text: Vec<u8>,
    trace: Vec<u8>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The last piece had the full length: the next line belongs to it.
    Cut,
    /// An uncaught exception, whose trace may follow.
    Uncaught,
}

impl PhpFpm {
    pub(super) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    pub(super) fn line(&mut self, line: &[u8], now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
        if let Some(held) = &mut self.held {
            if held.continues_with(line) {
                if held.append(line) {
                    self.flush(now, source, to);
                }
                return;
            }
            self.flush(now, source, to);
        }
        let cut = is_cut(line) && !is_prefixed(line);
        let uncaught =
            line.windows(10).any(|window| window == b"  Uncaught") && line.windows(4).any(|window| window == b"PHP ");
        if cut || uncaught {
            self.held = Some(Held {
                text: line.to_vec(),
                trace: Vec::new(),
                kind: if cut { Kind::Cut } else { Kind::Uncaught },
            });
        } else {
            write(line, b"", now, source, to);
        }
    }

    pub(super) fn flush(&mut self, now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
        if let Some(held) = self.held.take() {
            write(&held.text, &held.trace, now, source, to);
        }
    }
}

impl Held {
    fn continues_with(&self, line: &[u8]) -> bool {
        match self.kind {
            Kind::Cut => !is_prefixed(line),
            Kind::Uncaught => {
                [b"Stack trace:".as_slice(), b"  thrown in ", b"Next "]
                    .iter()
                    .any(|start| line.starts_with(start))
                    || (line.starts_with(b"#") && line.get(1).is_some_and(u8::is_ascii_digit))
            }
        }
    }

    /// True: that was the last of it.
    fn append(&mut self, line: &[u8]) -> bool {
        match self.kind {
            Kind::Cut => {
                self.text.extend_from_slice(line);
                !is_cut(line) || self.text.len() > LONGEST_HELD
            }
            Kind::Uncaught => {
                if !self.trace.is_empty() {
                    self.trace.push(b'\n');
                }
                self.trace.extend_from_slice(line);
                line.starts_with(b"  thrown in ") || self.trace.len() > LONGEST_HELD
            }
        }
    }
}

fn is_cut(line: &[u8]) -> bool {
    line.len() + 1 >= SMALLEST_LIMIT && (line.len() + 1).is_power_of_two()
}

/// It begins something of its own.
fn is_prefixed(line: &[u8]) -> bool {
    without_date(line).len() < line.len() || line.starts_with(b"NOTICE: PHP message: ")
}

/// Takes `[25-Nov-2026 01:02:03 UTC] ` off.
fn without_date(line: &[u8]) -> &[u8] {
    let dated = line.first() == Some(&b'[')
        && line.get(1..3).is_some_and(|day| day.iter().all(u8::is_ascii_digit))
        && line.get(3) == Some(&b'-')
        && line.get(7) == Some(&b'-');
    let end = line.iter().take(60).position(|byte| *byte == b']');
    match end {
        Some(end) if dated => line.get(end + 2..).unwrap_or_default(),
        _ => line,
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Message<'a> {
    level: Option<&'static str>,
    /// PHP's name of the kind of error: `Fatal error`.
    kind: Option<&'a str>,
    pool: Option<&'a str>,
    child: Option<u64>,
    file: Option<&'a str>,
    line: Option<u64>,
    truncated: bool,
    text: &'a str,
}

fn parse(text: &str) -> Message<'_> {
    let mut message = Message {
        text,
        ..Message::default()
    };
    for (word, level) in [
        ("ALERT: ", "alert"),
        ("ERROR: ", "error"),
        ("WARNING: ", "warning"),
        ("NOTICE: ", "notice"),
        ("DEBUG: ", "debug"),
    ] {
        if let Some(rest) = message.text.strip_prefix(word) {
            message.level = Some(level);
            message.text = rest;
            break;
        }
    }
    if let Some((pool, rest)) = message
        .text
        .strip_prefix("[pool ")
        .and_then(|rest| rest.split_once("] "))
    {
        message.pool = Some(pool);
        message.text = rest;
        let said = rest
            .strip_prefix("child ")
            .and_then(|rest| rest.split_once(" said into std"));
        if let Some((child, said)) = said
            && let Some((_, said)) = said.split_once(": \"")
        {
            message.child = child.parse().ok();
            message.level = Some("info");
            let said = said.strip_suffix(", pipe is closed").unwrap_or(said);
            message.text = said.strip_suffix('"').unwrap_or(said);
        }
    }
    if let Some(rest) = message.text.strip_prefix("PHP message: ") {
        message.truncated = is_cut(text.as_bytes()) && rest.ends_with("...");
        message.level = Some("info");
        message.text = rest;
    }
    if let Some((kind, rest)) = message
        .text
        .strip_prefix("PHP ")
        .and_then(|rest| rest.split_once(":  "))
        && let Some(level) = php_level(kind)
    {
        message.kind = Some(kind);
        message.level = Some(level);
        (message.file, message.line) = place(rest).map_or((None, None), |(file, line)| (Some(file), Some(line)));
    }
    message
}

fn php_level(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Fatal error"
        | "Parse error"
        | "Recoverable fatal error"
        | "Core error"
        | "Compile error"
        | "Startup error" => "error",
        "Warning" | "Core warning" | "Compile warning" => "warning",
        "Notice" | "Deprecated" | "Strict Standards" => "notice",
        _ => return None,
    })
}

/// `… in /srv/www/x.php on line 3`, `… in /srv/www/x.php:3`.
fn place(text: &str) -> Option<(&str, u64)> {
    let (_, place) = text.rsplit_once(" in ")?;
    let (file, line) = place.rsplit_once(" on line ").or_else(|| place.rsplit_once(':'))?;
    Some((file, line.parse().ok()?))
}

fn write(line: &[u8], trace: &[u8], now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
    let line = without_date(line);
    // An application's own structured log.
    if line.starts_with(b"{") && json::write(line, now, source, to) {
        return;
    }
    let text = String::from_utf8_lossy(line);
    let message = parse(&text);
    let mut record = Record::begin(to, now);
    record
        .text("log.level", message.level.unwrap_or("info"))
        .text("message", message.text);
    record
        .text("service.name", source.service)
        .text("event.dataset", source.dataset);
    record.number(
        "process.pid",
        message.child.unwrap_or(u64::try_from(source.pid).unwrap_or(0)),
    );
    if let Some(kind) = message.kind {
        record.text("error.type", kind);
    }
    if let Some(file) = message.file {
        record.text("log.origin.file.name", file);
    }
    if let Some(number) = message.line {
        record.number("log.origin.file.line", number);
    }
    if let Some(pool) = message.pool {
        record.text("qclock.php_fpm.pool", pool);
    }
    if message.truncated {
        record.raw("qclock.line.truncated", b"true");
    }
    if !trace.is_empty() {
        record.bytes("error.stack_trace", trace);
    }
    record.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(lines: &[&str]) -> Vec<serde_json::Value> {
        let source = Source {
            service: "php-fpm",
            dataset: "php_fpm.error",
            stream: "stderr",
            pid: 7,
        };
        let now = Timestamp::from_microseconds(0).unwrap();
        let (mut php_fpm, mut to) = (PhpFpm::default(), Vec::new());
        for line in lines {
            php_fpm.line(line.as_bytes(), now, &source, &mut to);
        }
        php_fpm.flush(now, &source, &mut to);
        let lines = to.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    #[test]
    fn the_masters_lines_lose_their_prefix() {
        let record = &records(&["[25-Nov-2026 01:26:19] WARNING: [pool www] server reached pm.max_children"])[0];
        assert_eq!(record["log.level"], "warning");
        assert_eq!(record["message"], "server reached pm.max_children");
        assert_eq!(record["qclock.php_fpm.pool"], "www");
        let record = &records(&[
            "[25-Nov-2026 01:26:19] WARNING: [pool www] child 12 said into stderr: \"hello\", pipe is closed",
        ])[0];
        assert_eq!(
            (&record["message"], &record["process.pid"]),
            (&"hello".into(), &12.into())
        );
    }

    #[test]
    fn an_error_of_php_has_its_own_level_and_place() {
        let record =
            &records(&["NOTICE: PHP message: PHP Warning:  Undefined variable $x in /srv/www/a b.php on line 31"])[0];
        assert_eq!(record["log.level"], "warning");
        assert_eq!(record["error.type"], "Warning");
        assert_eq!(record["log.origin.file.name"], "/srv/www/a b.php");
        assert_eq!(record["log.origin.file.line"], 31);
    }

    #[test]
    fn the_trace_of_an_uncaught_exception_stays_with_it() {
        let records = records(&[
            "NOTICE: PHP message: PHP Fatal error:  Uncaught Exception: boom in /t.php:1",
            "Stack trace:",
            "#0 /t.php(1): f('x')",
            "#1 {main}",
            "  thrown in /t.php on line 1",
            "next",
        ]);
        assert_eq!(records.len(), 2);
        assert_eq!(
            records[0]["error.stack_trace"],
            "Stack trace:\n#0 /t.php(1): f('x')\n#1 {main}\n  thrown in /t.php on line 1"
        );
        assert_eq!(records[0]["log.level"], "error");
        assert_eq!(records[1]["message"], "next");
    }

    #[test]
    fn pieces_cut_at_the_limit_are_joined_and_truncated_ones_flagged() {
        let long = "r".repeat(8191);
        let joined = records(&[&long, &long, "rest", "[25-Nov-2026 01:26:19] NOTICE: next"]);
        assert_eq!(joined.len(), 2);
        assert_eq!(joined[0]["message"].as_str().unwrap().len(), 8191 * 2 + 4);
        let truncated = format!("NOTICE: PHP message: {}...", "b".repeat(8191 - 24));
        let records = records(&[&truncated, "next"]);
        assert_eq!(records.len(), 2);
        assert_eq!(records[0]["qclock.line.truncated"], true);
    }

    #[test]
    fn an_applications_own_json_is_passed_on() {
        let record = &records(&[r#"{"message":"m","level_name":"INFO"}"#])[0];
        assert_eq!(
            (&record["message"], &record["service.name"]),
            (&"m".into(), &"php-fpm".into())
        );
    }
}
