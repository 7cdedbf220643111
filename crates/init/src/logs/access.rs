//! The access log of our httpd configuration: tab-separated, so that httpd's own escaping keeps it unambiguous.
//!
//! `qclock-access1 TAB seconds.microseconds TAB client TAB user TAB method TAB path TAB query TAB protocol TAB status TAB
//! body bytes TAB microseconds taken TAB log identifier TAB Host TAB Referer TAB User-Agent`

use std::borrow::Cow;

use thiserror::Error;

use super::escape::unescape;
use super::record::Record;
use super::{Source, redaction};
use crate::clock::Timestamp;

const MARK: &[u8] = b"qclock-access1";
const FIELDS: usize = 15;

/// One request; texts are unescaped bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access<'a> {
    pub time: Timestamp,
    pub client: Cow<'a, [u8]>,
    pub user: Option<Cow<'a, [u8]>>,
    pub method: Option<Cow<'a, [u8]>>,
    pub path: Option<Cow<'a, [u8]>>,
    /// With its question mark, or empty.
    pub query: Cow<'a, [u8]>,
    pub protocol: Cow<'a, [u8]>,
    pub status: u16,
    pub body_bytes: u64,
    pub microseconds: u64,
    pub log_identifier: Option<Cow<'a, [u8]>>,
    pub host: Option<Cow<'a, [u8]>>,
    pub referrer: Option<Cow<'a, [u8]>>,
    pub user_agent: Option<Cow<'a, [u8]>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccessError {
    #[error("the line does not begin with `qclock-access1`")]
    Mark,
    #[error("the line has {0} fields instead of {FIELDS}")]
    Fields(usize),
    #[error("the {0} is not a number")]
    Number(&'static str),
}

pub fn parse(line: &[u8]) -> Result<Access<'_>, AccessError> {
    let mut fields = line.split(|byte| *byte == b'\t');
    if fields.next() != Some(MARK) {
        return Err(AccessError::Mark);
    }
    let found = 1 + fields.clone().count();
    if found != FIELDS {
        return Err(AccessError::Fields(found));
    }
    let mut next = || fields.next().unwrap_or_default();
    let time = next();
    let (seconds, fraction) = time
        .iter()
        .position(|byte| *byte == b'.')
        .map_or((time, b"0".as_slice()), |dot| (&time[..dot], &time[dot + 1..]));
    let microseconds = number(seconds, "time")?
        .checked_mul(1_000_000)
        .and_then(|whole| whole.checked_add(number(fraction, "time").ok()?.min(999_999)));
    let time = microseconds
        .and_then(Timestamp::from_microseconds)
        .ok_or(AccessError::Number("time"))?;
    Ok(Access {
        time,
        client: unescape(next()),
        user: present(next()),
        method: present(next()),
        path: present(next()),
        query: unescape(next()),
        protocol: unescape(next()),
        status: u16::try_from(number(next(), "status")?).map_err(|_| AccessError::Number("status"))?,
        body_bytes: number(next(), "size")?,
        microseconds: number(next(), "duration")?,
        log_identifier: present(next()),
        host: present(next()),
        referrer: present(next()),
        user_agent: present(next()),
    })
}

fn number(text: &[u8], name: &'static str) -> Result<u64, AccessError> {
    // Not str::parse alone, which takes a plus sign.
    let digits = std::str::from_utf8(text)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or(AccessError::Number(name))
}

/// httpd writes `-` for what is not there.
fn present(field: &[u8]) -> Option<Cow<'_, [u8]>> {
    (field != b"-" && !field.is_empty()).then(|| unescape(field))
}

