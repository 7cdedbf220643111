//! One 512-byte header of a tar archive: POSIX ustar, GNU and the old form (`tar(5)`).

use super::tar::EntryError;

pub(super) const BLOCK: usize = 512;

/// The fields of a header, numbers read and checksum checked; nothing else is judged here.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: u8,
    pub(super) mode: u64,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
    pub(super) mtime: u64,
    pub(super) user: Vec<u8>,
    pub(super) group: Vec<u8>,
}

impl Header {
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self, EntryError> {
        let expected = number(&block[148..156], "checksum")?;
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(at, &byte)| if (148..156).contains(&at) { 32 } else { u64::from(byte) })
            .sum();
        if sum != expected {
            return Err(EntryError::Header {
                reason: "its checksum is wrong",
            });
        }
        let mut name = text(&block[0..100]);
        if &block[257..263] == b"ustar\0" && block[345] != 0 {
            let mut prefixed = text(&block[345..500]);
            prefixed.push(b'/');
            prefixed.append(&mut name);
            name = prefixed;
        }
        let has_names = &block[257..262] == b"ustar";
        let owner = |range: std::ops::Range<usize>| if has_names { text(&block[range]) } else { Vec::new() };
        Ok(Self {
            name,
            link: text(&block[157..257]),
            kind: block[156],
            mode: number(&block[100..108], "mode")?,
            uid: number(&block[108..116], "uid")?,
            gid: number(&block[116..124], "gid")?,
            size: number(&block[124..136], "size")?,
            mtime: number(&block[136..148], "mtime")?,
            user: owner(265..297),
            group: owner(297..329),
        })
    }
}

/// What stands before the first NUL.
fn text(field: &[u8]) -> Vec<u8> {
    field.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()
}

/// Octal digits, or GNU's big-endian binary form where the first bit is set.
fn number(field: &[u8], name: &'static str) -> Result<u64, EntryError> {
    let refused = EntryError::Number { field: name };
    if field[0] & 0x80 != 0 {
        let negative = field[0] & 0x40 != 0;
        let (high, low) = field.split_at(field.len() - 8.min(field.len() - 1));
        let overflows = high
            .iter()
            .enumerate()
            .any(|(at, &byte)| if at == 0 { byte & 0x7f != 0 } else { byte != 0 });
        if negative || overflows || low.len() == 8 && low[0] & 0x80 != 0 {
            return Err(refused);
        }
        return Ok(low.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)));
    }
    let digits = field.trim_ascii_start();
    let end = digits
        .iter()
        .position(|byte| matches!(byte, 0 | b' '))
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.iter().any(|byte| !matches!(byte, b'0'..=b'7')) || rest.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return Err(refused);
    }
    // Twelve octal digits are 36 bits: no overflow.
    Ok(digits
        .iter()
        .fold(0, |value, &digit| value << 3 | u64::from(digit - b'0')))
}
