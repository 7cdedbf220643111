//! The JSON documents of an image: descriptor, config, manifest, index (OCI image specification 1.1).
//!
//! Only ordered maps and vectors, so that the bytes are the same each time.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::layer::Layer;

pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The annotation that names a manifest within a layout.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What a blob is, where it is found, and how long it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Fields of other people's descriptors, kept as they are.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    pub architecture: String,
    pub os: String,
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

/// Bytes and their descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub descriptor: Descriptor,
    pub bytes: Bytes,
}

impl Blob {
    pub fn new(media_type: &str, bytes: Bytes) -> Self {
        let digest = Digest::of(&bytes);
        Self::with_digest(media_type, bytes, digest)
    }

    /// Where the digest was made with the bytes.
    pub(crate) fn with_digest(media_type: &str, bytes: Bytes, digest: Digest) -> Self {
        let descriptor = Descriptor {
            media_type: media_type.to_owned(),
            digest,
            size: bytes.len() as u64,
            platform: None,
            annotations: BTreeMap::new(),
            other: BTreeMap::new(),
        };
        Self { descriptor, bytes }
    }

    fn json(media_type: &str, document: &impl Serialize) -> Self {
        Self::new(media_type, json(document))
    }
}

/// Compact JSON, as it is hashed.
pub(crate) fn json(document: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(document).expect("string keys and plain values always serialise"))
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// RFC 3339.
    pub created: String,
    /// In the words of Go: `amd64`, `arm64`.
    pub architecture: String,
    pub os: String,
    #[serde(default)]
    pub config: Run,
    pub rootfs: RootFs,
    #[serde(default)]
    pub history: Vec<History>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::zero_sized_map_values, reason = "how the specification writes a set")]
pub struct Run {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// `8080/tcp`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exposed_ports: BTreeMap<String, Empty>,
    /// `NAME=value`, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Empty>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// Docker's own field; the specification reserves its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

/// Durations in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Healthcheck {
    /// `CMD`, then the words of the command.
    pub test: Vec<String>,
    pub interval: u64,
    pub timeout: u64,
    pub start_period: u64,
    pub retries: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    #[serde(rename = "type")]
    pub kind: String,
    pub diff_ids: Vec<Digest>,
}

impl Default for RootFs {
    fn default() -> Self {
        Self {
            kind: "layers".to_owned(),
            diff_ids: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    pub created: String,
    pub created_by: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub schema_version: u32,
    pub media_type: String,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    pub schema_version: u32,
    pub media_type: String,
    pub manifests: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            schema_version: 2,
            media_type: INDEX.to_owned(),
            manifests: Vec::new(),
            annotations: BTreeMap::new(),
        }
    }
}

/// A whole image: its documents, the descriptors of all its layers, and the blobs that its parent has not got.
#[derive(Debug, Clone)]
pub struct Image {
    pub manifest: Blob,
    pub config: Config,
    pub layers: Vec<Descriptor>,
    /// Config and own layers.
    pub blobs: Vec<Blob>,
}

impl Image {
    /// Puts `layers` over those of the parent.  `config` comes without `rootfs`; its history is that of `layers`.
    pub fn assemble(
        mut config: Config,
        annotations: BTreeMap<String, String>,
        parent: Option<&Self>,
        layers: &[Layer],
    ) -> Self {
        let mut descriptors = Vec::new();
        if let Some(parent) = parent {
            descriptors.clone_from(&parent.layers);
            config.rootfs.diff_ids.clone_from(&parent.config.rootfs.diff_ids);
            config.history.splice(0..0, parent.config.history.iter().cloned());
        }
        descriptors.extend(layers.iter().map(|layer| layer.descriptor().clone()));
        config.rootfs.diff_ids.extend(layers.iter().map(|layer| layer.diff_id));

        let config_blob = Blob::json(CONFIG, &config);
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            config: config_blob.descriptor.clone(),
            layers: descriptors.clone(),
            annotations,
        };
        let mut manifest = Blob::json(MANIFEST, &manifest);
        manifest.descriptor.platform = Some(Platform {
            architecture: config.architecture.clone(),
            os: config.os.clone(),
            other: BTreeMap::new(),
        });
        let mut blobs = vec![config_blob];
        blobs.extend(layers.iter().map(|layer| layer.blob.clone()));
        Self {
            manifest,
            config,
            layers: descriptors,
            blobs,
        }
    }
}
