//! Every string once, by number.

use memmap2::MmapMut;

use super::builder::OverflowError;
use super::mark::{Key, Mark, Marks};
use super::room::{self, Room, number, set_number};

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
    pub(super) text: Room,
    /// Of each string, and the end of the last.
    pub(super) starts: Room,
    key: Key,
    table: Marks,
    /// Those that nobody looks for, in order.
    unlisted: Vec<u32>,
}

impl Strings {
    /// Has the empty string as number 0.
    pub(super) fn new(key: Key) -> Result<Self, OverflowError> {
        let mut strings = Self {
            text: Room::default(),
            starts: Room::default(),
            key,
            table: Marks::new(),
            unlisted: Vec::new(),
        };
        strings.starts.put_numbers(&[0])?;
        let empty = strings.intern(b"")?;
        debug_assert_eq!(empty, 0);
        Ok(strings)
    }

    pub(super) fn len(&self) -> usize {
        self.starts.numbers().saturating_sub(1)
    }

    pub(super) fn mark(&self, text: &[u8]) -> Mark {
        self.key.mark(text)
    }

    /// Has the processor fetch what [`Strings::intern_marked`] will look at.
    #[inline]
    pub(super) fn touch(&self, mark: Mark) {
        self.table.touch(mark);
    }

    pub(super) fn intern(&mut self, text: &[u8]) -> Result<u32, OverflowError> {
        self.intern_marked(self.mark(text), text)
    }

    /// The same of a text whose mark is known.
    pub(super) fn intern_marked(&mut self, mark: Mark, text: &[u8]) -> Result<u32, OverflowError> {
        let new = self.len();
        let id = self.table.intern(mark, new)?;
        if id as usize == new {
            self.append(text)?;
        }
        Ok(id)
    }

    /// Adds a string that is like no other and that nobody looks for.
    pub(super) fn add(&mut self, text: &[u8]) -> Result<u32, OverflowError> {
        let id = u32::try_from(self.len()).map_err(|_| OverflowError { what: "texts" })?;
        self.append(text)?;
        self.unlisted.push(id);
        Ok(id)
    }

    fn append(&mut self, text: &[u8]) -> Result<(), OverflowError> {
        self.text.put(text)?;
        let end = u32::try_from(self.text.bytes().len()).map_err(|_| OverflowError { what: "text" })?;
        self.starts.put_numbers(&[end])
    }

    /// The table by which an index finds its strings: number and one by [`hash`], or 0; a power of two of slots, at most half full; and
    /// how many bytes those are.
    pub(super) fn lookup_table(&self) -> Result<(MmapMut, usize), OverflowError> {
        let size = (self.len() * 2).next_power_of_two();
        let mut slots = room::zeroed(size * 4)?;
        let (texts, starts) = (self.text.bytes(), self.starts.bytes());
        let mut unlisted = self.unlisted.iter().peekable();
        let mut start = 0;
        for id in 0..self.len() {
            let end = number(starts, id + 1) as usize;
            let text = &texts[start..end];
            start = end;
            if unlisted.next_if(|&&unlisted| unlisted as usize == id).is_some() {
                continue;
            }
            let mut slot = hash(text) as usize & (size - 1);
            while number(&slots, slot) != 0 {
                slot = (slot + 1) & (size - 1);
            }
            set_number(&mut slots, slot, u32::try_from(id + 1).unwrap_or_default());
        }
        Ok((slots, size * 4))
    }
}
