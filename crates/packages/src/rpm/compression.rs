//! The compressions of repository metadata, told apart by their first bytes and read within a bound.

use std::io::{self, BufRead, Read};

/// Memory that the decoder may take: xz's largest preset needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;
/// Largest zstd window, as a power of two: 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Reads gzip, zstd, xz or plain; more than `limit` unpacked bytes are an error.
pub fn decompress<'a>(mut packed: impl BufRead + Send + 'a, limit: u64) -> io::Result<Box<dyn Read + Send + 'a>> {
    let first = packed.fill_buf()?;
    let reader: Box<dyn Read + Send + 'a> = match first {
        [0x1F, 0x8B, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => {
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(packed, stream))
        }
        _ => Box::new(packed),
    };
    Ok(Box::new(Bounded {
        inner: reader,
        left: limit,
        limit,
    }))
}

/// Fails instead of yielding more than so many bytes.
struct Bounded<R> {
    inner: R,
    left: u64,
    limit: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other(format!("unpacks to more than {} bytes", self.limit)))?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn unpack(bytes: &[u8], limit: u64) -> io::Result<Vec<u8>> {
        let mut unpacked = Vec::new();
        decompress(bytes, limit)?.read_to_end(&mut unpacked)?;
        Ok(unpacked)
    }

    #[test]
    fn every_compression_is_recognised_and_bounded() {
        let text = b"<metadata/>".repeat(1000);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&text).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(&text).unwrap();
        let packed = [
            text.clone(),
            gzip.finish().unwrap(),
            zstd::encode_all(text.as_slice(), 1).unwrap(),
            xz.finish().unwrap(),
        ];
        for packed in packed {
            assert_eq!(unpack(&packed, 11_000).unwrap(), text);
            assert!(unpack(&packed, 10_999).is_err());
            if packed != text {
                assert!(unpack(&packed[..packed.len() / 2], 11_000).is_err());
            }
        }
    }
}
