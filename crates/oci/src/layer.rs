//! One layer: a tree as a gzip-compressed tar, with both of its digests.

mod gzip;
mod reader;
mod writer;

use serde::Deserialize;
use thiserror::Error;

pub use reader::{ReadError, read};
pub(crate) use writer::file_header as tar_header;

use crate::digest::Digest;
use crate::image::{Blob, Descriptor};
use crate::path::TreePath;
use crate::tree::Tree;

/// What the bytes of a layer depend on besides the tree.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Seconds since the epoch: no entry is younger.
    pub epoch: u64,
    pub compression: Compression,
}

impl Settings {
    pub fn at(epoch: u64) -> Self {
        Self {
            epoch,
            compression: Compression::default(),
        }
    }
}

/// How much work a small layer is worth.  On a layer of 87 MB of programs:
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// 1.1 s of processor time, 31.7 MB: a fifth of the time of zlib's level 9, and a hundredth smaller.
    #[default]
    Fast,
    /// 7.7 s, 30.6 MB.
    Small,
}

#[derive(Debug, Clone)]
pub struct Layer {
    /// Digest of the uncompressed tar.
    pub diff_id: Digest,
    pub blob: Blob,
    /// Bytes of the uncompressed tar.
    pub unpacked: u64,
}

#[derive(Debug, Error)]
pub enum LayerError {
    #[error("`/{path}` is a hard link to `/{target}`, which is no file of this layer")]
    Hardlink { path: TreePath, target: TreePath },
    #[error("cannot compress a layer")]
    Compress(#[source] libdeflater::CompressionError),
}

/// Writes the layer, on all cores.
pub fn build(tree: &Tree, settings: &Settings) -> Result<Layer, LayerError> {
    build_or_reuse(tree, settings, None::<fn(&Digest) -> Option<Blob>>)
}

/// The same, but `known`, where there is one, is asked first for a blob that was made with these very settings from a tar of that
/// digest: compression is most of the work.
pub fn build_or_reuse(
    tree: &Tree,
    settings: &Settings,
    known: Option<impl FnOnce(&Digest) -> Option<Blob>>,
) -> Result<Layer, LayerError> {
    let plan = writer::plan(tree, settings.epoch)?;
    let digest = || Digest::of_pieces(plan.pieces());
    let compress = || gzip::compress(&plan, settings.compression).map_err(LayerError::Compress);
    let (diff_id, blob) = match known {
        // Nobody waits for the digest: it is made beside.
        None => {
            let (diff_id, blob) = rayon::join(digest, compress);
            (diff_id, blob?)
        }
        Some(known) => {
            let diff_id = digest();
            let blob = known(&diff_id).map_or_else(compress, Ok)?;
            (diff_id, blob)
        }
    };
    Ok(Layer {
        diff_id,
        blob,
        unpacked: plan.len(),
    })
}

impl Layer {
    pub fn descriptor(&self) -> &Descriptor {
        &self.blob.descriptor
    }
}

#[cfg(test)]
mod tests;
