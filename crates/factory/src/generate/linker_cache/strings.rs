//! The table of strings of the cache: each once, and one that ends another inside of that.

use std::cmp::Ordering;
use std::collections::BTreeMap;

pub(super) struct Strings {
    bytes: Vec<u8>,
    offsets: BTreeMap<String, usize>,
}

impl Strings {
    pub(super) fn of<'a>(strings: impl Iterator<Item = &'a str>) -> Self {
        let mut sorted: Vec<&str> = strings.collect();
        sorted.sort_by(|left, right| by_end(left, right));
        sorted.dedup();
        let mut table = Self {
            bytes: Vec::new(),
            offsets: BTreeMap::new(),
        };
        let mut previous = "";
        for string in sorted {
            // What was written last ends in a zero, after `previous`.
            if previous.ends_with(string) && !previous.is_empty() {
                let offset = table.bytes.len() - 1 - string.len();
                table.offsets.insert(string.to_owned(), offset);
            } else {
                table.offsets.insert(string.to_owned(), table.bytes.len());
                table.bytes.extend(string.as_bytes());
                table.bytes.push(0);
            }
            previous = string;
        }
        table
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn offset(&self, string: &str) -> usize {
        self.offsets.get(string).copied().unwrap_or_default()
    }
}

/// From the last byte backwards, the larger first; of two with the same end the longer first.
fn by_end(left: &str, right: &str) -> Ordering {
    let mut pairs = left.bytes().rev().zip(right.bytes().rev());
    let different = pairs.find_map(|(left, right)| Some(right.cmp(&left)).filter(|order| order.is_ne()));
    different.unwrap_or_else(|| right.len().cmp(&left.len()))
}
