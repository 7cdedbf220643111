//! Entries of packages' lists, found and marked while another thread reads the piece before.

use super::entry::{ENTRY, whole_entry};
use crate::rpm::index::{Key, List, Mark};

/// Where entries of a piece are, and what they are known by; in order.
#[derive(Debug, Default)]
pub(super) struct Marked(Vec<Entry>);

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// In the piece.
    pub(super) start: u32,
    pub(super) length: u32,
    pub(super) mark: Mark,
    /// Whether the name is one that means something else where it is provided; where it is not known, it counts as such.
    special: bool,
}

impl Marked {
    /// Finds what looks like entries.  Some may be none, as in comments, and some may be missed: who reads the piece knows.
    pub(super) fn find(&mut self, text: &str, key: Key) {
        self.0.clear();
        let mut at = 0;
        while let Some(rest) = text.get(at..) {
            let blanks = rest.bytes().take_while(u8::is_ascii_whitespace).count();
            let rest = &rest[blanks..];
            let skipped = if rest.starts_with(ENTRY) {
                0
            } else {
                match memchr::memmem::find(rest.as_bytes(), ENTRY.as_bytes()) {
                    Some(skipped) => skipped,
                    None => return,
                }
            };
            at += blanks + skipped;
            let Some(entry) = whole_entry(&rest[skipped..]) else {
                at += ENTRY.len();
                continue;
            };
            let (Ok(start), Ok(length)) = (u32::try_from(at), u32::try_from(entry.len())) else {
                return;
            };
            let name = entry[ENTRY.len()..].strip_prefix("name=\"");
            self.0.push(Entry {
                start,
                length,
                mark: key.mark(entry.as_bytes()),
                special: name.is_none_or(|name| name.starts_with(['(', '/'])),
            });
            at += entry.len();
        }
    }

    /// The entries from the `next` one that begins at `start` or later.
    pub(super) fn from(&self, next: &mut usize, start: usize) -> &[Entry] {
        let rest = self.0.get(*next..).unwrap_or_default();
        *next += rest.iter().take_while(|entry| (entry.start as usize) < start).count();
        self.0.get(*next..).unwrap_or_default()
    }
}

impl Entry {
    /// What it is known by where it is in such a list.
    pub(super) fn mark_in(&self, list: List) -> Mark {
        match (self.special, list) {
            (false, _) => self.mark,
            (true, List::Provides) => self.mark.of_kind(2),
            (true, _) => self.mark.of_kind(1),
        }
    }
}
