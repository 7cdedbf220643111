//! gzip on all cores with bytes that do not depend on how many there are.
//!
//! The tar is cut at fixed offsets and each piece is a gzip member of its own, which the format allows (RFC 1952 §2.2) and every reader
//! of images knows: layers for lazy pulling (eStargz) have a member for every file.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use libdeflater::{CompressionError, CompressionLvl, Compressor};
use rayon::prelude::*;

use super::Compression;
use super::writer::Plan;
use crate::digest::Hasher;
use crate::image::{Blob, LAYER};

/// Bytes of one piece.  Part of the format: another value gives other digests.
const PIECE: u64 = 1 << 20;

pub(super) fn compress(plan: &Plan, compression: Compression) -> Result<Blob, CompressionError> {
    let count = usize::try_from(plan.len().div_ceil(PIECE).max(1)).expect("a tar in memory fits the address space");
    let joined = Mutex::new(Joined::default());
    // Each takes the first piece that nobody has taken, so that members can be joined while others are made.
    let next = AtomicU64::new(0);
    (0..count).into_par_iter().with_max_len(1).try_for_each(|_| {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let member = member(&plan.copy(index * PIECE, (index + 1) * PIECE), compression)?;
        joined
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(index, member);
        Ok(())
    })?;
    let joined = joined.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Blob::with_digest(LAYER, joined.bytes.into(), joined.hasher.finish()))
}

/// Members one after the other, in whatever order they come, and the digest of all.
#[derive(Default)]
struct Joined {
    next: u64,
    waiting: BTreeMap<u64, Vec<u8>>,
    bytes: Vec<u8>,
    hasher: Hasher,
}

impl Joined {
    fn take(&mut self, index: u64, member: Vec<u8>) {
        self.waiting.insert(index, member);
        while let Some(member) = self.waiting.remove(&self.next) {
            self.hasher.update(&member);
            self.bytes.extend_from_slice(&member);
            self.next += 1;
        }
    }
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
