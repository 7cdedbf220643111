//! gzip on all cores with bytes that do not depend on how many there are.
//!
//! The tar is cut at fixed offsets and each piece is a gzip member of its own, which the format allows (RFC 1952 §2.2) and every reader
//! of images knows: layers for lazy pulling (eStargz) have a member for every file.

use libdeflater::{CompressionError, CompressionLvl, Compressor};
use rayon::prelude::*;

use super::Compression;
use super::writer::Plan;

/// Bytes of one piece.  Part of the format: another value gives other digests.
const PIECE: u64 = 1 << 20;

pub(super) fn compress(plan: &Plan, compression: Compression) -> Result<Vec<u8>, CompressionError> {
    let count = plan.len().div_ceil(PIECE).max(1);
    let members: Vec<Vec<u8>> = (0..count)
        .into_par_iter()
        .map(|index| member(&plan.copy(index * PIECE, (index + 1) * PIECE), compression))
        .collect::<Result<_, _>>()?;
    Ok(members.concat())
}

/// A new compressor for each: nothing of one piece can get into the bytes of the next that the same thread happens to take.
fn member(bytes: &[u8], compression: Compression) -> Result<Vec<u8>, CompressionError> {
    let level = match compression {
        Compression::Fast => 6,
        Compression::Small => 10,
    };
    let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap_or_default());
    let mut output = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor.gzip_compress(bytes, &mut output)?;
    output.truncate(length);
    Ok(output)
}
