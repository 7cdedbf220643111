//! Undoes httpd's escaping of log items (`ap_escape_logitem`, `ap_escape_errorlog_item`).

use std::borrow::Cow;

/// `\xhh`, `\"`, `\\` and the short forms of control characters; anything else after a backslash stays as it is.
pub fn unescape(escaped: &[u8]) -> Cow<'_, [u8]> {
    if !escaped.contains(&b'\\') {
        return Cow::Borrowed(escaped);
    }
    let mut plain = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(place) = rest.iter().position(|byte| *byte == b'\\') {
        plain.extend_from_slice(&rest[..place]);
        let (byte, length) = escape(&rest[place..]);
        plain.push(byte);
        rest = &rest[place + length..];
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

/// What the escape at the beginning of `text` stands for, and its length.
fn escape(text: &[u8]) -> (u8, usize) {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match text {
        [_, b'x', high, low, ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => (high << 4 | low, 4),
            _ => (b'\\', 1),
        },
        [_, b'"', ..] => (b'"', 2),
        [_, b'\\', ..] => (b'\\', 2),
        [_, b'b', ..] => (8, 2),
        [_, b'n', ..] => (b'\n', 2),
        [_, b'r', ..] => (b'\r', 2),
        [_, b't', ..] => (b'\t', 2),
        [_, b'v', ..] => (11, 2),
        _ => (b'\\', 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As httpd's server/util.c does it.
    fn as_httpd_escapes(plain: &[u8]) -> Vec<u8> {
        let mut escaped = Vec::new();
        for byte in plain {
            match byte {
                8 => escaped.extend(b"\\b"),
                b'\n' => escaped.extend(b"\\n"),
                b'\r' => escaped.extend(b"\\r"),
                b'\t' => escaped.extend(b"\\t"),
                11 => escaped.extend(b"\\v"),
                b'\\' | b'"' => escaped.extend([b'\\', *byte]),
                0x20..=0x7e => escaped.push(*byte),
                _ => escaped.extend(format!("\\x{byte:02x}").bytes()),
            }
        }
        escaped
    }

    proptest! {
        #[test]
        fn what_httpd_escapes_comes_back(plain in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(unescape(&as_httpd_escapes(&plain)).into_owned(), plain);
        }

        #[test]
        fn anything_is_taken(text in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(unescape(&text).len() <= text.len());
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        assert_eq!(unescape(b"a\\q \\x4 \\xzz \\").as_ref(), b"a\\q \\x4 \\xzz \\");
    }
}
