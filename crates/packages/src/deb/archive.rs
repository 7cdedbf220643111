//! A `.deb`: an `ar` archive of `debian-binary`, `control.tar.*` and `data.tar.*` (`deb(5)`).

mod compression;
mod container;
mod control;
mod header;
mod path;
pub(crate) mod tar;

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::control::StanzaError;

use container::Member;
pub use tar::EntryError;

/// Stands for the package's name in messages until its control file has been read.
const UNNAMED: &str = "(not yet named)";

/// Bounds on what an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the decompressed `control.tar`.
    pub control: u64,
    /// Bytes of the decompressed `data.tar`.
    pub data: u64,
    /// Entries of either.
    pub entries: usize,
    /// Bytes of a path or of a link's target.
    pub path: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            control: 64 << 20,
            data: 4 << 30,
            entries: 1 << 20,
            path: 4096,
        }
    }
}

/// An opened `.deb`.  Its control part has been read whole; the data part is decompressed each time it is walked.
#[derive(Debug)]
pub struct Archive<'a> {
    control: Control,
    data: Member<'a>,
    limits: Limits,
}

/// What `control.tar` holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Control {
    /// Value of `Package`.
    pub package: String,
    /// The file `control`, ending in one line feed.
    pub stanza: String,
    /// `preinst`, `postinst`, `prerm`, `postrm`, `config`, `triggers` and `templates`, as far as there are.
    pub scripts: BTreeMap<String, Vec<u8>>,
    /// Absolute paths of configuration files.
    pub conffiles: Vec<String>,
    /// The file `md5sums`.
    pub md5sums: Option<Vec<u8>>,
    /// Everything else by name (`shlibs`, `symbols`, …).
    pub other: BTreeMap<String, Vec<u8>>,
}

/// One entry of `data.tar`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative and cleaned: no `./`, no `..`, no empty part, no NUL, no trailing slash.  The root directory itself is not reported.
    pub path: String,
    pub kind: EntryKind,
    /// Permission bits with setuid, setgid and sticky, at most 0o7777.
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub user: String,
    pub group: String,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Bytes of content; 0 unless it is a file.
    pub size: u64,
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
    #[error("not a Debian package: {reason}")]
    Container { reason: &'static str },
    #[error("not a Debian package that can be read: `{member}` has an unknown compression")]
    Compression { member: String },
    #[error("package `{package}`: `{member}` cannot be decompressed")]
    Read {
        package: String,
        member: String,
        #[source]
        source: io::Error,
    },
    #[error("package `{package}`: `{member}` unpacks to more than {limit} bytes")]
    TooLarge {
        package: String,
        member: String,
        limit: u64,
    },
    #[error("package `{package}`: entry `{entry}` of `{member}` is refused")]
    Entry {
        package: String,
        member: String,
        entry: String,
        #[source]
        source: EntryError,
    },
    #[error("package `{package}`: control file `{file}` is not {expected}")]
    Control {
        package: String,
        file: String,
        expected: &'static str,
    },
    #[error("package `{package}` has an unreadable control file")]
    Stanza {
        package: String,
        #[source]
        source: StanzaError,
    },
}

impl<'a> Archive<'a> {
    /// Opens a whole `.deb` under the default limits.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ArchiveError> {
        Self::open_within(bytes, Limits::default())
    }

    pub fn open_within(bytes: &'a [u8], limits: Limits) -> Result<Self, ArchiveError> {
        let (control, data) = container::members(bytes)?;
        Ok(Self {
            control: control::read(control, limits)?,
            data,
            limits,
        })
    }

    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Walks `data.tar` in its order.  The reader yields the content of a file and is empty for everything else; what
    /// is not read is passed over.  The whole archive has been seen, to its last checksum, only when this returns `Ok`.
    ///
    /// The caller's error type takes ours, so that `?` works in both directions.
    pub fn for_each_entry<E, F>(&self, mut visit: F) -> Result<(), E>
    where
        E: From<ArchiveError>,
        F: FnMut(Entry, &mut dyn Read) -> Result<(), E>,
    {
        let bound = self.limits.data;
        walk_member(self.data, bound, self.limits, &self.control.package, &mut visit)
    }
}

/// Walks the tar archive of one member, naming package, member and entry in what goes wrong.
fn walk_member<E: From<ArchiveError>>(
    member: Member<'_>,
    bound: u64,
    limits: Limits,
    package: &str,
    visit: &mut dyn FnMut(Entry, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = compression::decompress(member, bound)?;
    tar::walk(&mut reader, limits, visit).map_err(|stop| match stop {
        tar::Stop::Visitor(error) => error,
        tar::Stop::Archive(at) => name_failure(at, member.name, package).into(),
    })
}

fn name_failure(at: tar::At, member: &str, package: &str) -> ArchiveError {
    let (package, member) = (package.to_owned(), member.to_owned());
    match at.error {
        EntryError::Read(error) => match error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<crate::compression::Exceeded>())
        {
            Some(exceeded) => ArchiveError::TooLarge {
                package,
                member,
                limit: exceeded.limit,
            },
            None => ArchiveError::Read {
                package,
                member,
                source: error,
            },
        },
        source => ArchiveError::Entry {
            package,
            member,
            entry: at.entry,
            source,
        },
    }
}
