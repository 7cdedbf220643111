//! `/etc/ld.so.cache`: where the dynamic loader finds libraries that are not in its standard folders, as `ldconfig` writes it.
//!
//! The form is glibc's "new" one with an extension (`elf/cache.c`, `sysdeps/generic/dl-cache.h`).  Variants for newer processors below
//! `glibc-hwcaps` are not listed: an image runs on every processor of its architecture alike.

mod libraries;
mod strings;

use std::cmp::Ordering;
use std::iter::Peekable;
use std::str::Bytes;

use qclock_oci::tree::Tree;

use libraries::Library;
use strings::Strings;

const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
const LITTLE_ENDIAN: u8 = 2;
const HEADER: usize = 48;
const ENTRY: usize = 24;
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
/// Who wrote it; the only section of the extension.
const GENERATOR: u32 = 0;

/// The cache of a file tree.  The same tree gives the same bytes.
pub(super) fn cache(tree: &Tree, architecture: &str) -> Vec<u8> {
    write(&libraries::find(tree), flags(architecture), "qclock")
}

/// `FLAG_ELF_LIBC6` with the architecture's own.
fn flags(architecture: &str) -> u32 {
    match architecture {
        "aarch64" | "arm64" => 0x0a03,
        _ => 0x0303,
    }
}

fn write(found: &[Library], flags: u32, generator: &str) -> Vec<u8> {
    let mut sorted: Vec<&Library> = found.iter().collect();
    // Stable, so that of two of one name that of the earlier folder comes first.
    sorted.sort_by(|left, right| compare(&right.name, &left.name));
    let strings = Strings::of(
        sorted
            .iter()
            .flat_map(|library| [library.name.as_str(), library.path.as_str()]),
    );
    let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let text = HEADER + ENTRY * sorted.len();
    let extension = (text + strings.bytes().len()).next_multiple_of(4);

    let mut bytes = MAGIC.to_vec();
    bytes.extend(number(sorted.len()).to_le_bytes());
    bytes.extend(number(strings.bytes().len()).to_le_bytes());
    bytes.extend([LITTLE_ENDIAN, 0, 0, 0]);
    bytes.extend(number(extension).to_le_bytes());
    bytes.resize(HEADER, 0);
    for library in sorted {
        let place = |string: &str| number(text + strings.offset(string));
        for field in [flags, place(&library.name), place(&library.path), 0, 0, 0] {
            bytes.extend(field.to_le_bytes());
        }
    }
    bytes.extend(strings.bytes());
    bytes.resize(extension, 0);
    let section = [GENERATOR, 0, number(extension + 24), number(generator.len())];
    for field in [EXTENSION_MAGIC, 1].into_iter().chain(section) {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(generator.as_bytes());
    bytes
}

/// As the loader compares names: numbers by their value, and a digit after everything else.
fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.bytes().peekable(), right.bytes().peekable());
    loop {
        let (Some(&one), Some(&other)) = (left.peek(), right.peek()) else {
            return left.peek().cmp(&right.peek());
        };
        let order = match (one.is_ascii_digit(), other.is_ascii_digit()) {
            (true, true) => take_number(&mut left).cmp(&take_number(&mut right)),
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {
                left.next();
                right.next();
                one.cmp(&other)
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn take_number(text: &mut Peekable<Bytes<'_>>) -> u64 {
    let mut number = 0_u64;
    while let Some(digit) = text.next_if(u8::is_ascii_digit) {
        number = number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    }
    number
}

#[cfg(test)]
mod tests;
