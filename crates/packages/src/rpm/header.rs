//! A header: an index of tagged entries and the store that they point into (rpm's `docs/manual/format.md`).
//!
//! Stricter than rpm: entries stand in the order of their tags, each once, their data one after the other with nothing but
//! alignment between, and all of it within the region that is sealed.  Everything that rpm 4.14 and later writes is so; bytes
//! that belong to no entry have no place to hide.

mod read;

use std::ops::Range;

/// What stands before every header in a package.
pub const HEADER_MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];
/// Magic, and the two lengths.
pub(super) const PREFIX: usize = 16;
/// One entry of the index.
const ENTRY: usize = 16;

/// Most entries; the largest package known has fewer than 120.
const MOST_ENTRIES: u32 = 1024;
/// Largest store, the signature of each of a hundred thousand files among it.
const LARGEST_STORE: u32 = 128 << 20;

/// A header whose index has been checked: every entry lies within the store.
#[derive(Debug, Clone)]
pub struct Header<'a> {
    bytes: &'a [u8],
    store: &'a [u8],
    /// By tag.
    entries: Vec<Entry>,
}

/// One entry of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub tag: u32,
    pub kind: Kind,
    pub count: u32,
    /// Within the store.
    place: Range<usize>,
}

/// Type of an entry's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Char,
    Int8,
    Int16,
    Int32,
    Int64,
    String,
    Binary,
    StringArray,
    /// One string for each locale of the package; the first is the one without locale.
    I18nString,
}

/// Which of the two headers: they are sealed by different regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Signature,
    Main,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    #[error("it is cut off")]
    Truncated,
    #[error("it does not begin with the magic number of a header")]
    Magic,
    #[error("it claims {entries} entries and {store} bytes; at most {MOST_ENTRIES} and {LARGEST_STORE} are read")]
    TooLarge { entries: u32, store: u32 },
    #[error("it is not sealed by its region: {reason}")]
    Region { reason: &'static str },
    #[error("the entry {tag} is refused: {reason}")]
    Entry { tag: u32, reason: &'static str },
    #[error("the entry {tag} is not {expected}")]
    Type { tag: u32, expected: &'static str },
    #[error("the entry {tag} is not UTF-8")]
    Encoding { tag: u32 },
    #[error("the entry {tag} is missing")]
    Missing { tag: u32 },
    #[error("the entry {tag} has {found} values where {expected} are expected")]
    Count { tag: u32, expected: usize, found: usize },
}

impl<'a> Header<'a> {
    /// Reads the header at the beginning of `bytes`; what follows it is returned too.
    pub fn read(bytes: &'a [u8], part: Part) -> Result<(Self, &'a [u8]), HeaderError> {
        read::header(bytes, part)
    }

    /// As it stands in the package, magic number included: what a header-only signature signs.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Sorted by tag, the region's own entry left out.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn entry(&self, tag: u32) -> Option<&Entry> {
        let found = self.entries.binary_search_by_key(&tag, |entry| entry.tag);
        found.ok().map(|position| &self.entries[position])
    }

    pub fn has(&self, tag: u32) -> bool {
        self.entry(tag).is_some()
    }

    /// The bytes of an entry's data, whatever its type.
    pub fn data(&self, entry: &Entry) -> &'a [u8] {
        &self.store[entry.place.clone()]
    }

    /// Bytes of an entry that is binary.
    pub fn binary(&self, tag: u32) -> Result<Option<&'a [u8]>, HeaderError> {
        let Some(entry) = self.entry(tag) else {
            return Ok(None);
        };
        match entry.kind {
            Kind::Binary => Ok(Some(self.data(entry))),
            _ => Err(HeaderError::Type {
                tag,
                expected: "binary",
            }),
        }
    }

    /// Values of an entry that holds integers of any width; empty when there is none.
    pub fn numbers(&self, tag: u32) -> Result<Vec<u64>, HeaderError> {
        let Some(entry) = self.entry(tag) else {
            return Ok(Vec::new());
        };
        let width = match entry.kind {
            Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => entry.kind.width(),
            _ => {
                return Err(HeaderError::Type {
                    tag,
                    expected: "integers",
                });
            }
        };
        let values = self.data(entry).chunks_exact(width);
        Ok(values
            .map(|bytes| bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
            .collect())
    }

    /// The one value of an entry that holds an integer.
    pub fn number(&self, tag: u32) -> Result<Option<u64>, HeaderError> {
        let values = self.numbers(tag)?;
        match *values.as_slice() {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(HeaderError::Count {
                tag,
                expected: 1,
                found: values.len(),
            }),
        }
    }

    /// Strings of an entry, without their ends; empty when there is none.
    pub fn strings(&self, tag: u32) -> Result<Vec<&'a [u8]>, HeaderError> {
        let Some(entry) = self.entry(tag) else {
            return Ok(Vec::new());
        };
        match entry.kind {
            Kind::String | Kind::StringArray | Kind::I18nString => {
                // Each of the strings has its end: that was checked when the index was read.
                let mut strings: Vec<&[u8]> = self.data(entry).split(|&byte| byte == 0).collect();
                strings.pop();
                Ok(strings)
            }
            _ => Err(HeaderError::Type { tag, expected: "text" }),
        }
    }

    pub fn texts(&self, tag: u32) -> Result<Vec<&'a str>, HeaderError> {
        let strings = self.strings(tag)?.into_iter();
        strings
            .map(|string| str::from_utf8(string).map_err(|_| HeaderError::Encoding { tag }))
            .collect()
    }

    /// The string of an entry, of an internationalised one the first.
    pub fn text(&self, tag: u32) -> Result<Option<&'a str>, HeaderError> {
        let texts = self.texts(tag)?;
        let single = self.entry(tag).is_none_or(|entry| entry.kind != Kind::StringArray);
        match texts.as_slice() {
            [] => Ok(None),
            [text] => Ok(Some(text)),
            [text, ..] if single => Ok(Some(text)),
            _ => Err(HeaderError::Count {
                tag,
                expected: 1,
                found: texts.len(),
            }),
        }
    }
}

impl Kind {
    pub(super) fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Char,
            2 => Self::Int8,
            3 => Self::Int16,
            4 => Self::Int32,
            5 => Self::Int64,
            6 => Self::String,
            7 => Self::Binary,
            8 => Self::StringArray,
            9 => Self::I18nString,
            _ => return None,
        })
    }

    /// As the index writes it.
    pub fn number(self) -> u32 {
        match self {
            Self::Char => 1,
            Self::Int8 => 2,
            Self::Int16 => 3,
            Self::Int32 => 4,
            Self::Int64 => 5,
            Self::String => 6,
            Self::Binary => 7,
            Self::StringArray => 8,
            Self::I18nString => 9,
        }
    }

    /// Bytes of one value, and what its place must be a multiple of; strings have 1.
    pub fn width(self) -> usize {
        match self {
            Self::Int16 => 2,
            Self::Int32 => 4,
            Self::Int64 => 8,
            Self::Char | Self::Int8 | Self::String | Self::Binary | Self::StringArray | Self::I18nString => 1,
        }
    }
}
