//! An opened package: its files, its scriptlets, and its payload walked entry by entry.

mod content;
mod walk;

use std::io::Read;

use super::container::{Container, ContainerError, Identity};
use super::cpio::CpioError;
use super::files::{File, Files, FilesError};
use super::scriptlet::{Scriptlet, ScriptletError, scriptlets};
use super::tag;
use crate::compression::Compression;

/// Bounds on what a payload may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the decompressed payload.
    pub payload: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { payload: 8 << 30 }
    }
}

/// A package whose header has been read whole; the payload is decompressed each time it is walked.
#[derive(Debug)]
pub struct Archive<'a> {
    container: Container<'a>,
    files: Files,
    limits: Limits,
}

/// One entry of the payload, as the header describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative and cleaned: no `..`, no empty part, no control characters.  The root directory itself is not reported.
    pub path: String,
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky, at most 0o7777.
    pub mode: u32,
    /// RPM knows owners by name only.
    pub user: String,
    pub group: String,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Bytes of content; 0 unless it is a file.
    pub size: u64,
    /// See [`super::flag`].
    pub flags: u32,
    /// In `cap_from_text(3)`'s form.
    pub capabilities: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Directory,
    /// The target as written: it may be absolute and may hold `..`.
    Symlink(String),
    /// The path of an earlier entry, cleaned like `path`.
    Hardlink(String),
}

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("cannot open the package")]
    Container(#[from] ContainerError),
    #[error("package `{package}`: its files are refused")]
    Files {
        package: String,
        #[source]
        source: FilesError,
    },
    #[error("package `{package}`: its payload is refused")]
    Payload {
        package: String,
        #[source]
        source: PayloadError,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    #[error("it is not a cpio archive but `{format}`")]
    Format { format: String },
    #[error("its compression `{name}` is unknown")]
    Compression { name: String },
    #[error("it unpacks to more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error(transparent)]
    Cpio(CpioError),
    #[error("the header's entries about it are unreadable")]
    Header(#[source] super::header::HeaderError),
    #[error("it holds `{name}`, which the header does not list")]
    Unlisted { name: String },
    #[error("it holds `{path}` twice")]
    Twice { path: String },
    #[error("it does not hold `{path}`")]
    Missing { path: String },
    #[error("`{path}` has another {field} than the header says")]
    Field { path: String, field: &'static str },
    #[error("the content of `{path}` is not the one that the header has the digest of")]
    Digest { path: String },
    #[error("it unpacks to {found} bytes, not to {expected}")]
    Size { expected: u64, found: u64 },
    #[error("it unpacks to something else than what the header has the digest of")]
    Whole,
}

impl<'a> Archive<'a> {
    /// Opens a whole package under the default limits.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ArchiveError> {
        Self::open_within(bytes, Limits::default())
    }

    pub fn open_within(bytes: &'a [u8], limits: Limits) -> Result<Self, ArchiveError> {
        let container = Container::read(bytes)?;
        let files = Files::read(&container.header).map_err(|source| ArchiveError::Files {
            package: container.identity.nevra(),
            source,
        })?;
        Ok(Self {
            container,
            files,
            limits,
        })
    }

    pub fn container(&self) -> &Container<'a> {
        &self.container
    }

    pub fn identity(&self) -> &Identity {
        &self.container.identity
    }

    /// All files that the package owns, ghosts among them, in the header's order.
    pub fn files(&self) -> &[File] {
        &self.files.list
    }

    /// What would be run when it is installed, removed or triggered.
    pub fn scriptlets(&self) -> Result<Vec<Scriptlet>, ScriptletError> {
        scriptlets(&self.container.header)
    }

    /// Walks the payload in its order.  The reader yields the content of a file and is empty for everything else; what
    /// is not read is passed over.  Of several names of one file, the last comes first and has the content, and the
    /// others follow as hard links to it.  Every content is compared with the header's digest; the whole has been seen,
    /// to its last checksum, only when this returns `Ok`.
    ///
    /// The caller's error type takes ours, so that `?` works in both directions.
    pub fn for_each_entry<E, F>(&self, mut visit: F) -> Result<(), E>
    where
        E: From<ArchiveError>,
        F: FnMut(Entry, &mut dyn Read) -> Result<(), E>,
    {
        walk::walk(&self.container, &self.files, self.limits, &mut visit).map_err(|stop| match stop {
            walk::Stop::Visitor(error) => error,
            walk::Stop::Payload(source) => ArchiveError::Payload {
                package: self.container.identity.nevra(),
                source,
            }
            .into(),
        })
    }
}

/// The payload's compression, as the header names it.
fn compression(container: &Container<'_>) -> Result<Compression, PayloadError> {
    let text = |tag| container.header.text(tag).map_err(PayloadError::Header);
    match text(tag::PAYLOAD_FORMAT)? {
        None | Some("cpio") => {}
        Some(format) => {
            return Err(PayloadError::Format {
                format: format.chars().take(40).collect(),
            });
        }
    }
    Ok(match text(tag::PAYLOAD_COMPRESSOR)? {
        // rpmbuild names no compressor where there is none.
        None if !container.payload.starts_with(&[0x1f, 0x8b]) => Compression::None,
        None | Some("gzip") => Compression::Gzip,
        Some("bzip2") => Compression::Bzip2,
        Some("xz") => Compression::Xz,
        Some("lzma") => Compression::Lzma,
        Some("zstd") => Compression::Zstd,
        Some(name) => {
            return Err(PayloadError::Compression {
                name: name.chars().take(40).collect(),
            });
        }
    })
}
