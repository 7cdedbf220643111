//! The error log of MariaDB: `2026-11-25  1:02:03 0 [Note] message`.

use super::Source;
use super::record::Record;
use crate::clock::Timestamp;

/// Level, thread and message; a line in another form (a crash report, a list of settings) is all message.
fn parse(text: &str) -> (Option<&'static str>, Option<u64>, &str) {
    let parsed = || {
        let (date, rest) = text.split_once(' ')?;
        let (time, rest) = rest.trim_start().split_once(' ')?;
        let dated = date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let timed = time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
        let (thread, rest) = rest.trim_start().split_once(" [")?;
        let (level, message) = rest.split_once("] ")?;
        let level = match level {
            "ERROR" => "error",
            "Warning" => "warning",
            "Note" => "info",
            _ => return None,
        };
        (dated && timed).then_some((Some(level), thread.trim().parse().ok(), message))
    };
    parsed().unwrap_or((None, None, text))
}

pub(super) fn write(line: &[u8], now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(line);
    let (level, thread, message) = parse(&text);
    let mut record = Record::begin(to, now);
    record
        .text("log.level", level.unwrap_or("info"))
        .text("message", message);
    record
        .text("service.name", source.service)
        .text("event.dataset", source.dataset);
    record.number("process.pid", u64::try_from(source.pid).unwrap_or(0));
    if let Some(thread) = thread {
        record.number("process.thread.id", thread);
    }
    if let Some((logger, _)) = message
        .split_once(": ")
        .filter(|(logger, _)| matches!(*logger, "InnoDB" | "Aria"))
    {
        record.text("log.logger", logger);
    }
    record.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_and_the_message_are_found() {
        for (text, level, thread, message) in [
            (
                "2026-11-25  1:02:03 0 [Note] InnoDB: ready",
                Some("info"),
                Some(0),
                "InnoDB: ready",
            ),
            (
                "2026-11-25 11:02:03 17 [Warning] Access [x] denied",
                Some("warning"),
                Some(17),
                "Access [x] denied",
            ),
            (
                "2026-11-25 11:02:03 0 [ERROR] Aborting",
                Some("error"),
                Some(0),
                "Aborting",
            ),
            (
                "Version: '10.11.19-MariaDB'  socket: ''",
                None,
                None,
                "Version: '10.11.19-MariaDB'  socket: ''",
            ),
            ("", None, None, ""),
            ("x y z [Note] w", None, None, "x y z [Note] w"),
        ] {
            assert_eq!(parse(text), (level, thread, message));
        }
    }
}
