//! What all metadata files have in common: bounds, refusals, and cutting a stream into whole `package` elements.

mod pieces;
pub(super) mod scan;

use std::borrow::Cow;
use std::io;

use quick_xml::events::BytesStart;

pub(super) use pieces::{for_each_piece, for_each_piece_ahead};

/// Longest attribute value and longest text that is kept.
pub(super) const LONGEST_VALUE: usize = 64 << 10;

/// Where and why a metadata file is refused.
#[derive(Debug, thiserror::Error)]
#[error("metadata is not well formed near byte {position}")]
pub struct XmlError {
    pub position: u64,
    #[source]
    pub fault: Fault,
}

#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("document type declarations are not taken")]
    DocumentType,
    #[error("entity `&{name};` is not one of XML's own")]
    Entity { name: String },
    #[error("elements are nested too deep")]
    TooDeep,
    #[error("a value is longer than {LONGEST_VALUE} bytes")]
    TooLong,
    #[error("an element or file is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("there are too many {what}")]
    TooMany { what: &'static str },
    #[error("the file ends before its last element is closed")]
    Truncated,
    #[error("the root element is not `{expected}`")]
    Root { expected: &'static str },
    #[error("the markup is malformed near `{text}`")]
    Markup { text: String },
    #[error("an element has malformed attributes near `{text}`")]
    Attribute { text: String },
    #[error("there is no {what}")]
    Missing { what: &'static str },
    #[error("`{value}` is no {what}")]
    Value { what: &'static str, value: String },
    #[error("the text is not UTF-8")]
    Encoding,
    #[error("packages have checksums of different kinds")]
    ChecksumKinds,
    #[error(transparent)]
    Syntax(#[from] quick_xml::Error),
    #[error(transparent)]
    Overflow(#[from] super::index::OverflowError),
    #[error("cannot read")]
    Read(#[source] io::Error),
}

impl XmlError {
    pub(super) fn new(position: u64, fault: Fault) -> Self {
        Self { position, fault }
    }
}

/// Without the prefix of the namespace; metadata files use none that would clash.
pub(super) fn local_name(name: &str) -> &str {
    let local = name.bytes().rposition(|byte| byte == b':').map_or(0, |colon| colon + 1);
    &name[local..]
}

pub(super) fn text_of(bytes: &[u8], position: u64) -> Result<&str, XmlError> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| XmlError::new(position, Fault::Encoding))
}

/// Name and value of each attribute.  XML's grammar for them is small enough to be read here, and they are most of the metadata.
pub(super) fn attributes<'s>(start: &'s BytesStart<'_>) -> Attributes<'s> {
    attributes_in(start.attributes_raw())
}

/// The same of what is between an element's name and its end.
pub(super) fn attributes_in(text: &str) -> Attributes<'_> {
    Attributes { rest: text }
}

pub(super) struct Attributes<'s> {
    rest: &'s str,
}

impl<'s> Iterator for Attributes<'s> {
    type Item = Result<(&'s str, Cow<'s, str>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.trim_ascii_start();
        if rest.is_empty() {
            return None;
        }
        if let Some((name, value, rest)) = plain_attribute(rest) {
            self.rest = rest;
            return Some(Ok((name, Cow::Borrowed(value))));
        }
        let attribute = read_attribute(rest);
        // Nothing follows an error.
        self.rest = attribute.as_ref().map_or("", |&(_, _, rest)| rest);
        Some(attribute.map(|(name, value, _)| (name, value)))
    }
}

/// An attribute as most are written: no blanks around the `=`, double quotes, no entities.
fn plain_attribute(text: &str) -> Option<(&str, &str, &str)> {
    let bytes = text.as_bytes();
    let name = bytes.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b':'))?;
    let value = name + 2;
    if name == 0 || bytes.get(name..value) != Some(b"=\"") {
        return None;
    }
    let end = value
        + bytes[value..]
            .iter()
            .position(|byte| matches!(byte, b'"' | b'&' | b'<'))?;
    let ends = bytes.get(end + 1).is_none_or(u8::is_ascii_whitespace);
    (bytes[end] == b'"' && ends && end - value <= LONGEST_VALUE)
        .then(|| (&text[..name], &text[value..end], &text[end + 1..]))
}

/// `name = "value"` at the beginning: the name, the value without entities, and what follows.
fn read_attribute(text: &str) -> Result<(&str, Cow<'_, str>, &str), Fault> {
    let malformed = || Fault::Attribute {
        text: text.chars().take(80).collect(),
    };
    let equals = memchr::memchr(b'=', text.as_bytes()).ok_or_else(malformed)?;
    let name = text[..equals].trim_ascii_end();
    let value = text[equals + 1..].trim_ascii_start();
    let quote = value
        .bytes()
        .next()
        .filter(|byte| matches!(byte, b'"' | b'\''))
        .ok_or_else(malformed)?;
    let value = &value[1..];
    let end = memchr::memchr(quote, value.as_bytes()).ok_or_else(malformed)?;
    if name.is_empty()
        || name
            .bytes()
            .any(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<'))
    {
        return Err(malformed());
    }
    let (value, rest) = (&value[..end], &value[end + 1..]);
    if end > LONGEST_VALUE {
        return Err(Fault::TooLong);
    }
    if !rest.is_empty() && !rest.starts_with(|c: char| c.is_ascii_whitespace()) {
        return Err(malformed());
    }
    match memchr::memchr2(b'<', b'&', value.as_bytes()) {
        None => Ok((name, Cow::Borrowed(value), rest)),
        Some(_) if value.contains('<') => Err(malformed()),
        Some(_) => Ok((name, unescape(value)?, rest)),
    }
}

pub(super) fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, Fault> {
    for pair in attributes(start) {
        let (key, value) = pair?;
        if key == name {
            return Ok(Some(value.into_owned()));
        }
    }
    Ok(None)
}

/// Resolves XML's own entities and character references, and no others.
pub(super) fn unescape(text: &str) -> Result<Cow<'_, str>, Fault> {
    if memchr::memchr(b'&', text.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(text));
    }
    quick_xml::escape::unescape(text).map_err(|error| Fault::Syntax(error.into()))
}

/// What `&name;` in a text stands for.
pub(super) fn resolve(name: &str) -> Result<String, Fault> {
    let resolved = quick_xml::escape::unescape(&format!("&{name};")).map(Cow::into_owned);
    resolved.map_err(|_| Fault::Entity { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_as_xml_writes_them() {
        let start = BytesStart::from_content("e a=\"1\"  b = '2\"' c=\"&lt;&#65;\"\n", 1);
        let read: Vec<_> = attributes(&start).collect::<Result<_, _>>().unwrap();
        assert_eq!(read, [("a", "1".into()), ("b", "2\"".into()), ("c", "<A".into())]);
        for content in [
            "e a",
            "e a=",
            "e a=1",
            "e a=\"1",
            "e =\"1\"",
            "e a=\"1\"b=\"2\"",
            "e a b=\"1\"",
            "e a=\"&x;\"",
        ] {
            let start = BytesStart::from_content(content, 1);
            assert!(attributes(&start).any(|pair| pair.is_err()), "{content}");
        }
    }
}
