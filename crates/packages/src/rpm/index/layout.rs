//! Where things are in the bytes of an index.

use memmap2::MmapMut;

use super::builder::OverflowError;
use super::{LISTS, room};

/// Says what it is, and in which form: a change of the form changes the last character.
const MAGIC: &[u8; 8] = b"qclkrpm4";

/// Numbers of a package's record; the last start of its lists is the first of the next record.
pub(super) const NAME: usize = 0;
pub(super) const ARCHITECTURE: usize = 1;
pub(super) const EVR: usize = 2;
pub(super) const LOCATION: usize = 3;
pub(super) const BASE: usize = 4;
pub(super) const SOURCE: usize = 5;
pub(super) const LICENSE: usize = 6;
pub(super) const VENDOR: usize = 7;
pub(super) const SIZE: usize = 8;
pub(super) const INSTALLED: usize = 10;
pub(super) const BUILD_TIME: usize = 12;
pub(super) const HEADER: usize = 13;
pub(super) const LIST_STARTS: usize = 15;
pub(super) const PACKAGE: usize = LIST_STARTS + LISTS + 1;
/// Numbers of a dependency: name, flags, version.
pub(super) const DEPENDENCY: usize = 3;
/// In a dependency's flags beside the range: the name is the text of a rich one.
pub(super) const RICH: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    StringStarts,
    Table,
    Dependencies,
    Packages,
    Lists,
    ProvideStarts,
    Provides,
    Obsoleting,
    Supplementing,
    Paths,
    Checksums,
}

const SECTIONS: usize = 11;
/// Bytes that have a check sum of their own: looks are scattered, and what is around each is checked with it.
pub(super) const BLOCK: usize = 1 << 7;
/// Magic, check sum of what follows here and of the check sums at the end, kind and width of the checksums, number of strings, dependencies and packages, length of each section in
/// numbers, length of the strings.
pub(super) const HEADER_BYTES: usize = 8 + 8 + 4 * 5 + 4 * (SECTIONS + 1);

#[derive(Debug)]
pub(super) struct Layout {
    pub(super) strings: usize,
    pub(super) dependencies: usize,
    pub(super) packages: usize,
    pub(super) checksum_kind: u32,
    pub(super) checksum_width: usize,
    /// Where the strings begin.
    pub(super) text: usize,
    /// Where the check sums of the blocks begin, after all else.
    pub(super) sums: usize,
    starts: [usize; SECTIONS],
    counts: [usize; SECTIONS],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    #[error("the index has another form, perhaps of another version")]
    Form,
    #[error("the index is damaged")]
    Damaged,
    #[error("the index cannot be read")]
    Unreadable,
}

/// What [`write`] puts together.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub(super) checksum_kind: u32,
    pub(super) checksum_width: u32,
    pub(super) packages: u32,
    /// By [`Section`], as they are written, without the checksums.
    pub(super) numbers: [&'a [u8]; SECTIONS - 1],
    pub(super) checksums: &'a [u8],
    pub(super) text: &'a [u8],
}

/// The bytes, and how many of them there are.
pub(super) fn write(parts: &Parts<'_>) -> Result<(MmapMut, usize), OverflowError> {
    let sections = || parts.numbers.into_iter().chain([parts.checksums, parts.text]);
    let blocks: usize = sections().map(<[u8]>::len).sum();
    let sums = HEADER_BYTES + blocks;
    let whole = sums + blocks.div_ceil(BLOCK) * 8;
    let mut map = room::zeroed(whole)?;
    let bytes = &mut map[..whole];
    let mut at = 0;
    let mut put = |part: &[u8]| {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    };
    put(MAGIC);
    put(&[0; 8]);
    let length = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let numbers = |section: Section| parts.numbers[section as usize].len() / 4;
    let header = [
        parts.checksum_kind,
        parts.checksum_width,
        length(numbers(Section::StringStarts)).saturating_sub(1),
        length(numbers(Section::Dependencies)) / 3,
        parts.packages,
    ];
    let lengths = parts.numbers.iter().map(|section| section.len() / 4);
    let lengths = lengths.chain([parts.checksums.len(), parts.text.len()]).map(length);
    for number in header.into_iter().chain(lengths) {
        put(&number.to_le_bytes());
    }
    sections().for_each(put);
    let (content, places) = bytes.split_at_mut(sums);
    for (block, place) in content[HEADER_BYTES..].chunks(BLOCK).zip(places.chunks_exact_mut(8)) {
        place.copy_from_slice(&check_sum(block).to_le_bytes());
    }
    let sum = sum_of_sums(bytes, sums);
    bytes[8..16].copy_from_slice(&sum.to_le_bytes());
    Ok((map, whole))
}

