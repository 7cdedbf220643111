//! Writes one JSON object on one line.  Every text becomes valid UTF-8; a control character never gets through.

use crate::clock::Timestamp;

/// The version of the schema whose names are used.
const ECS_VERSION: &str = "9.0.0";

/// An object that is being written; `end` completes the line.
#[derive(Debug)]
pub struct Record<'a> {
    to: &'a mut Vec<u8>,
}

impl<'a> Record<'a> {
    pub fn begin(to: &'a mut Vec<u8>, time: Timestamp) -> Self {
        to.extend_from_slice(b"{\"@timestamp\":\"");
        time.write_rfc3339(to);
        to.extend_from_slice(b"\",\"ecs.version\":\"");
        to.extend_from_slice(ECS_VERSION.as_bytes());
        to.push(b'"');
        Self { to }
    }

    /// `time` is RFC 3339, as a server wrote it.
    pub(super) fn begin_at(to: &'a mut Vec<u8>, time: &str) -> Self {
        to.push(b'{');
        write_string(to, b"@timestamp");
        to.push(b':');
        write_string(to, time.as_bytes());
        let mut record = Self { to };
        record.ecs_version();
        record
    }

    /// What comes first when the time and the version are already there.
    pub(super) fn continued(to: &'a mut Vec<u8>) -> Self {
        Self { to }
    }

    pub(super) fn ecs_version(&mut self) -> &mut Self {
        self.text("ecs.version", ECS_VERSION)
    }

    pub fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.bytes(key, value.as_bytes());
        self
    }

    /// False: it was not UTF-8 and the wrong parts were replaced by U+FFFD.
    pub fn bytes(&mut self, key: &str, value: &[u8]) -> bool {
        self.key(key);
        write_string(self.to, value)
    }

    /// The bytes themselves, as hexadecimal digits.
    pub fn hexadecimal(&mut self, key: &str, value: &[u8]) -> &mut Self {
        self.key(key);
        self.to.push(b'"');
        for byte in value {
            self.to.push(b"0123456789abcdef"[usize::from(byte >> 4)]);
            self.to.push(b"0123456789abcdef"[usize::from(byte & 15)]);
        }
        self.to.push(b'"');
        self
    }

    pub fn number(&mut self, key: &str, value: u64) -> &mut Self {
        self.raw(key, value.to_string().as_bytes())
    }

    /// `value` is JSON.
    pub fn raw(&mut self, key: &str, value: &[u8]) -> &mut Self {
        self.key(key);
        self.to.extend_from_slice(value);
        self
    }

    pub fn end(self) {
        self.to.extend_from_slice(b"}\n");
    }

    fn key(&mut self, key: &str) {
        self.to.push(b',');
        write_string(self.to, key.as_bytes());
        self.to.push(b':');
    }
}

/// Quoted; false: it was not UTF-8, and the wrong parts were replaced by U+FFFD.
pub fn write_string(to: &mut Vec<u8>, value: &[u8]) -> bool {
    let mut whole = true;
    to.push(b'"');
    for chunk in value.utf8_chunks() {
        write_escaped(to, chunk.valid());
        if !chunk.invalid().is_empty() {
            to.extend_from_slice("\u{fffd}".as_bytes());
            whole = false;
        }
    }
    to.push(b'"');
    whole
}

/// RFC 8259 §7; also U+2028 and U+2029, which some readers of lines take for line ends.
fn write_escaped(to: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (index, byte) in bytes.iter().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0xe2 => match bytes.get(index + 1..index + 3) {
                Some([0x80, 0xa8]) => b"\\u2028",
                Some([0x80, 0xa9]) => b"\\u2029",
                _ => continue,
            },
            0..=0x1f | 0x7f => {
                to.extend_from_slice(&bytes[copied..index]);
                to.extend_from_slice(b"\\u00");
                to.push(b"0123456789abcdef"[usize::from(byte >> 4)]);
                to.push(b"0123456789abcdef"[usize::from(byte & 15)]);
                copied = index + 1;
                continue;
            }
            _ => continue,
        };
        to.extend_from_slice(&bytes[copied..index]);
        to.extend_from_slice(escape);
        copied = index + if *byte == 0xe2 { 3 } else { 1 };
    }
    to.extend_from_slice(&bytes[copied..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_text_survives() {
        let mut line = Vec::new();
        let text = "a\"b\\c\n\t\u{1}\u{7f}é\u{2028}\u{2029}€😀";
        let mut record = Record::begin(&mut line, Timestamp::from_microseconds(0).unwrap());
        record.text("message", text).number("n", u64::MAX);
        record.end();
        assert_eq!(
            line.iter().filter(|byte| **byte < 0x20).count(),
            1,
            "only the final newline"
        );
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["message"], text);
        assert_eq!(value["n"], u64::MAX);
    }

    proptest! {
        #[test]
        fn any_bytes_make_one_valid_line(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut line = Vec::new();
            let mut record = Record::begin(&mut line, Timestamp::from_microseconds(0).unwrap());
            let whole = record.bytes("message", &bytes);
            record.end();
            let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(value["message"].as_str().unwrap(), String::from_utf8_lossy(&bytes));
            prop_assert_eq!(whole, std::str::from_utf8(&bytes).is_ok());
            prop_assert_eq!(super::super::lines::count(&line), 1);
        }
    }
}
