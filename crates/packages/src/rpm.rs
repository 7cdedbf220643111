//! RPM packages, version 4: archives as `rpmbuild` makes them, read without trust.

mod archive;
mod compression;
mod comps;
mod container;
mod cpio;
mod filelists;
mod files;
mod glob;
mod header;
mod index;
mod lead;
mod modules;
mod primary;
mod repomd;
mod requirement;
mod scriptlet;
pub mod tag;
mod version;
mod xml;
mod yaml;

pub use archive::{Archive, ArchiveError, Entry, EntryKind, Limits, PayloadError};
pub use compression::decompress;
pub use comps::{Comps, Environment, Group, Member, MemberKind};
pub use container::{Container, ContainerError, Identity};
pub use cpio::CpioError;
pub use filelists::{Owners, WantedPaths, is_primary_path, read_filelists};
pub use files::{DigestAlgorithm, File, FileKind, Files, FilesError, flag};
pub use glob::{glob_matches, is_glob};
pub use header::{Entry as HeaderEntry, HEADER_MAGIC, Header, HeaderError, Kind, Part};
pub use index::{
    Dependency, DependencyId, Index, IndexBuilder, IndexError, List, NewPackage, OverflowError, PackageView, StringId,
    hash,
};
pub use lead::LeadError;
pub use modules::{ModuleDefault, ModuleStream, Modules, ModulesError};
pub use primary::read_primary;
pub use repomd::{MetadataFile, Repomd};
pub use requirement::{Capability, Range, Requirement, RequirementError};
pub use scriptlet::{Scriptlet, ScriptletError, scriptlets};
pub use version::{Evr, compare_segments};
pub use xml::{Fault, XmlError};
pub use yaml::YamlError;
