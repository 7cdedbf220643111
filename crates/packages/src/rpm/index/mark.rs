//! Texts by a mark of 96 bits, so that a table of them can be asked without touching the texts themselves.
//!
//! The hash has a key that is made anew for each reading: nobody can write two texts that are taken for one.

#![expect(clippy::cast_possible_truncation, reason = "halves of numbers")]

use std::hash::{BuildHasher as _, RandomState};

use memmap2::MmapMut;

use super::builder::OverflowError;
use super::room;

/// Longest walk through full slots.
const LONGEST_WALK: usize = 1 << 12;
/// Slots of a new table: one large page, enough for a repository of 2,000 packages.
const FEWEST_SLOTS: usize = 1 << 17;

/// The key of one reading.
#[derive(Debug, Clone, Copy)]
pub(in crate::rpm) struct Key([u64; 4]);

/// What a text is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::rpm) struct Mark {
    hash: u64,
    more: u32,
}

/// Numbers by mark.
#[derive(Debug)]
pub(super) struct Marks {
    /// A power of two of slots, at most five eighths full: the smaller, the more of it stays in the processor's cache.
    /// None where nothing is in it.
    slots: Option<MmapMut>,
    count: usize,
}

/// Bytes of a slot: a mark, and its number and one (0 where the slot is free).
const SLOT: usize = 16;

impl Key {
    pub(in crate::rpm) fn new() -> Self {
        let random = RandomState::new();
        Self([0_u8, 1, 2, 3].map(|lane| random.hash_one(lane)))
    }

    pub(in crate::rpm) fn mark(self, text: &[u8]) -> Mark {
        let [mut left, mut right, first, second] = self.0;
        let mut take = |low: u64, high: u64| {
            left = fold(left ^ low, first ^ high);
            right = fold(right ^ high, second ^ low);
        };
        let mut blocks = text.chunks_exact(16);
        for block in &mut blocks {
            let number = block.try_into().map_or(0, u128::from_le_bytes);
            take(number as u64, (number >> 64) as u64);
        }
        let mut last = [0; 16];
        let rest = blocks.remainder();
        last[..rest.len()].copy_from_slice(rest);
        let number = u128::from_le_bytes(last);
        take(number as u64, (number >> 64) as u64);
        take(text.len() as u64, 0);
        Mark {
            hash: left,
            more: (right >> 32) as u32,
        }
    }
}

impl Mark {
    /// Tells apart what is written alike and means different things.
    pub(in crate::rpm) fn of_kind(self, kind: u8) -> Self {
        Self {
            hash: self.hash ^ u64::from(kind) << 60,
            more: self.more ^ u32::from(kind),
        }
    }
}

impl Marks {
    pub(super) fn new() -> Self {
        Self { slots: None, count: 0 }
    }

    pub(super) fn find(&self, mark: Mark) -> Option<u32> {
        let slots = self.slots.as_ref()?;
        slot(slots, place(slots, mark)?).1.checked_sub(1)
    }

    /// Has the processor fetch what [`Marks::find`] will look at, and does not wait for it.
    #[inline]
    pub(super) fn touch(&self, mark: Mark) {
        if let Some(slots) = &self.slots {
            let first = mark.hash as usize & (slots.len() / SLOT - 1);
            fetch(&slots[first * SLOT..]);
        }
    }

    /// The number of a mark; `new` when it has none yet.
    pub(super) fn intern(&mut self, mark: Mark, new: usize) -> Result<u32, OverflowError> {
        let slots = match &mut self.slots {
            Some(slots) if (self.count + 1) * 8 <= slots.len() / SLOT * 5 => slots,
            full => {
                let before = full.take();
                full.insert(grown(before)?)
            }
        };
        let at = place(slots, mark).ok_or(EQUAL)?;
        if let Some(id) = slot(slots, at).1.checked_sub(1) {
            return Ok(id);
        }
        let id = u32::try_from(new + 1).map_err(|_| OverflowError { what: "texts" })?;
        write(slots, at, mark, id);
        self.count += 1;
        Ok(id - 1)
    }
}

/// A hint, where the processor takes such.
#[inline]
fn fetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction reads nothing that the program sees, and does nothing about an address that is none.
        #[expect(unsafe_code, reason = "the hint takes a pointer")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    std::hint::black_box(bytes.first());
}

/// The mark of a slot, and its number and one.
#[inline]
fn slot(slots: &MmapMut, at: usize) -> (Mark, u32) {
    let start = at * SLOT;
    let bytes = slots[start..start + SLOT].try_into().map_or(0, u128::from_le_bytes);
    let mark = Mark {
        hash: bytes as u64,
        more: (bytes >> 64) as u32,
    };
    (mark, (bytes >> 96) as u32)
}

fn write(slots: &mut MmapMut, at: usize, mark: Mark, id: u32) {
    let bytes = u128::from(mark.hash) | u128::from(mark.more) << 64 | u128::from(id) << 96;
    slots[at * SLOT..][..SLOT].copy_from_slice(&bytes.to_le_bytes());
}

/// The slot with this mark, or the free one where it would be.
#[inline]
fn place(slots: &MmapMut, mark: Mark) -> Option<usize> {
    let mask = slots.len() / SLOT - 1;
    let mut at = mark.hash as usize & mask;
    for _ in 0..LONGEST_WALK {
        let (found, id) = slot(slots, at);
        if id == 0 || found == mark {
            return Some(at);
        }
        at = (at + 1) & mask;
    }
    None
}

/// Twice as large, with all that was in it.
fn grown(before: Option<MmapMut>) -> Result<MmapMut, OverflowError> {
    let Some(before) = before else {
        return room::zeroed(FEWEST_SLOTS * SLOT);
    };
    let mut slots = room::zeroed(before.len() * 2)?;
    for at in 0..before.len() / SLOT {
        let (mark, id) = slot(&before, at);
        if id != 0 {
            let at = place(&slots, mark).ok_or(EQUAL)?;
            write(&mut slots, at, mark, id);
        }
    }
    Ok(slots)
}

const EQUAL: OverflowError = OverflowError { what: "equal hashes" };

/// Both halves of the product.
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}
