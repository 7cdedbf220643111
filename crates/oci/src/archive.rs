//! One tar that is an OCI archive and a Docker archive at once.
//!
//! `oci-layout`, `index.json` and `blobs/` are what skopeo and podman read; `manifest.json`, which points at the same
//! blobs, is what `docker load` needs (Docker 20.10 knows nothing else).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::image::{Descriptor, Index, REF_NAME, json};
use crate::layer::tar_header;
use crate::layout::{Layout, LayoutError};

const BLOCK: u64 = 512;

/// An image to put in, and the names that it gets in Docker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archived {
    /// Its name in the layout.
    pub name: String,
    /// `qclock-app:latest`.
    pub tags: Vec<String>,
}

#[derive(Debug, Error)]
pub enum ArchiveError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("cannot write the archive")]
    Write(#[source] io::Error),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

/// Writes the images of the layout as one tar; every blob once, checked while it is copied.
pub fn write(layout: &Layout, images: &[Archived], output: &mut dyn Write) -> Result<(), ArchiveError> {
    let _shared = layout.hold()?;
    let mut index = Index::default();
    let mut docker = Vec::new();
    let mut blobs: BTreeMap<String, Descriptor> = BTreeMap::new();
    for image in images {
        let stored = layout.find(&image.name)?.ok_or_else(|| LayoutError::Unknown {
            folder: layout.folder().to_owned(),
            name: image.name.clone(),
        })?;
        let mut descriptor = stored.descriptor.clone();
        descriptor.annotations = BTreeMap::from([(REF_NAME.to_owned(), image.name.clone())]);
        index.manifests.push(descriptor);
        docker.push(DockerImage {
            config: blob_name(&stored.manifest.config),
            repo_tags: image.tags.clone(),
            layers: stored.manifest.layers.iter().map(blob_name).collect(),
        });
        for blob in stored
            .manifest
            .layers
            .iter()
            .chain([&stored.manifest.config, &stored.descriptor])
        {
            blobs.insert(blob_name(blob), blob.clone());
        }
    }
    let documents = [
        (
            "oci-layout",
            bytes::Bytes::from_static(br#"{"imageLayoutVersion":"1.0.0"}"#),
        ),
        ("index.json", json(&index)),
        ("manifest.json", json(&docker)),
    ];
    for (name, bytes) in documents {
        let length = bytes.len() as u64;
        put(output, &tar_header(name, length))?;
        put(output, &bytes)?;
        pad(output, length)?;
    }
    for (name, descriptor) in &blobs {
        put(output, &tar_header(name, descriptor.size))?;
        copy(layout, descriptor, output)?;
        pad(output, descriptor.size)?;
    }
    put(output, &[0; 2 * 512])?;
    output.flush().map_err(ArchiveError::Write)
}

fn blob_name(descriptor: &Descriptor) -> String {
    format!("blobs/sha256/{}", descriptor.digest.hex())
}

fn put(output: &mut dyn Write, bytes: &[u8]) -> Result<(), ArchiveError> {
    output.write_all(bytes).map_err(ArchiveError::Write)
}

fn pad(output: &mut dyn Write, length: u64) -> Result<(), ArchiveError> {
    let padding = usize::try_from(length.next_multiple_of(BLOCK) - length).expect("less than a block");
    put(output, &[0; 512][..padding])
}

fn copy(layout: &Layout, descriptor: &Descriptor, output: &mut dyn Write) -> Result<(), ArchiveError> {
    let path = layout.blob_path(&descriptor.digest);
    let disk = |action, source| LayoutError::Disk {
        action,
        path: path.clone(),
        source,
    };
    let file = File::open(&path).map_err(|source| disk("open", source))?;
    let mut file = file.take(descriptor.size);
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut copied = 0;
    loop {
        let count = file.read(&mut buffer).map_err(|source| disk("read", source))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        put(output, &buffer[..count])?;
        copied += count as u64;
    }
    if copied != descriptor.size || hex::encode(hasher.finalize()) != descriptor.digest.hex() {
        return Err(LayoutError::Damaged { path }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
