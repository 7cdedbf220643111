//! Entries of a package's lists, as createrepo writes them.

use std::borrow::Cow;

use crate::rpm::requirement::Range;

/// How each begins.
pub(super) const ENTRY: &str = "<rpm:entry ";
/// Longest entry of which it is remembered how it was written.
const LONGEST_WRITTEN: usize = 1 << 10;

/// The empty element of an entry that a text begins with, up to the first `>`.
pub(super) fn whole_entry(text: &str) -> Option<&str> {
    if !text.starts_with(ENTRY) {
        return None;
    }
    let end = memchr::memchr(b'>', text.as_bytes())?;
    Some(&text[..=end]).filter(|entry| entry.ends_with("/>") && entry.len() <= LONGEST_WRITTEN)
}

/// An entry as createrepo writes it.
#[derive(Clone, Copy)]
pub(super) struct PlainEntry<'a> {
    pub(super) name: &'a str,
    pub(super) range: Range,
    /// Epoch, version and release, as far as they are there.
    evr: [&'a str; 3],
}

impl<'a> PlainEntry<'a> {
    pub(super) fn evr(&self) -> Evr<'a> {
        let [epoch, version, release] = self.evr.map(Cow::Borrowed);
        Evr {
            epoch,
            version,
            release,
        }
    }
}

/// Reads a whole entry whose attributes are in createrepo's order and without entities; others are none.
pub(super) fn plain_entry(entry: &str) -> Option<PlainEntry<'_>> {
    let rest = entry.strip_prefix(ENTRY)?.strip_suffix("/>")?;
    if memchr::memchr2(b'&', b'<', rest.as_bytes()).is_some() {
        return None;
    }
    let (name, rest) = attribute("name=\"", rest)?;
    if name.is_empty() {
        return None;
    }
    let mut plain = PlainEntry {
        name,
        range: Range::ANY,
        evr: [""; 3],
    };
    let mut rest = rest;
    if let Some((flags, after)) = attribute(" flags=\"", rest) {
        plain.range = Range::from_flags(flags)?;
        rest = after;
    }
    for (start, value) in [" epoch=\"", " ver=\"", " rel=\""].into_iter().zip(&mut plain.evr) {
        if let Some((text, after)) = attribute(start, rest) {
            *value = text;
            rest = after;
        }
    }
    matches!(rest, "" | " pre=\"1\"").then_some(plain)
}

/// The value that begins with `start`, and what follows its quote.
#[inline]
fn attribute<'a>(start: &str, text: &'a str) -> Option<(&'a str, &'a str)> {
    let value = text.strip_prefix(start)?;
    let end = value.bytes().position(|byte| byte == b'"')?;
    Some((&value[..end], &value[end + 1..]))
}

/// The three attributes of a version.
#[derive(Default)]
pub(super) struct Evr<'a> {
    epoch: Cow<'a, str>,
    version: Cow<'a, str>,
    release: Cow<'a, str>,
}

impl<'a> Evr<'a> {
    pub(super) fn set(&mut self, attribute: &str, value: Cow<'a, str>) {
        match attribute {
            "epoch" => self.epoch = value,
            "ver" => self.version = value,
            "rel" => self.release = value,
            _ => {}
        }
    }

    /// `[epoch:]version[-release]`, in the place of what was there.
    pub(super) fn write(&self, text: &mut String) {
        text.clear();
        if !self.epoch.is_empty() && self.epoch != "0" {
            text.push_str(&self.epoch);
            text.push(':');
        }
        text.push_str(&self.version);
        if !self.release.is_empty() {
            text.push('-');
            text.push_str(&self.release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_another_form_are_left_to_the_scanner() {
        let read = |text: &str| {
            plain_entry(text).map(|entry| {
                let mut evr = String::new();
                entry.evr().write(&mut evr);
                (entry.name.to_owned(), entry.range, evr)
            })
        };
        let found = |name: &str, range, evr: &str| Some((name.to_owned(), range, evr.to_owned()));
        assert_eq!(
            read("<rpm:entry name=\"a'b\" flags=\"EQ\" epoch=\"1\" ver=\"2\" rel=\"3\"/>"),
            found("a'b", Range::EQUAL, "1:2-3")
        );
        assert_eq!(
            read("<rpm:entry name=\"a\" flags=\"GE\" epoch=\"0\" ver=\"2\" pre=\"1\"/>"),
            found("a", Range::GREATER.or(Range::EQUAL), "2")
        );
        assert_eq!(read("<rpm:entry name=\"a\"/>"), found("a", Range::ANY, ""));
        for other in [
            "<rpm:entry name=\"\"/>",
            "<rpm:entry name=\"a&amp;b\"/>",
            "<rpm:entry name=\"a<b\"/>",
            "<rpm:entry name='a'/>",
            "<rpm:entry name=\"a\" />",
            "<rpm:entry name=\"a\"flags=\"EQ\"/>",
            "<rpm:entry name=\"a\" flags=\"XX\"/>",
            "<rpm:entry name=\"a\" ver=\"1\" epoch=\"0\"/>",
            "<rpm:entry name=\"a\" pre=\"1\" rel=\"2\"/>",
            "<rpm:entry name=\"a/>",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
