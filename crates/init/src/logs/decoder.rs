//! One stream of one service: its bytes in, records out.

use super::lines::{Lines, Part};
use super::php_fpm::PhpFpm;
use super::postgresql::Postgresql;
use super::record::Record;
use super::{Format, Source, access, apache_error, json, keycloak, level, mariadb, mysql};
use crate::clock::Timestamp;

#[derive(Debug)]
pub struct Decoder {
    format: Format,
    service: String,
    dataset: String,
    stream: &'static str,
    pid: i32,
    lines: Lines,
    php_fpm: PhpFpm,
    postgresql: Postgresql,
    dropped: u64,
}

impl Decoder {
    /// `stream` is `stdout` or `stderr`.
    pub fn new(format: Format, service: &str, stream: &'static str, pid: i32) -> Self {
        Self {
            format,
            service: service.to_owned(),
            dataset: format
                .dataset()
                .map_or_else(|| format!("{service}.{stream}"), ToOwned::to_owned),
            stream,
            pid,
            lines: Lines::default(),
            php_fpm: PhpFpm::default(),
            postgresql: Postgresql::default(),
            dropped: 0,
        }
    }

    pub fn feed(&mut self, bytes: &[u8], now: Timestamp, to: &mut Vec<u8>) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.feed(bytes, |line, part| self.line(line, part, now, to));
        self.lines = lines;
    }

    /// Nothing has come for a while: what was held back for its continuation goes out.
    pub fn flush(&mut self, now: Timestamp, to: &mut Vec<u8>) {
        if self.format == Format::PhpFpm {
            let mut held = std::mem::take(&mut self.php_fpm);
            held.flush(now, &self.source(), to);
            self.php_fpm = held;
        }
        if self.format == Format::Postgresql {
            let mut held = std::mem::take(&mut self.postgresql);
            held.flush(now, &self.source(), to);
            self.postgresql = held;
        }
    }

    pub fn is_holding(&self) -> bool {
        self.php_fpm.is_holding() || self.postgresql.is_holding()
    }

    /// The stream has ended.
    pub fn finish(&mut self, now: Timestamp, to: &mut Vec<u8>) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.finish(|line, part| self.line(line, part, now, to));
        self.flush(now, to);
    }

    /// Nobody reads the log: counts the lines instead of writing them.
    pub fn drop(&mut self, bytes: &[u8]) {
        self.dropped += self.lines.drop(bytes);
    }

    /// How many lines were dropped since the last call.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    pub fn has_dropped(&self) -> bool {
        self.dropped > 0
    }

    pub fn service(&self) -> &str {
        &self.service
    }

    fn source(&self) -> Source<'_> {
        Source {
            service: &self.service,
            dataset: &self.dataset,
            stream: self.stream,
            pid: self.pid,
        }
    }

    fn line(&mut self, line: &[u8], part: Part, now: Timestamp, to: &mut Vec<u8>) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() && part == Part::Whole {
            return;
        }
        if part != Part::Whole {
            self.flush(now, to);
            plain(line, part, now, &self.source(), to);
            return;
        }
        match self.format {
            Format::Plain => plain(line, part, now, &self.source(), to),
            Format::Json => {
                if !json::write(line, now, &self.source(), to) {
                    plain(line, part, now, &self.source(), to);
                }
            }
            Format::ApacheAccess => match access::parse(line) {
                Ok(access) => access.write(&self.source(), to),
                Err(_) => plain(line, part, now, &self.source(), to),
            },
            Format::ApacheError => apache_error::write(line, now, &self.source(), to),
            Format::Keycloak => keycloak::write(line, now, &self.source(), to),
            Format::Mariadb => mariadb::write(line, now, &self.source(), to),
            Format::Mysql => mysql::write(line, now, &self.source(), to),
            Format::PhpFpm => {
                let mut php_fpm = std::mem::take(&mut self.php_fpm);
                php_fpm.line(line, now, &self.source(), to);
                self.php_fpm = php_fpm;
            }
            Format::Postgresql => {
                let mut postgresql = std::mem::take(&mut self.postgresql);
                postgresql.line(line, now, &self.source(), to);
                self.postgresql = postgresql;
            }
        }
    }
}

fn plain(line: &[u8], part: Part, now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
    let mut record = Record::begin(to, now);
    // Of a part in the middle nothing can be said.
    let told = level::told_by(line).filter(|_| part == Part::Whole);
    record.text("log.level", told.unwrap_or("info"));
    if !record.bytes("message", line) {
        record.hexadecimal("qclock.raw.message", line);
    }
    record
        .text("service.name", source.service)
        .text("event.dataset", source.dataset);
    record.text("qclock.stream", source.stream);
    record.number("process.pid", u64::try_from(source.pid).unwrap_or(0));
    if let Part::Piece { last } = part {
        record.raw("qclock.line.split", b"true");
        record.raw("qclock.line.last_part", if last { b"true" } else { b"false" });
    }
    record.end();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lines that look like what the formats expect, and others.
    fn lines() -> impl Strategy<Value = Vec<u8>> {
        let beginning = prop_oneof![
            Just(&b"qclock-access1\t1.0\t::1\t-\tGET\t/\t\tHTTP/1.1\t200\t0\t1\t-\t-\t-\t"[..]),
            Just(&b"[x] [core:error] [pid 1:tid 2] [client ::1:2] AH00094: "[..]),
            Just(&b"[25-Nov-2026 01:26:19] WARNING: [pool www] child 12 said into stderr: \""[..]),
            Just(&b"NOTICE: PHP message: PHP Fatal error:  Uncaught x in /x:1\nStack trace:\n#0 "[..]),
            Just(&b"2026-11-25  1:02:03 0 [Note] InnoDB: "[..]),
            Just(&b"{\"level\":\"WARN\",\"loggerName\":\"org.keycloak.events\",\"message\":\"type=\\\"LOGIN"[..]),
            Just(&b"{\"a\":1,\"level\":\"x\",\"b\":\""[..]),
            Just(&b"2026-11-25 01:02:03.456 UTC 7 00000 [::1] client backend|LOG:  "[..]),
            Just(&b"2026-11-25 01:02:03.456 UTC 7 00000 [] checkpointer|DETAIL:  "[..]),
            Just(&b"\t"[..]),
            Just(&b""[..]),
        ];
        let line = (beginning, proptest::collection::vec(any::<u8>(), 0..60))
            .prop_map(|(beginning, rest)| [beginning, &rest, b"\n"].concat());
        proptest::collection::vec(line, 0..6).prop_map(|lines| lines.concat())
    }

    proptest! {
        #[test]
        fn whatever_comes_in_every_line_that_goes_out_is_a_record(bytes in lines()) {
            for format in [Format::Plain, Format::Json, Format::ApacheAccess, Format::ApacheError, Format::PhpFpm, Format::Keycloak, Format::Mariadb, Format::Mysql, Format::Postgresql] {
                let (mut decoder, mut to) = (Decoder::new(format, "x", "stderr", 7), Vec::new());
                let now = Timestamp::from_microseconds(0).unwrap();
                decoder.feed(&bytes, now, &mut to);
                decoder.finish(now, &mut to);
                prop_assert!(to.is_empty() || to.ends_with(b"\n"));
                for line in to.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    let record: serde_json::Value = serde_json::from_slice(line).unwrap();
                    prop_assert!(record["@timestamp"].is_string() && record["service.name"] == "x");
                }
            }
        }
    }
}
