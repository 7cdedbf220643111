//! The bytes of an index, of which each block is checked when it is first looked at.
//!
//! A question looks at a tenth of an index; to check all of it would take longer than to answer.

use std::sync::atomic::{AtomicU8, Ordering};

use memmap2::{Mmap, MmapMut};

use super::layout::{BLOCK, HEADER_BYTES, check_sum};

#[derive(Debug)]
pub(super) struct Blocks {
    bytes: Bytes,
    /// Where the check sums begin.
    sums: usize,
    /// Of each block; none where all are known to be whole.
    states: Vec<AtomicU8>,
}

/// Where the bytes are.
#[derive(Debug)]
pub(super) enum Bytes {
    Memory(Vec<u8>),
    /// Written just now; so many of them.
    Made(MmapMut, usize),
    /// In a file: only what is looked at is read.
    File(Mmap),
}

impl Bytes {
    #[inline]
    pub(super) fn all(&self) -> &[u8] {
        match self {
            Self::Memory(bytes) => bytes,
            Self::Made(map, length) => &map[..*length],
            Self::File(map) => map,
        }
    }
}

const UNKNOWN: u8 = 0;
const WHOLE: u8 = 1;
const DAMAGED: u8 = 2;

impl Blocks {
    /// Of bytes that were written just now.
    pub(super) fn whole(bytes: MmapMut, length: usize, sums: usize) -> Self {
        Self {
            bytes: Bytes::Made(bytes, length),
            sums,
            states: Vec::new(),
        }
    }

    pub(super) fn unchecked(bytes: Bytes, sums: usize) -> Self {
        let count = (sums - HEADER_BYTES).div_ceil(BLOCK);
        Self {
            bytes,
            sums,
            states: (0..count).map(|_| AtomicU8::new(UNKNOWN)).collect(),
        }
    }

    #[inline]
    pub(super) fn all(&self) -> &[u8] {
        self.bytes.all()
    }

    /// So many bytes after the header; none where they are not all there and whole.
    #[inline]
    pub(super) fn get(&self, start: usize, length: usize) -> Option<&[u8]> {
        let end = start.checked_add(length)?;
        if end > self.sums {
            return None;
        }
        let part = self.all().get(start..end)?;
        if self.states.is_empty() || length == 0 {
            return Some(part);
        }
        let (first, last) = ((start - HEADER_BYTES) / BLOCK, (end - 1 - HEADER_BYTES) / BLOCK);
        let is_whole = self.is_whole(first) && (first == last || (first + 1..=last).all(|block| self.is_whole(block)));
        is_whole.then_some(part)
    }

    /// The number at a place where numbers are: none lies in two blocks, as what is before it are numbers, too.
    #[inline]
    pub(super) fn number(&self, start: usize) -> Option<u32> {
        let end = start.checked_add(4)?;
        if end > self.sums {
            return None;
        }
        let part = self.all().get(start..end)?;
        let is_whole = self.states.is_empty() || self.is_whole((start - HEADER_BYTES) / BLOCK);
        is_whole.then(|| part.try_into().map_or(0, u32::from_le_bytes))
    }

    /// Whether something that was looked at is not what was written.
    pub(super) fn are_damaged(&self) -> bool {
        self.states.iter().any(|state| state.load(Ordering::Relaxed) == DAMAGED)
    }

    /// Looks at everything.
    pub(super) fn check(&self) -> bool {
        (0..self.states.len()).all(|block| self.is_whole(block))
    }

    #[inline]
    fn is_whole(&self, block: usize) -> bool {
        match self.states.get(block).map(|state| state.load(Ordering::Relaxed)) {
            Some(WHOLE) => true,
            Some(UNKNOWN) => self.check_block(block),
            _ => false,
        }
    }

    #[cold]
    fn check_block(&self, block: usize) -> bool {
        let all = self.all();
        let start = HEADER_BYTES + block * BLOCK;
        let bytes = &all[start..self.sums.min(start + BLOCK)];
        let sum = self.sums + block * 8;
        let sum = all
            .get(sum..sum + 8)
            .and_then(|raw| raw.try_into().ok())
            .map(u64::from_le_bytes);
        let is_whole = sum == Some(check_sum(bytes));
        self.states[block].store(if is_whole { WHOLE } else { DAMAGED }, Ordering::Relaxed);
        is_whole
    }
}
