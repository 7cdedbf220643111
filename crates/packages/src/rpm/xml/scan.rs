//! Tokens of XML without a document type: elements, text, comments.  Metadata files are large and all of them read, so this is made
//! for speed; what it takes is what XML takes, and a test compares it with a reader for everybody's XML.

use std::borrow::Cow;

use super::{Fault, unescape};

/// Deepest nesting of elements; that of a package is 4.
const DEEPEST: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    Open(Tag<'t>),
    /// The name, with its prefix.
    Close(&'t str),
    /// As it is written: entities are not resolved.
    Text(&'t str),
    CData(&'t str),
}

/// The beginning of an element, or all of an empty one, for which no [`Token::Close`] follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag<'t> {
    /// With its prefix.
    pub(crate) name: &'t str,
    pub(crate) attributes: &'t str,
    pub(crate) is_empty: bool,
}

/// See [`Scanner::plain_element`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plain<'t> {
    /// With its prefix.
    pub(crate) name: &'t str,
    pub(crate) text: &'t str,
    /// Of the whole element.
    pub(crate) length: usize,
}

/// Walks through a text of whole elements.
#[derive(Debug)]
pub(crate) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    open: [&'t str; DEEPEST],
    depth: usize,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            open: [""; DEEPEST],
            depth: 0,
        }
    }

    /// Where the next token begins.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Passes over an element that is known to be well formed and whole.
    pub(crate) fn skip(&mut self, length: usize) {
        self.at += length;
    }

    /// Passes over blanks.
    pub(crate) fn skip_blanks(&mut self) {
        let blanks = self.rest().bytes().take_while(u8::is_ascii_whitespace).count();
        self.at += blanks;
    }

    /// An element that is nothing but a text without entities, and its name: `<summary>text</summary>`, as most elements of a package
    /// are.  It is not passed over yet: see [`Scanner::skip`].
    #[inline]
    pub(crate) fn plain_element(&self) -> Option<Plain<'t>> {
        let rest = self.rest().strip_prefix('<')?;
        let bytes = rest.as_bytes();
        let name = bytes.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b':'))?;
        if !bytes.first()?.is_ascii_lowercase() || bytes[name] != b'>' || self.depth == DEEPEST {
            return None;
        }
        let inside = &rest[name + 1..];
        let end = memchr::memchr2(b'<', b'&', inside.as_bytes())?;
        let close = inside[end..].strip_prefix("</")?.strip_prefix(&rest[..name])?;
        close.starts_with('>').then(|| Plain {
            name: &rest[..name],
            text: &inside[..end],
            length: "<>".len() + name + end + "</>".len() + name,
        })
    }

    /// The next token; none at the end, where every element must be closed.
    pub(crate) fn next(&mut self) -> Result<Option<Token<'t>>, Fault> {
        loop {
            let rest = self.rest();
            let Some(start) = memchr::memchr(b'<', rest.as_bytes()) else {
                self.at = self.text.len();
                return match (rest.is_empty(), self.depth) {
                    (true, 0) => Ok(None),
                    (true, _) => Err(Fault::Truncated),
                    (false, _) => Ok(Some(Token::Text(rest))),
                };
            };
            if start > 0 {
                self.at += start;
                return Ok(Some(Token::Text(&rest[..start])));
            }
            match rest.as_bytes().get(1) {
                Some(b'/') => return self.close(rest).map(Some),
                Some(b'!') => {
                    if let Some(token) = self.declaration(rest)? {
                        return Ok(Some(token));
                    }
                }
                Some(b'?') => self.pass(rest, "?>")?,
                _ => return self.open(rest).map(Some),
            }
        }
    }

    fn open(&mut self, rest: &'t str) -> Result<Token<'t>, Fault> {
        let end = tag_end(rest).ok_or_else(|| malformed(rest))?;
        let inside = &rest[1..end];
        let (inside, is_empty) = match inside.strip_suffix('/') {
            Some(inside) => (inside, true),
            None => (inside, false),
        };
        let blank = inside.bytes().position(|byte| byte.is_ascii_whitespace());
        let (name, attributes) = inside.split_at(blank.unwrap_or(inside.len()));
        check_name(name, rest)?;
        if !is_empty {
            let slot = self.open.get_mut(self.depth).ok_or(Fault::TooDeep)?;
            *slot = name;
            self.depth += 1;
        }
        self.at += end + 1;
        Ok(Token::Open(Tag {
            name,
            attributes,
            is_empty,
        }))
    }

    fn close(&mut self, rest: &'t str) -> Result<Token<'t>, Fault> {
        let end = memchr::memchr(b'>', rest.as_bytes()).ok_or(Fault::Truncated)?;
        let name = rest[2..end].trim_ascii_end();
        self.depth = self.depth.checked_sub(1).ok_or_else(|| malformed(rest))?;
        if self.open[self.depth] != name {
            return Err(malformed(rest));
        }
        self.at += end + 1;
        Ok(Token::Close(name))
    }

    /// A comment gives no token.
    fn declaration(&mut self, rest: &'t str) -> Result<Option<Token<'t>>, Fault> {
        const CDATA: &str = "<![CDATA[";
        if let Some(comment) = rest.strip_prefix("<!--") {
            let end = memchr::memmem::find(comment.as_bytes(), b"--").ok_or(Fault::Truncated)?;
            if !comment[end + 2..].starts_with('>') {
                return Err(malformed(rest));
            }
            self.at += "<!--".len() + end + "-->".len();
            return Ok(None);
        }
        if let Some(text) = rest.strip_prefix(CDATA) {
            let end = memchr::memmem::find(text.as_bytes(), b"]]>").ok_or(Fault::Truncated)?;
            self.at += CDATA.len() + end + "]]>".len();
            return Ok(Some(Token::CData(&text[..end])));
        }
        Err(Fault::DocumentType)
    }

    fn pass(&mut self, rest: &str, end: &str) -> Result<(), Fault> {
        let found = memchr::memmem::find(rest.as_bytes(), end.as_bytes()).ok_or(Fault::Truncated)?;
        self.at += found + end.len();
        Ok(())
    }
}

/// Where the tag that `text` begins with ends: at the first `>` outside of quotes.
fn tag_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let first = memchr::memchr(b'>', bytes)?;
    let count = |quote: u8| {
        bytes[..first]
            .iter()
            .map(|&byte| usize::from(byte == quote))
            .sum::<usize>()
    };
    if count(b'\'') == 0 && count(b'"') % 2 == 0 {
        return Some(first);
    }
    let mut at = 1;
    loop {
        at += memchr::memchr3(b'>', b'"', b'\'', bytes.get(at..)?)?;
        let byte = bytes[at];
        if byte == b'>' {
            return Some(at);
        }
        at += 1;
        at += memchr::memchr(byte, bytes.get(at..)?)? + 1;
    }
}

fn check_name(name: &str, rest: &str) -> Result<(), Fault> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii());
    let belongs = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-' | b'.') || byte >= 0x80;
    if starts && name.bytes().all(belongs) {
        Ok(())
    } else {
        Err(malformed(rest))
    }
}

/// A text with its entities resolved; `&name;` must be one of XML's own.
pub(crate) fn text_value(text: &str) -> Result<Cow<'_, str>, Fault> {
    unescape(text).map_err(|fault| match text.split_once('&') {
        Some((_, rest)) => {
            let name = rest.split(';').next().unwrap_or_default();
            let name = name.chars().take(40).collect();
            Fault::Entity { name }
        }
        None => fault,
    })
}

fn malformed(rest: &str) -> Fault {
    Fault::Markup {
        text: rest.chars().take(80).collect(),
    }
}

#[cfg(test)]
mod tests;
