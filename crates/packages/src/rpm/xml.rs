//! What all metadata files have in common: bounds, refusals, and cutting a stream into whole `package` elements.

use std::borrow::Cow;
use std::io::{self, Read};

use memchr::memmem;
use quick_xml::events::BytesStart;

/// Longest attribute value and longest text that is kept.
pub(super) const LONGEST_VALUE: usize = 64 << 10;
/// A package's element may be this large; the largest of an EL9 has 2 MB.
const LARGEST_PACKAGE: usize = 64 << 20;
/// Read at a time, so that the pieces stay in the processor's cache.
const BLOCK: usize = 512 << 10;

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
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

pub(super) fn text_of(bytes: &[u8], position: u64) -> Result<&str, XmlError> {
    std::str::from_utf8(bytes).map_err(|_| XmlError::new(position, Fault::Encoding))
}

/// Name and value of each attribute.  XML's grammar for them is small enough to be read here, and they are most of the metadata.
pub(super) fn attributes<'s>(start: &'s BytesStart<'_>) -> Attributes<'s> {
    Attributes {
        rest: start.attributes_raw(),
    }
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
        let attribute = read_attribute(rest);
        // Nothing follows an error.
        self.rest = attribute.as_ref().map_or("", |&(_, _, rest)| rest);
        Some(attribute.map(|(name, value, _)| (name, value)))
    }
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
    Ok((name, unescape(value)?, rest))
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

/// Gives the whole `package` elements of a metadata file, many at a time, to `take`; what is around them must be the root element.
pub fn for_each_piece(
    mut source: impl Read,
    root: &'static str,
    mut take: impl FnMut(&str, u64) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    let mut buffer: Vec<u8> = Vec::with_capacity(2 * BLOCK);
    let mut position = 0;
    let mut begun = false;
    // So much of the buffer has no end of a package in it.
    let mut scanned: usize = 0;
    loop {
        let before = buffer.len();
        let mut limited = source.by_ref().take(BLOCK as u64);
        let read = limited.read_to_end(&mut buffer);
        let count = read.map_err(|error| XmlError::new(position + before as u64, Fault::Read(error)))?;
        if count == 0 {
            return check_end(&buffer, root, begun).map_err(|fault| XmlError::new(position, fault));
        }
        if !begun {
            match begin(&buffer, root).map_err(|fault| XmlError::new(0, fault))? {
                None if buffer.len() > LARGEST_PACKAGE => {
                    return Err(XmlError::new(position, Fault::TooLarge { limit: LARGEST_PACKAGE }));
                }
                None => continue,
                Some(at) => {
                    buffer.drain(..at);
                    position += at as u64;
                    begun = true;
                }
            }
        }
        // The end of a package that was begun earlier may lie across the border.
        const END: &[u8] = b"</package>";
        let from = scanned.saturating_sub(END.len());
        match memmem::rfind(buffer.get(from..).unwrap_or_default(), END) {
            Some(found) => {
                let end = from + found + END.len();
                take(text_of(&buffer[..end], position)?, position)?;
                buffer.drain(..end);
                position += end as u64;
                scanned = buffer.len();
            }
            None if buffer.len() > LARGEST_PACKAGE => {
                return Err(XmlError::new(position, Fault::TooLarge { limit: LARGEST_PACKAGE }));
            }
            None => scanned = buffer.len(),
        }
    }
}

/// Finds where the first package begins (or the root ends); nothing yet when neither is there.
fn begin(buffer: &[u8], root: &'static str) -> Result<Option<usize>, Fault> {
    let first = memmem::find(buffer, b"<package ");
    let head = &buffer[..first.unwrap_or(buffer.len())];
    refuse_declarations(head)?;
    let open = format!("<{root}");
    let Some(at) = memmem::find(head, open.as_bytes()) else {
        return if first.is_some() {
            Err(Fault::Root { expected: root })
        } else {
            Ok(None)
        };
    };
    let after = &head[at + open.len()..];
    match (memchr::memchr(b'>', after), first) {
        (Some(_), Some(first)) => Ok(Some(first)),
        _ => Ok(None),
    }
}

/// What is left after the last package: the end of the root element and nothing else.
fn check_end(rest: &[u8], root: &'static str, begun: bool) -> Result<(), Fault> {
    refuse_declarations(rest)?;
    let close = format!("</{root}>");
    if begun {
        let rest = rest.trim_ascii();
        return if rest == close.as_bytes() {
            Ok(())
        } else {
            Err(Fault::Truncated)
        };
    }
    // No package at all: the whole file is here.
    let open = memmem::find(rest, format!("<{root}").as_bytes()).ok_or(Fault::Root { expected: root })?;
    let rest = rest[open..].trim_ascii_end();
    let single = memchr::memchr(b'>', rest).is_some_and(|end| end + 1 == rest.len() && rest[..end].ends_with(b"/"));
    if single || rest.ends_with(close.as_bytes()) {
        Ok(())
    } else {
        Err(Fault::Truncated)
    }
}

fn refuse_declarations(text: &[u8]) -> Result<(), Fault> {
    if memmem::find(text, b"<!DOCTYPE").is_some() || memmem::find(text, b"<!ENTITY").is_some() {
        return Err(Fault::DocumentType);
    }
    Ok(())
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