/// Of all but the blocks.
fn sum_of_sums(bytes: &[u8], sums: usize) -> u64 {
    check_sum(&bytes[16..HEADER_BYTES]) ^ check_sum(&bytes[sums..]).rotate_left(1)
}

impl Layout {
    /// Checks the form, and that the check sums are what was written; that everything inside points inside is checked where it is used.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, IndexError> {
        if bytes.get(..8) != Some(MAGIC) || bytes.len() < HEADER_BYTES {
            return Err(IndexError::Form);
        }
        let number = |at: usize| {
            let raw = bytes.get(at..at + 4).and_then(|raw| raw.try_into().ok());
            raw.map_or(0, u32::from_le_bytes)
        };
        let mut layout = Self {
            checksum_kind: number(16),
            checksum_width: number(20) as usize,
            strings: number(24) as usize,
            dependencies: number(28) as usize,
            packages: number(32) as usize,
            text: 0,
            sums: 0,
            starts: [0; SECTIONS],
            counts: [0; SECTIONS],
        };
        let mut at = HEADER_BYTES;
        for section in 0..SECTIONS {
            layout.starts[section] = at;
            layout.counts[section] = number(36 + section * 4) as usize;
            at += layout.counts[section] * if section == Section::Checksums as usize { 1 } else { 4 };
        }
        layout.text = at;
        layout.sums = at + number(36 + SECTIONS * 4) as usize;
        let blocks = (layout.sums - HEADER_BYTES).div_ceil(BLOCK);
        let whole = layout.sums + blocks * 8 == bytes.len();
        let table = layout.count(Section::Table);
        let sum = bytes
            .get(8..16)
            .and_then(|raw| raw.try_into().ok())
            .map(u64::from_le_bytes);
        let consistent = whole
            && sum == Some(sum_of_sums(bytes, layout.sums))
            && table.is_power_of_two()
            && layout.count(Section::StringStarts) == layout.strings + 1
            && layout.count(Section::ProvideStarts) == layout.strings + 1
            && layout.count(Section::Packages) == layout.packages * PACKAGE
            && layout.count(Section::Checksums) == layout.packages * layout.checksum_width;
        if consistent {
            Ok(layout)
        } else {
            Err(IndexError::Damaged)
        }
    }

    pub(super) fn start(&self, section: Section) -> usize {
        self.starts[section as usize]
    }

    /// Numbers in a section (bytes in the checksums).
    pub(super) fn count(&self, section: Section) -> usize {
        self.counts[section as usize]
    }
}

/// Finds damage, not malice: four independent multiplications at a time, as fast as memory.
pub(super) fn check_sum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut lanes = [1_u64, 2, 3, 4];
    let mut blocks = bytes.chunks_exact(32);
    for block in &mut blocks {
        for (lane, word) in lanes.iter_mut().zip(block.chunks_exact(8)) {
            let word = word.try_into().map_or(0, u64::from_le_bytes);
            *lane = (*lane ^ word).wrapping_mul(FACTOR).rotate_left(29);
        }
    }
    let mut sum = bytes.len() as u64;
    for &byte in blocks.remainder() {
        sum = (sum ^ u64::from(byte)).wrapping_mul(FACTOR).rotate_left(29);
    }
    lanes
        .iter()
        .fold(sum, |sum, lane| (sum ^ lane).wrapping_mul(FACTOR).rotate_left(29))
}
