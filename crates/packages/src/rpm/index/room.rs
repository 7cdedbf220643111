//! Zeroed memory of the system's own, in large pages where it gives them: the tables and the bytes of an index are some tens of megabytes,
//! and to get those in pages of 4 KB takes longer than to fill them.

use memmap2::MmapMut;

use super::builder::OverflowError;

/// Bytes of the first piece that is got for something that grows: a small repository needs no more.
const FIRST: usize = 1 << 18;
/// Of the next: large pages.
const SECOND: usize = 1 << 22;
/// What is larger than this is given in whole large pages.
const MEDIUM: usize = 1 << 19;
const LARGE_PAGE: usize = 1 << 21;

/// At least so many bytes.
pub(super) fn zeroed(length: usize) -> Result<MmapMut, OverflowError> {
    let length = if length > MEDIUM {
        length.next_multiple_of(LARGE_PAGE)
    } else {
        length
    };
    let map = MmapMut::map_anon(length).map_err(|_| OverflowError { what: "memory" })?;
    // A kernel that knows no large pages does without.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Ok(map)
}

/// Little-endian numbers, or bytes, that become more and more.
#[derive(Debug, Default)]
pub(super) struct Room {
    map: Option<MmapMut>,
    used: usize,
}

impl Room {
    pub(super) fn bytes(&self) -> &[u8] {
        self.map.as_ref().map_or(&[], |map| &map[..self.used])
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), OverflowError> {
        self.more(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn put_numbers(&mut self, numbers: &[u32]) -> Result<(), OverflowError> {
        let place = self.more(numbers.len() * 4)?;
        for (place, number) in place.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        Ok(())
    }

    /// How many numbers there are.
    pub(super) fn numbers(&self) -> usize {
        self.used / 4
    }

    pub(super) fn number(&self, at: usize) -> u32 {
        number(self.bytes(), at)
    }

    /// Forgets all numbers but the first so many.
    pub(super) fn truncate(&mut self, numbers: usize) {
        self.used = self.used.min(numbers * 4);
    }

    fn more(&mut self, length: usize) -> Result<&mut [u8], OverflowError> {
        let (start, end) = (self.used, self.used + length);
        if length == 0 {
            return Ok(&mut []);
        }
        if self.map.as_ref().map_or(0, |map| map.len()) < end {
            self.grow(end)?;
        }
        self.used = end;
        let map = self.map.as_mut().and_then(|map| map.get_mut(start..end));
        map.ok_or(OverflowError { what: "memory" })
    }

    #[cold]
    fn grow(&mut self, end: usize) -> Result<(), OverflowError> {
        let before = self.map.as_ref().map_or(0, |map| map.len());
        let least = if before == 0 { FIRST } else { SECOND };
        let mut map = zeroed((before * 2).max(end.next_power_of_two()).max(least))?;
        map[..self.used].copy_from_slice(self.bytes());
        self.map = Some(map);
        Ok(())
    }
}

#[inline]
pub(super) fn number(bytes: &[u8], at: usize) -> u32 {
    bytes[at * 4..][..4].try_into().map_or(0, u32::from_le_bytes)
}

#[inline]
pub(super) fn set_number(bytes: &mut [u8], at: usize, number: u32) {
    bytes[at * 4..][..4].copy_from_slice(&number.to_le_bytes());
}
