//! gzip on all cores with bytes that do not depend on how many there are.
//!
//! The stream is cut at fixed offsets.  Each piece is deflated by itself, with the 32 KiB before it as its dictionary, and ends at a
//! byte's border (an empty stored block), so the pieces join to one ordinary gzip member (RFC 1951 §3.2.4, RFC 1952).

use flate2::{Compress, CompressError, Compression, Crc, FlushCompress, Status};
use rayon::prelude::*;

use super::writer::Plan;

/// Bytes of one piece.  Part of the format: another value gives other digests.
const PIECE: u64 = 1 << 20;
/// deflate looks no further back.
const WINDOW: u64 = 32 << 10;
/// Identification, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

pub(super) fn compress(plan: &Plan, level: u32) -> Result<Vec<u8>, CompressError> {
    let count = plan.len().div_ceil(PIECE).max(1);
    let pieces: Vec<(Vec<u8>, Crc)> = (0..count)
        .into_par_iter()
        .map(|index| piece(plan, index, index + 1 == count, level))
        .collect::<Result<_, _>>()?;

    let mut stream = Vec::with_capacity(HEADER.len() + 8 + pieces.iter().map(|(bytes, _)| bytes.len()).sum::<usize>());
    stream.extend_from_slice(&HEADER);
    let mut crc = Crc::new();
    for (bytes, piece_crc) in &pieces {
        stream.extend_from_slice(bytes);
        crc.combine(piece_crc);
    }
    stream.extend_from_slice(&crc.sum().to_le_bytes());
    let length_modulo = u32::try_from(plan.len() & u64::from(u32::MAX)).expect("masked to 32 bits");
    stream.extend_from_slice(&length_modulo.to_le_bytes());
    Ok(stream)
}

fn piece(plan: &Plan, index: u64, last: bool, level: u32) -> Result<(Vec<u8>, Crc), CompressError> {
    let start = index * PIECE;
    let before = plan.copy(start.saturating_sub(WINDOW), start);
    let bytes = plan.copy(start, start + PIECE);
    let mut crc = Crc::new();
    crc.update(&bytes);

    let mut deflate = Compress::new(Compression::new(level), false);
    if !before.is_empty() {
        deflate.set_dictionary(&before)?;
    }
    let flush = if last {
        FlushCompress::Finish
    } else {
        FlushCompress::Sync
    };
    let mut output = Vec::with_capacity(bytes.len() / 2 + 1024);
    loop {
        let consumed = usize::try_from(deflate.total_in()).expect("a piece fits memory");
        let status = deflate.compress_vec(&bytes[consumed..], &mut output, flush)?;
        let all_in = deflate.total_in() == bytes.len() as u64;
        // Room left over means that the flush is complete (zlib.h, deflate).
        if status == Status::StreamEnd || (!last && all_in && output.len() < output.capacity()) {
            return Ok((output, crc));
        }
        output.reserve(output.capacity().max(1024));
    }
}
