//! One layer: a tree as a gzip-compressed tar, with both of its digests.

mod gzip;
mod reader;
mod writer;

use bytes::Bytes;
use thiserror::Error;

pub use reader::{ReadError, read};
pub(crate) use writer::file_header as tar_header;

use crate::digest::Digest;
use crate::image::{self, Blob, Descriptor};
use crate::path::TreePath;
use crate::tree::Tree;

/// What the bytes of a layer depend on besides the tree.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Seconds since the epoch: no entry is younger.
    pub epoch: u64,
    /// Of gzip, 1 to 9.
    pub level: u32,
}

impl Settings {
    /// Level 9 costs a third of a second more than level 6 on a layer of 90 MB and saves every pull 1 %.
    pub fn at(epoch: u64) -> Self {
        Self { epoch, level: 9 }
    }
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
    Compress(#[source] flate2::CompressError),
}

/// Writes the layer, on all cores: the tar is laid out first, then compressed in pieces while its digest is computed.
pub fn build(tree: &Tree, settings: &Settings) -> Result<Layer, LayerError> {
    let plan = writer::plan(tree, settings.epoch)?;
    let (diff_id, compressed) = rayon::join(
        || Digest::of_pieces(plan.pieces()),
        || gzip::compress(&plan, settings.level),
    );
    let blob = Blob::new(image::LAYER, Bytes::from(compressed.map_err(LayerError::Compress)?));
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
