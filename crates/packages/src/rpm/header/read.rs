//! The index of a header, checked entry by entry.

use super::{ENTRY, Entry, HEADER_MAGIC, Header, HeaderError, Kind, LARGEST_STORE, MOST_ENTRIES, PREFIX, Part};
use crate::rpm::tag;

/// Bytes of the region's trailer, which is an entry of the index kept in the store.
const TRAILER: usize = ENTRY;

pub(super) fn header(bytes: &[u8], part: Part) -> Result<(Header<'_>, &[u8]), HeaderError> {
    let prefix = bytes.get(..PREFIX).ok_or(HeaderError::Truncated)?;
    if prefix[..8] != HEADER_MAGIC {
        return Err(HeaderError::Magic);
    }
    let (entries, store) = (number(prefix, 8), number(prefix, 12));
    if entries > MOST_ENTRIES || store > LARGEST_STORE {
        return Err(HeaderError::TooLarge { entries, store });
    }
    let index_length = entries as usize * ENTRY;
    let length = PREFIX + index_length + store as usize;
    let (whole, rest) = bytes.split_at_checked(length).ok_or(HeaderError::Truncated)?;
    let (index, store) = whole[PREFIX..].split_at(index_length);
    let sealed = region(index, store, part)?;
    let mut found = Vec::with_capacity(index.len() / ENTRY);
    let mut end = 0;
    let mut last = 0;
    for raw in index.chunks_exact(ENTRY).skip(1) {
        let entry = entry(raw, &store[..sealed], end)?;
        let refused = |reason| HeaderError::Entry { tag: entry.tag, reason };
        if entry.tag <= last.max(tag::REGION_IMMUTABLE) {
            return Err(refused("it is out of order"));
        }
        last = entry.tag;
        end = entry.place.end;
        found.push(entry);
    }
    if end != sealed {
        return Err(HeaderError::Region {
            reason: "bytes of the store belong to no entry",
        });
    }
    let header = Header {
        bytes: whole,
        store,
        entries: found,
    };
    Ok((header, rest))
}

/// Checks that one region holds the whole header; where its data end and its trailer begins.
fn region(index: &[u8], store: &[u8], part: Part) -> Result<usize, HeaderError> {
    let refused = |reason| HeaderError::Region { reason };
    let expected = match part {
        Part::Signature => tag::REGION_SIGNATURES,
        Part::Main => tag::REGION_IMMUTABLE,
    };
    let first = index.get(..ENTRY).ok_or(refused("it has no entries"))?;
    let is_region = |raw: &[u8]| {
        number(raw, 0) == expected && number(raw, 4) == Kind::Binary.number() && number(raw, 12) as usize == TRAILER
    };
    if !is_region(first) {
        return Err(refused("its first entry is another"));
    }
    let sealed = number(first, 8) as usize;
    if sealed.checked_add(TRAILER) != Some(store.len()) {
        return Err(refused("its trailer does not end the store"));
    }
    let trailer = &store[sealed..];
    // Its place is the length of the index, counted back from the store.
    let back = i64::from(i32::from_be_bytes(number(trailer, 8).to_be_bytes()));
    if !is_region(trailer) || usize::try_from(-back) != Ok(index.len()) {
        return Err(refused("its trailer does not span the index"));
    }
    Ok(sealed)
}

/// One entry, whose data begin at `end` but for alignment.
fn entry(raw: &[u8], store: &[u8], end: usize) -> Result<Entry, HeaderError> {
    let tag = number(raw, 0);
    let refused = |reason| HeaderError::Entry { tag, reason };
    let kind = Kind::from_number(number(raw, 4)).ok_or(refused("its type is unknown"))?;
    let offset = number(raw, 8) as usize;
    let count = number(raw, 12);
    if offset != end.next_multiple_of(kind.width()) {
        return Err(refused("its data do not follow those of the entry before it"));
    }
    if store
        .get(end..offset)
        .is_none_or(|gap| gap.iter().any(|&byte| byte != 0))
    {
        return Err(refused("its data are aligned with something else than zeros"));
    }
    if count == 0 || kind == Kind::String && count != 1 {
        return Err(refused("its count is wrong"));
    }
    let rest = store
        .get(offset..)
        .ok_or(refused("its data lie outside of the store"))?;
    let length = match kind {
        Kind::String | Kind::StringArray | Kind::I18nString => strings(rest, count),
        _ => (count as usize).checked_mul(kind.width()),
    };
    let length = length
        .filter(|&length| length <= rest.len())
        .ok_or(refused("its data do not fit the store"))?;
    Ok(Entry {
        tag,
        kind,
        count,
        place: offset..offset + length,
    })
}

/// Bytes of so many strings, their ends included.
fn strings(bytes: &[u8], count: u32) -> Option<usize> {
    let mut ends = bytes.iter().enumerate().filter(|&(_, &byte)| byte == 0);
    let last = ends.nth(count as usize - 1)?;
    Some(last.0 + 1)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
