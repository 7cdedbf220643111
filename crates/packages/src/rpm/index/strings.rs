//! Every string once, by number.

use super::builder::OverflowError;

/// Longest walk through full slots: longer ones are made on purpose.
const LONGEST_WALK: usize = 1 << 12;

/// The hash of the table of strings.  The same in every run, as the table is stored.
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
    hashes: Vec<u32>,
    /// Number and one, or 0; a power of two of slots, at most half full.
    pub(super) table: Vec<u32>,
}

impl Strings {
    /// Has the empty string as number 0.
    pub(super) fn new() -> Self {
        let mut strings = Self {
            text: Vec::new(),
            starts: vec![0],
            hashes: Vec::new(),
            table: vec![0; 1 << 10],
        };
        let empty = strings.intern(b"");
        debug_assert_eq!(empty.ok(), Some(0));
        strings
    }

    pub(super) fn get(&self, id: u32) -> &[u8] {
        let at = id as usize;
        &self.text[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    pub(super) fn intern(&mut self, text: &[u8]) -> Result<u32, OverflowError> {
        if (self.len() + 1) * 2 > self.table.len() {
            self.grow();
        }
        let hash = hash(text);
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        for _ in 0..LONGEST_WALK {
            let entry = self.table[slot];
            if entry == 0 {
                return self.add(text, hash, slot);
            }
            let id = entry - 1;
            if self.hashes[id as usize] == hash && self.get(id) == text {
                return Ok(id);
            }
            slot = (slot + 1) & mask;
        }
        Err(OverflowError { what: "equal hashes" })
    }

    fn add(&mut self, text: &[u8], hash: u32, slot: usize) -> Result<u32, OverflowError> {
        let overflow = |_| OverflowError { what: "text" };
        let id = u32::try_from(self.len()).map_err(overflow)?;
        self.text.extend_from_slice(text);
        self.starts.push(u32::try_from(self.text.len()).map_err(overflow)?);
        self.hashes.push(hash);
        self.table[slot] = id + 1;
        Ok(id)
    }

    fn grow(&mut self) {
        let size = self.table.len() * 2;
        let mask = size - 1;
        let mut table = vec![0; size];
        for (id, &hash) in (1_u32..).zip(&self.hashes) {
            let mut slot = hash as usize & mask;
            while table[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            table[slot] = id;
        }
        self.table = table;
    }
}
