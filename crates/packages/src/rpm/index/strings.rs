//! Every string once, by number.

use super::builder::{OverflowError, ROOM};
use super::mark::{Key, Marks};

/// The hash of the stored table of strings.  The same in every run.
pub fn hash(text: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut state = text.len() as u64;
    let mut words = text.chunks_exact(8);
    for word in &mut words {
        let word = word.try_into().map_or(0, u64::from_le_bytes);
        state = (state ^ word).wrapping_mul(FACTOR);
        state ^= state >> 32;
    }
    let mut last = [0; 8];
    let rest = words.remainder();
    last[..rest.len()].copy_from_slice(rest);
    state = (state ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    (state >> 32) as u32
}

#[derive(Debug)]
pub(super) struct Strings {
    pub(super) text: Vec<u8>,
    /// Of each string, and the end of the last.
    pub(super) starts: Vec<u32>,
    key: Key,
    table: Marks,
}

impl Strings {
    /// Has the empty string as number 0.
    pub(super) fn new(key: Key) -> Self {
        let mut strings = Self {
            text: Vec::with_capacity(ROOM * 8),
            starts: Vec::with_capacity(ROOM),
            key,
            table: Marks::new(),
        };
        strings.starts.push(0);
        let empty = strings.intern(b"");
        debug_assert_eq!(empty.ok(), Some(0));
        strings
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn intern(&mut self, text: &[u8]) -> Result<u32, OverflowError> {
        let new = self.len();
        let id = self.table.intern(self.key.mark(0, text), new)?;
        if id as usize == new {
            let end = u32::try_from(self.text.len() + text.len()).map_err(|_| OverflowError { what: "text" })?;
            self.text.extend_from_slice(text);
            self.starts.push(end);
        }
        Ok(id)
    }

    /// The table by which an index finds its strings: number and one by [`hash`], or 0; a power of two of slots, at most half full.
    pub(super) fn lookup_table(&self) -> Vec<u32> {
        let size = (self.len() * 2).next_power_of_two();
        let mut slots = vec![0; size];
        for (bounds, id) in self.starts.windows(2).zip(1_u32..) {
            let text = &self.text[bounds[0] as usize..bounds[1] as usize];
            let mut slot = hash(text) as usize & (size - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = id;
        }
        slots
    }
}
