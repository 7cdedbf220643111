//! An OCI image layout on disk: several images, named by annotation, sharing blobs.
//!
//! Whatever happens, a reader sees complete images: a blob is written beside its place, flushed and renamed, the index is
//! replaced last.  Writers hold an exclusive lock while they publish and clean up, readers a shared one, so builds that
//! run at once add to one another.

mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use rayon::prelude::*;
use thiserror::Error;

use crate::digest::Digest;
use crate::image::{Blob, Config, Descriptor, INDEX, Image, Index, MANIFEST, Manifest, REF_NAME, json};

/// Bytes of a JSON document that will be read.
const LARGEST_DOCUMENT: u64 = 16 << 20;
/// OCI image layout 1.0, the file that marks the folder.
const MARK: (&str, &[u8]) = ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);

#[derive(Debug, Clone)]
pub struct Layout {
    folder: PathBuf,
}

#[derive(Debug, Error)]
pub enum LayoutError {
    #[error("cannot {action} `{}`", path.display())]
    Disk {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` is not an OCI document that can be read", path.display())]
    Document {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("`{}` is larger than {LARGEST_DOCUMENT} bytes", path.display())]
    Large { path: PathBuf },
    #[error("`{}` is damaged: its content is not what its name says", path.display())]
    Damaged { path: PathBuf },
    #[error("the layout `{}` lacks the blob {digest}", folder.display())]
    Missing { folder: PathBuf, digest: Digest },
    #[error("the layout `{}` has no image `{name}`", folder.display())]
    Unknown { folder: PathBuf, name: String },
}

/// An image of a layout whose blobs are all there, by name and length.
#[derive(Debug, Clone)]
pub struct StoredImage {
    /// With the annotations it was published with.
    pub descriptor: Descriptor,
    pub manifest: Manifest,
}

/// Blobs that have been read and found to be what their names say.
#[derive(Debug, Default)]
pub struct KnownBlobs(Mutex<BTreeSet<Digest>>);

impl KnownBlobs {
    fn has(&self, digest: &Digest) -> bool {
        self.0.lock().is_ok_and(|known| known.contains(digest))
    }

    fn insert(&self, digest: Digest) {
        if let Ok(mut known) = self.0.lock() {
            known.insert(digest);
        }
    }
}

impl Layout {
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }

    /// Keeps writers, and so the removal of old blobs, away until the guard is dropped.  `None` where there is no layout yet.
    pub fn hold(&self) -> Result<Option<impl Sized + use<>>, LayoutError> {
        disk::lock_shared(&self.folder)
    }

    /// The image of that name, if it is complete.
    pub fn find(&self, name: &str) -> Result<Option<StoredImage>, LayoutError> {
        let marked =
            disk::read_document(&self.folder.join(MARK.0)).is_ok_and(|mark| mark.is_some_and(|mark| mark == MARK.1));
        let Some(descriptor) = self.index()?.manifests.into_iter().find(|found| is_named(found, name)) else {
            return Ok(None);
        };
        if descriptor.media_type != MANIFEST || !self.has(&descriptor) {
            return Ok(None);
        }
        let Ok(manifest) = self.document::<Manifest>(&descriptor) else {
            return Ok(None);
        };
        let complete = marked && self.has(&manifest.config) && manifest.layers.iter().all(|layer| self.has(layer));
        Ok(complete.then_some(StoredImage { descriptor, manifest }))
    }

    /// Whether every blob of the image has the content that its name says, read to its end.  `known` saves hashing shared ones again.
    pub fn is_sound(&self, image: &StoredImage, known: &KnownBlobs) -> bool {
        let StoredImage { descriptor, manifest } = image;
        let blobs: Vec<&Descriptor> = manifest.layers.iter().chain([&manifest.config, descriptor]).collect();
        blobs.into_par_iter().all(|blob| {
            let sound = known.has(&blob.digest) || disk::has_content(&self.blob_path(&blob.digest), blob);
            if sound {
                known.insert(blob.digest);
            }
            sound
        })
    }

    /// The image of that name as the parent of another.
    pub fn load(&self, name: &str) -> Result<Image, LayoutError> {
        let stored = self.find(name)?.ok_or_else(|| self.unknown(name))?;
        let config: Config = self.document(&stored.manifest.config)?;
        let manifest = Blob {
            bytes: self.read(&stored.descriptor)?,
            descriptor: stored.descriptor,
        };
        Ok(Image {
            manifest,
            config,
            layers: stored.manifest.layers,
            blobs: Vec::new(),
        })
    }

    /// A blob's bytes, checked against its digest.
    pub fn read(&self, descriptor: &Descriptor) -> Result<Bytes, LayoutError> {
        let path = self.blob_path(&descriptor.digest);
        let bytes = disk::read(&path, descriptor.size)?;
        if bytes.len() as u64 != descriptor.size || Digest::of(&bytes) != descriptor.digest {
            return Err(LayoutError::Damaged { path });
        }
        Ok(bytes)
    }

    /// Adds the image under that name in place of an older one, and removes blobs that nothing refers to any more.
    /// `annotations` stand in the index only: they do not change the image's digest.
    pub fn publish(&self, name: &str, image: &Image, annotations: BTreeMap<String, String>) -> Result<(), LayoutError> {
        disk::create_folders(&self.folder.join("blobs/sha256"))?;
        let _lock = disk::lock_exclusive(&self.folder)?;
        for blob in image.blobs.iter().chain([&image.manifest]) {
            let path = self.blob_path(&blob.descriptor.digest);
            // A blob of the right length is kept; one that a lying disk damaged is found when it is read, and then rebuilt.
            if !self.has(&blob.descriptor) || self.read(&blob.descriptor).is_err() {
                disk::write_beside(&path, &blob.bytes)?;
            }
        }
        if let Some(missing) = image.layers.iter().find(|layer| !self.has(layer)) {
            return Err(LayoutError::Missing {
                folder: self.folder.clone(),
                digest: missing.digest,
            });
        }
        disk::write_changed(&self.folder.join(MARK.0), MARK.1)?;

        let mut index = self.index()?;
        let mut descriptor = image.manifest.descriptor.clone();
        descriptor.annotations = annotations;
        descriptor.annotations.insert(REF_NAME.to_owned(), name.to_owned());
        index.manifests.retain(|found| !is_named(found, name));
        index.manifests.push(descriptor);
        sort_by_name(&mut index);
        disk::write_changed(&self.folder.join("index.json"), &json(&index))?;
        self.remove_unreferenced(&index)
    }

    /// Puts an index under `name` that joins the images of these names, one for each architecture.  With fewer than two of them
    /// there is nothing to join, and no such index.  Returns the architectures.
    pub fn join(&self, name: &str, parts: &[String]) -> Result<Vec<String>, LayoutError> {
        if !self.folder.is_dir() {
            return Ok(Vec::new());
        }
        let _lock = disk::lock_exclusive(&self.folder)?;
        let mut index = self.index()?;
        let named = |descriptor: &&Descriptor| parts.iter().any(|part| is_named(descriptor, part));
        let mut joined = Index::default();
        for descriptor in index.manifests.iter().filter(named).filter(|found| self.has(found)) {
            joined.manifests.push(Descriptor {
                annotations: BTreeMap::new(),
                ..descriptor.clone()
            });
        }
        joined.manifests.sort_by_key(architecture);
        index.manifests.retain(|found| !is_named(found, name));
        let mut architectures: Vec<String> = joined.manifests.iter().map(architecture).collect();
        if architectures.len() < 2 {
            architectures.clear();
        } else {
            let blob = Blob::new(INDEX, json(&joined));
            if !self.has(&blob.descriptor) || self.read(&blob.descriptor).is_err() {
                disk::write_beside(&self.blob_path(&blob.descriptor.digest), &blob.bytes)?;
            }
            let mut descriptor = blob.descriptor;
            descriptor.annotations.insert(REF_NAME.to_owned(), name.to_owned());
            index.manifests.push(descriptor);
        }
        sort_by_name(&mut index);
        disk::write_changed(&self.folder.join("index.json"), &json(&index))?;
        self.remove_unreferenced(&index)?;
        Ok(architectures)
    }

    /// Half an index, or none at all, is as good as an empty one: the images are made again.  One that is whole JSON and yet
    /// no index was written by somebody else, and is not written over.
    fn index(&self) -> Result<Index, LayoutError> {
        let path = self.folder.join("index.json");
        let Some(bytes) = disk::read_document(&path)? else {
            return Ok(Index::default());
        };
        match serde_json::from_slice(&bytes) {
            Ok(index) => Ok(index),
            Err(error) if !error.is_data() => Ok(Index::default()),
            Err(source) => Err(LayoutError::Document { path, source }),
        }
    }

    fn document<T: serde::de::DeserializeOwned>(&self, descriptor: &Descriptor) -> Result<T, LayoutError> {
        let path = self.blob_path(&descriptor.digest);
        if descriptor.size > LARGEST_DOCUMENT {
            return Err(LayoutError::Large { path });
        }
        serde_json::from_slice(&self.read(descriptor)?).map_err(|source| LayoutError::Document { path, source })
    }

    fn has(&self, descriptor: &Descriptor) -> bool {
        disk::length(&self.blob_path(&descriptor.digest)) == Some(descriptor.size)
    }

    fn unknown(&self, name: &str) -> LayoutError {
        LayoutError::Unknown {
            folder: self.folder.clone(),
            name: name.to_owned(),
        }
    }

    /// Under the exclusive lock, so every blob that another build needs is in the index already.  Where the index holds something
    /// that we cannot read, everything stays.
    fn remove_unreferenced(&self, index: &Index) -> Result<(), LayoutError> {
        let mut referenced = BTreeSet::new();
        for descriptor in &index.manifests {
            referenced.insert(descriptor.digest.hex());
            if descriptor.media_type == INDEX {
                // One that `join` made names what stands in the index itself; another's may name anything.
                let Ok(joined) = self.document::<Index>(descriptor) else {
                    return Ok(());
                };
                let known = |part: &Descriptor| index.manifests.iter().any(|other| other.digest == part.digest);
                if !joined.manifests.iter().all(|part| known(part) || !self.has(part)) {
                    return Ok(());
                }
                continue;
            }
            let Ok(manifest) = self.document::<Manifest>(descriptor) else {
                return Ok(());
            };
            referenced.insert(manifest.config.digest.hex());
            referenced.extend(manifest.layers.iter().map(|layer| layer.digest.hex()));
        }
        disk::remove_blobs(&self.folder.join("blobs/sha256"), &|name| !referenced.contains(name))
    }
}

fn sort_by_name(index: &mut Index) {
    let name = |descriptor: &Descriptor| descriptor.annotations.get(REF_NAME).cloned();
    index.manifests.sort_by_key(name);
}

fn architecture(descriptor: &Descriptor) -> String {
    let platform = descriptor.platform.as_ref();
    platform
        .map(|platform| platform.architecture.clone())
        .unwrap_or_default()
}

fn is_named(descriptor: &Descriptor, name: &str) -> bool {
    descriptor.annotations.get(REF_NAME).is_some_and(|found| found == name)
}

#[cfg(test)]
mod tests;
