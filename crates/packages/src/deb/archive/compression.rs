//! The compressions of a member, read within a bound.

use std::io::{self, Read};

use super::ArchiveError;
use super::container::Member;

/// Memory that the decoder may take: xz's largest preset needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;
/// Largest zstd window, as a power of two: 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Decompresses a member; reading more than `limit` bytes fails.
pub(super) fn decompress<'a>(member: Member<'a>, limit: u64) -> Result<Bounded<Box<dyn Read + 'a>>, ArchiveError> {
    let cannot = |source| ArchiveError::Read {
        package: super::UNNAMED.to_owned(),
        member: member.name.to_owned(),
        source,
    };
    let suffix = member.name.split_once(".tar").map_or("", |(_, suffix)| suffix);
    let reader: Box<dyn Read + 'a> = match suffix {
        "" => Box::new(member.bytes),
        ".gz" => Box::new(flate2::read::MultiGzDecoder::new(member.bytes)),
        ".xz" => {
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED);
            Box::new(liblzma::read::XzDecoder::new_stream(
                member.bytes,
                stream.map_err(|error| cannot(error.into()))?,
            ))
        }
        ".zst" => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(member.bytes).map_err(cannot)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(cannot)?;
            Box::new(decoder)
        }
        _ => {
            return Err(ArchiveError::Compression {
                member: member.name.to_owned(),
            });
        }
    };
    Ok(Bounded {
        inner: reader,
        left: limit,
        limit,
    })
}

/// Fails instead of yielding more than so many bytes.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    inner: R,
    left: u64,
    limit: u64,
}

/// Carried by the [`io::Error`] of a [`Bounded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unpacks to more than {limit} bytes")]
pub(super) struct Exceeded {
    pub(super) limit: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            // At the bound: fine when the content ends here too.
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ if buffer.is_empty() => Ok(0),
                _ => Err(io::Error::other(Exceeded { limit: self.limit })),
            };
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..wanted])?;
        self.left -= count as u64;
        Ok(count)
    }
}
