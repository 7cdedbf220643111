//! The compressions that packages and metadata come in, read within a bound.

use std::io::{self, Read};

/// Memory that a decoder may take: xz's largest preset needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;
/// Largest zstd window, as a power of two: 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Xz,
    /// The format before xz, also called `lzma_alone`.
    Lzma,
    Zstd,
    Bzip2,
}

/// Decompresses; reading more than `limit` bytes fails.
pub(crate) fn decompress<'a>(
    bytes: &'a [u8],
    compression: Compression,
    limit: u64,
) -> io::Result<Bounded<Box<dyn Read + 'a>>> {
    let xz = |stream: Result<liblzma::stream::Stream, liblzma::stream::Error>| -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(liblzma::read::XzDecoder::new_stream(bytes, stream?)))
    };
    let inner: Box<dyn Read + 'a> = match compression {
        Compression::None => Box::new(bytes),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        Compression::Xz => xz(liblzma::stream::Stream::new_stream_decoder(
            XZ_MEMORY,
            liblzma::stream::CONCATENATED,
        ))?,
        Compression::Lzma => xz(liblzma::stream::Stream::new_lzma_decoder(XZ_MEMORY))?,
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        Compression::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(bytes)),
    };
    Ok(Bounded {
        inner,
        left: limit,
        limit,
    })
}

/// Fails instead of yielding more than so many bytes.
#[derive(Debug)]
pub(crate) struct Bounded<R> {
    inner: R,
    left: u64,
    limit: u64,
}

/// Carried by the [`io::Error`] of a [`Bounded`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unpacks to more than {limit} bytes")]
pub(crate) struct Exceeded {
    pub(crate) limit: u64,
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
