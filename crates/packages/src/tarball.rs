//! A tar archive, compressed or not, as upstream projects publish their releases.

use std::io::{self, Read};

use crate::compression::{Compression, Exceeded, decompress};
use crate::deb::tar;
pub use crate::deb::{Entry, EntryError, EntryKind};

/// Bounds on what an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, decompressed.
    pub size: u64,
    pub entries: usize,
    /// Bytes of a path or of a link's target.
    pub path: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size: 4 << 30,
            entries: 1 << 20,
            path: 4096,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    #[error("it cannot be decompressed")]
    Read(#[source] io::Error),
    #[error("it unpacks to more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("its entry `{entry}` is refused")]
    Entry {
        entry: String,
        #[source]
        source: EntryError,
    },
}

/// Walks an archive in its order, as [`crate::deb::Archive::for_each_entry`] does.  The first bytes tell gzip, xz, zstd and no compression
/// apart.
pub fn for_each_entry<E, F>(bytes: &[u8], limits: Limits, mut visit: F) -> Result<(), E>
where
    E: From<TarballError>,
    F: FnMut(Entry, &mut dyn Read) -> Result<(), E>,
{
    let mut reader = decompress(bytes, compression(bytes), limits.size).map_err(TarballError::Read)?;
    let bounds = crate::deb::Limits {
        entries: limits.entries,
        path: limits.path,
        ..crate::deb::Limits::default()
    };
    tar::walk(&mut reader, bounds, &mut visit).map_err(|stop| match stop {
        tar::Stop::Visitor(error) => error,
        tar::Stop::Archive(at) => named(at).into(),
    })
}

fn compression(bytes: &[u8]) -> Compression {
    match bytes {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

fn named(at: tar::At) -> TarballError {
    match at.error {
        EntryError::Read(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<Exceeded>()) {
            Some(exceeded) => TarballError::TooLarge { limit: exceeded.limit },
            None => TarballError::Read(error),
        },
        source => TarballError::Entry {
            entry: at.entry,
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = ::tar::Builder::new(Vec::new());
        for (path, contents) in entries {
            let mut header = ::tar::Header::new_gnu();
            header.set_size(contents.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, contents.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn paths(bytes: &[u8], limits: Limits) -> Result<Vec<String>, TarballError> {
        let mut paths = Vec::new();
        for_each_entry(bytes, limits, |entry, _| {
            paths.push(entry.path);
            Ok::<(), TarballError>(())
        })?;
        Ok(paths)
    }

    #[test]
    fn every_compression_is_told_by_the_first_bytes() {
        let plain = archive(&[("a/b", "x"), ("a/c", "y")]);
        let zstd = zstd::encode_all(&plain[..], 1).unwrap();
        for bytes in [plain.clone(), zipped(&plain), zstd] {
            assert_eq!(paths(&bytes, Limits::default()).unwrap(), ["a/b", "a/c"]);
        }
    }

    #[test]
    fn what_is_larger_than_allowed_or_damaged_is_refused() {
        let bytes = zipped(&archive(&[("a", &"x".repeat(100_000))]));
        let small = Limits {
            size: 1 << 16,
            ..Limits::default()
        };
        assert!(matches!(paths(&bytes, small), Err(TarballError::TooLarge { limit }) if limit == 1 << 16));
        let few = Limits {
            entries: 1,
            ..Limits::default()
        };
        let two = archive(&[("a", ""), ("b", "")]);
        let refused = paths(&two, few).unwrap_err();
        assert!(matches!(
            refused,
            TarballError::Entry {
                source: EntryError::TooMany { limit: 1 },
                ..
            }
        ));
        let mut cut = bytes.clone();
        cut.truncate(bytes.len() - 20);
        assert!(paths(&cut, Limits::default()).is_err());
        let mut flipped = bytes;
        let last = flipped.len() - 6;
        flipped[last] ^= 1;
        assert!(paths(&flipped, Limits::default()).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            drop(paths(&bytes, Limits::default()));
            drop(paths(&zipped(&bytes), Limits::default()));
        }
    }
}
