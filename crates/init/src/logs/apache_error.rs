//! httpd's error log: groups in brackets, then perhaps an error of the system, then the message.
//!
//! Both the default format and shorter ones are understood, `[time] [module:level] [pid N:tid N] [client A:P] message`.

use super::escape::unescape;
use super::record::Record;
use super::{Source, level};
use crate::clock::Timestamp;

#[derive(Debug, Default, PartialEq, Eq)]
struct Line<'a> {
    module: Option<&'a str>,
    level: Option<&'a str>,
    pid: Option<u64>,
    thread: Option<u64>,
    client: Option<(&'a str, Option<u64>)>,
    log_identifier: Option<&'a str>,
    message: &'a str,
}

/// A line in another form is all message.
fn parse(text: &str) -> Line<'_> {
    let mut line = Line {
        message: text,
        ..Line::default()
    };
    let mut rest = text;
    while let Some((group, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        if let Some(numbers) = group.strip_prefix("pid ") {
            let (pid, thread) = numbers.split_once(":tid ").unwrap_or((numbers, ""));
            line.pid = pid.parse().ok();
            line.thread = thread.parse().ok();
        } else if let Some(address) = group.strip_prefix("client ").or_else(|| group.strip_prefix("remote ")) {
            let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
            line.client = Some(match port.parse() {
                Ok(port) => (host, Some(port)),
                Err(_) => (address, None),
            });
        } else if let Some(identifier) = group.strip_prefix("id ") {
            line.log_identifier = Some(identifier);
        } else if let Some((module, level)) = group.split_once(':').filter(|(_, level)| level::level(level).is_some()) {
            line.module = Some(module).filter(|module| !module.is_empty() && *module != "-");
            line.level = level::level(level);
        } else if line.level.is_some()
            || !group.starts_with(|first: char| first.is_ascii_alphanumeric())
            || group.len() > 40
        {
            // Not one of httpd's groups any more.
            break;
        }
        rest = after.trim_start();
    }
    if line.level.is_some() {
        line.message = rest.strip_prefix("-: ").unwrap_or(rest);
    }
    line
}

/// `AH00094: …`
fn code(message: &str) -> Option<&str> {
    let at = message.find("AH")?;
    let code = message.get(at..at + 7)?;
    let digits = code.bytes().skip(2).all(|byte| byte.is_ascii_digit());
    (digits && message.get(at + 7..)?.starts_with(':')).then_some(code)
}

pub(super) fn write(line: &[u8], now: Timestamp, source: &Source<'_>, to: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(line);
    let line = parse(&text);
    let message = unescape(line.message.as_bytes());
    let mut record = Record::begin(to, now);
    record.text("log.level", line.level.unwrap_or("info"));
    record.bytes("message", &message);
    record
        .text("service.name", source.service)
        .text("event.dataset", source.dataset);
    record.number(
        "process.pid",
        line.pid.unwrap_or(u64::try_from(source.pid).unwrap_or(0)),
    );
    if let Some(thread) = line.thread {
        record.number("process.thread.id", thread);
    }
    if let Some(module) = line.module {
        record.text("log.logger", module);
    }
    if let Some((host, port)) = line.client {
        record.text("source.ip", host);
        if let Some(port) = port {
            record.number("source.port", port);
        }
    }
    if let Some(identifier) = line.log_identifier {
        record.text("http.request.id", identifier);
    }
    if let Some(code) = code(line.message) {
        record.text("error.code", code);
    }
    record.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_format_is_understood() {
        let line = parse(
            "[Wed Nov 25 01:02:03.123456 2026] [proxy_fcgi:error] [pid 12:tid 140] [client 172.18.0.1:5555] AH01071: Got error 'x'",
        );
        assert_eq!(
            line,
            Line {
                module: Some("proxy_fcgi"),
                level: Some("error"),
                pid: Some(12),
                thread: Some(140),
                client: Some(("172.18.0.1", Some(5555))),
                log_identifier: None,
                message: "AH01071: Got error 'x'",
            }
        );
        assert_eq!(code(line.message), Some("AH01071"));
    }

    #[test]
    fn our_own_format_and_lines_without_one_are_understood() {
        let line = parse("[2026-11-25 01:02:03.123456] [mpm_event:notice] [pid 1] -: AH00489: Apache configured");
        assert_eq!(
            (line.level, line.message),
            (Some("notice"), "AH00489: Apache configured")
        );
        let line = parse("[core:warn] [client ::1:80] [not a group] text");
        assert_eq!(
            (line.client, line.message),
            (Some(("::1", Some(80))), "[not a group] text")
        );
        for plain in ["AH00558: apache2: could not", "[unfinished", "", "[x] y"] {
            assert_eq!(parse(plain).message, plain);
        }
    }
}
