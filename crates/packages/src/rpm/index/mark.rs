//! Texts by a mark of 96 bits, so that a table of them can be asked without touching the texts themselves.
//!
//! The hash has a key that is made anew for each reading: nobody can write two texts that are taken for one.

#![expect(clippy::cast_possible_truncation, reason = "halves of numbers")]

use std::hash::{BuildHasher as _, RandomState};

use super::builder::OverflowError;

/// Longest walk through full slots.
const LONGEST_WALK: usize = 1 << 12;

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
    /// A power of two, at most half full.
    slots: Vec<Slot>,
    count: usize,
}

/// A mark beside its number, in 16 bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u64,
    more: u32,
    /// Number and one; 0 where the slot is free.
    id: u32,
}

impl Slot {
    fn mark(self) -> Mark {
        Mark {
            hash: self.hash,
            more: self.more,
        }
    }
}

impl Key {
    pub(in crate::rpm) fn new() -> Self {
        let random = RandomState::new();
        Self([0_u8, 1, 2, 3].map(|lane| random.hash_one(lane)))
    }

    /// `kind` tells apart what is written alike and means different things.
    pub(super) fn mark(self, kind: u64, text: &[u8]) -> Mark {
        let [mut left, mut right, first, second] = self.0;
        left ^= kind;
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

impl Marks {
    pub(super) fn new() -> Self {
        Self {
            slots: vec![Slot::default(); 1 << 14],
            count: 0,
        }
    }

    pub(super) fn find(&self, mark: Mark) -> Option<u32> {
        self.slots[self.place(mark)?].id.checked_sub(1)
    }

    /// The number of a mark; `new` when it has none yet.
    pub(super) fn intern(&mut self, mark: Mark, new: usize) -> Result<u32, OverflowError> {
        if (self.count + 1) * 2 > self.slots.len() {
            self.grow()?;
        }
        let at = self.place(mark).ok_or(EQUAL)?;
        if let Some(id) = self.slots[at].id.checked_sub(1) {
            return Ok(id);
        }
        let id = u32::try_from(new + 1).map_err(|_| OverflowError { what: "texts" })?;
        self.slots[at] = Slot {
            hash: mark.hash,
            more: mark.more,
            id,
        };
        self.count += 1;
        Ok(id - 1)
    }

    /// The slot with this mark, or the free one where it would be.
    fn place(&self, mark: Mark) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let mut at = mark.hash as usize & mask;
        for _ in 0..LONGEST_WALK {
            let slot = &self.slots[at];
            if slot.id == 0 || slot.mark() == mark {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
        None
    }

    fn grow(&mut self) -> Result<(), OverflowError> {
        let size = self.slots.len() * 4;
        let before = std::mem::replace(&mut self.slots, vec![Slot::default(); size]);
        for slot in before.into_iter().filter(|slot| slot.id != 0) {
            let at = self.place(slot.mark()).ok_or(EQUAL)?;
            self.slots[at] = slot;
        }
        Ok(())
    }
}

const EQUAL: OverflowError = OverflowError { what: "equal hashes" };

/// Both halves of the product.
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}
