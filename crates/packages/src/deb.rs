//! Debian packages: `deb-version(7)`, `deb-control(5)`, `deb(5)`, and the archive's `Release` and `Packages` files.

mod archive;
mod control;
mod index;
mod package;
mod relation;
mod release;
mod version;

pub(crate) use archive::tar;
pub use archive::{Archive, ArchiveError, Control, Entry, EntryError, EntryKind, Limits};
pub use control::{Stanza, StanzaError};
pub use index::{IndexError, read_index};
pub use package::{MultiArch, Package, PackageError};
pub use relation::{Alternatives, Constraint, Relation, RelationError, parse_alternatives, parse_relations};
pub use release::{Release, ReleaseError};
pub use version::{Version, VersionError};
