//! RPM packages, version 4: archives as `rpmbuild` makes them, read without trust.

mod archive;
mod container;
mod cpio;
mod files;
mod header;
mod lead;
mod scriptlet;
pub mod tag;

pub use archive::{Archive, ArchiveError, Entry, EntryKind, Limits, PayloadError};
pub use container::{Container, ContainerError, Identity};
pub use cpio::CpioError;
pub use files::{DigestAlgorithm, File, FileKind, Files, FilesError, flag};
pub use header::{Entry as HeaderEntry, HEADER_MAGIC, Header, HeaderError, Kind, Part};
pub use lead::LeadError;
pub use scriptlet::{Scriptlet, ScriptletError};
