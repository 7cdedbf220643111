//! The compression of a member, told by the end of its name.

use std::io::Read;

use super::ArchiveError;
use super::container::Member;
use crate::compression::{self, Bounded, Compression};

/// Decompresses a member; reading more than `limit` bytes fails.
pub(super) fn decompress<'a>(member: Member<'a>, limit: u64) -> Result<Bounded<Box<dyn Read + 'a>>, ArchiveError> {
    let suffix = member.name.split_once(".tar").map_or("", |(_, suffix)| suffix);
    let compression = match suffix {
        "" => Compression::None,
        ".gz" => Compression::Gzip,
        ".xz" => Compression::Xz,
        ".zst" => Compression::Zstd,
        _ => {
            return Err(ArchiveError::Compression {
                member: member.name.to_owned(),
            });
        }
    };
    compression::decompress(member.bytes, compression, limit).map_err(|source| ArchiveError::Read {
        package: super::UNNAMED.to_owned(),
        member: member.name.to_owned(),
        source,
    })
}