impl Access<'_> {
    pub(super) fn write(&self, source: &Source<'_>, to: &mut Vec<u8>) {
        let query = redaction::query(&self.query);
        let referrer = self.referrer.as_deref().map(redaction::address);
        let path = self.path.as_deref().unwrap_or_default();
        let original = [path, &query].concat();
        let method = self.method.as_deref().unwrap_or(b"-");
        let status = self.status.to_string();
        let failed = self.status >= 400;
        let message = [
            method,
            b" ",
            if original.is_empty() { b"-" } else { &original },
            b" ",
            status.as_bytes(),
        ]
        .concat();

        let mut record = Record::begin(to, self.time);
        record.text("log.level", if self.status >= 500 { "error" } else { "info" });
        record.bytes("message", &message);
        record
            .text("service.name", source.service)
            .text("event.dataset", source.dataset);
        record
            .raw("event.category", b"[\"web\"]")
            .raw("event.type", b"[\"access\"]");
        record.text("event.outcome", if failed { "failure" } else { "success" });
        record.number("event.duration", self.microseconds.saturating_mul(1000));
        let mut text = |key: &str, value: Option<&[u8]>| {
            if let Some(value) = value.filter(|value| !value.is_empty())
                && !record.bytes(key, value)
            {
                record.hexadecimal(&format!("qclock.raw.{key}"), value);
            }
        };
        text("source.ip", Some(&self.client));
        text("user.name", self.user.as_deref());
        text("http.request.method", self.method.as_deref());
        text("http.request.id", self.log_identifier.as_deref());
        text("http.request.referrer", referrer.as_deref());
        text("http.version", self.protocol.strip_prefix(b"HTTP/"));
        text("url.original", Some(&original));
        text("url.path", self.path.as_deref());
        text("url.query", query.strip_prefix(b"?"));
        text("url.domain", self.host.as_deref());
        text("user_agent.original", self.user_agent.as_deref());
        record.number("http.response.status_code", self.status.into());
        record.number("http.response.body.bytes", self.body_bytes);
        record.end();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SOURCE: Source<'_> = Source {
        service: "httpd",
        dataset: "apache.access",
        stream: "stdout",
        pid: 7,
    };

    fn written(line: &str) -> serde_json::Value {
        let mut to = Vec::new();
        parse(line.as_bytes()).unwrap().write(&SOURCE, &mut to);
        serde_json::from_slice(&to).unwrap()
    }

    #[test]
    fn a_request_becomes_a_record() {
        let value = written(
            "qclock-access1\t1795568523.004567\t172.18.0.1\t-\tGET\t/caf\\xc3\\xa9/\\\"x\\\"\t?q=1&token=abc&b\tHTTP/1.1\t200\t1234\t56789\t-\tlocalhost:8080\t-\tcurl/7.88 \\xff\\\\",
        );
        insta::assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r#"
        {
          "@timestamp": "2026-11-25T01:02:03.004567Z",
          "ecs.version": "9.0.0",
          "event.category": [
            "web"
          ],
          "event.dataset": "apache.access",
          "event.duration": 56789000,
          "event.outcome": "success",
          "event.type": [
            "access"
          ],
          "http.request.method": "GET",
          "http.response.body.bytes": 1234,
          "http.response.status_code": 200,
          "http.version": "1.1",
          "log.level": "info",
          "message": "GET /café/\"x\"?q=1&token=REDACTED&b 200",
          "qclock.raw.user_agent.original": "6375726c2f372e383820ff5c",
          "service.name": "httpd",
          "source.ip": "172.18.0.1",
          "url.domain": "localhost:8080",
          "url.original": "/café/\"x\"?q=1&token=REDACTED&b",
          "url.path": "/café/\"x\"",
          "url.query": "q=1&token=REDACTED&b",
          "user_agent.original": "curl/7.88 �\\"
        }
        "#);
    }

    #[test]
    fn a_connection_without_a_request_is_told_too() {
        let value = written("qclock-access1\t1.000001\t::1\t-\t-\t-\t\tHTTP/1.0\t408\t0\t99\t-\t-\t-\t-");
        assert_eq!(value["message"], "- - 408");
        assert_eq!(value["event.outcome"], "failure");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(parse(b"GET /").unwrap_err(), AccessError::Mark);
        assert_eq!(parse(b"qclock-access1\t1.0").unwrap_err(), AccessError::Fields(2));
        let line = "qclock-access1\t1.0\t::1\t-\t-\t-\t\tHTTP/1.0\t+408\t0\t99\t-\t-\t-\t-";
        assert_eq!(parse(line.as_bytes()).unwrap_err(), AccessError::Number("status"));
    }

    proptest! {
        #[test]
        fn any_line_is_parsed_or_refused(line in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&line);
        }

        #[test]
        fn any_fields_give_one_valid_record(fields in proptest::collection::vec("[^\t\n]{0,20}", 3), numbers in any::<(u32, u16, u64, u64)>()) {
            let (seconds, status, size, taken) = numbers;
            let [path, query, agent] = [&fields[0], &fields[1], &fields[2]];
            let line = format!("qclock-access1\t{seconds}.000000\t::1\t-\tGET\t{path}\t?{query}\tHTTP/1.1\t{status}\t{size}\t{taken}\t-\t-\t-\t{agent}");
            let value = written(&line);
            prop_assert_eq!(&value["http.response.body.bytes"], size);
        }
    }
}
