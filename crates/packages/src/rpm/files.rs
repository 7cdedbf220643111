//! The files of a package as its header lists them: the payload only brings their contents.

use std::collections::{HashMap, HashSet};

use super::header::{Header, HeaderError};
use super::tag;

/// Most files of a package; the largest of Enterprise Linux have about 60,000.
const MOST_FILES: usize = 1 << 20;
/// Longest path or link target.
const LONGEST_PATH: usize = 4096;

/// Bits of [`File::flags`].
pub mod flag {
    pub const CONFIG: u32 = 1;
    pub const DOCUMENTATION: u32 = 1 << 1;
    pub const MISSING_OK: u32 = 1 << 3;
    pub const NO_REPLACE: u32 = 1 << 4;
    pub const GHOST: u32 = 1 << 6;
    pub const LICENSE: u32 = 1 << 7;
    pub const README: u32 = 1 << 8;
    pub const ARTIFACT: u32 = 1 << 12;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative and cleaned: no `..`, no empty part, no control characters; the root directory is the empty path.
    pub path: String,
    pub kind: FileKind,
    /// Permission bits with setuid, setgid and sticky, at most 0o7777.
    pub mode: u32,
    pub user: String,
    pub group: String,
    /// Seconds since 1970.
    pub mtime: i64,
    pub size: u64,
    /// Lower-case hex of the content; of the algorithm of [`Files::digest`].
    pub digest: String,
    /// See [`flag`].
    pub flags: u32,
    /// In `cap_from_text(3)`'s form, `cap_net_raw=ep`.
    pub capabilities: Option<String>,
    /// Index of the last name of the same file, where there are several: the payload has its content there.
    pub content_at: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    File,
    Directory,
    /// The target as written: it may be absolute and may hold `..`.
    Symlink(String),
    /// A device, fifo or socket: only as a ghost.
    Special,
}

/// How the contents of files are hashed (RFC 9580 §9.5); those that are broken are not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestAlgorithm {
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// In the header's order.
    pub list: Vec<File>,
    pub digest: DigestAlgorithm,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    #[error("the header's list of files is unreadable")]
    Header(#[from] HeaderError),
    #[error("it lists its files in the form of rpm 3")]
    OldForm,
    #[error("it lists more than {MOST_FILES} files")]
    TooMany,
    #[error("the path of `{path}` is {reason}")]
    Path { path: String, reason: &'static str },
    #[error("the link target of `{path}` is {reason}")]
    Target { path: String, reason: &'static str },
    #[error("`{path}` is listed twice")]
    Twice { path: String },
    #[error("`{path}` lies below `{link}`, which is a symbolic link or a file of the same package")]
    Below { path: String, link: String },
    #[error("`{path}` is a device, a fifo or a socket")]
    Special { path: String },
    #[error("`{path}` has no {field} that can be read")]
    Field { path: String, field: &'static str },
    #[error("the contents of its files are hashed with algorithm {algorithm}, which is broken or unknown")]
    Digest { algorithm: u64 },
}

impl Files {
    pub fn read(header: &Header<'_>) -> Result<Self, FilesError> {
        if header.has(tag::OLD_FILE_NAMES) {
            return Err(FilesError::OldForm);
        }
        let columns = Columns::read(header)?;
        let list = (0..columns.names.len())
            .map(|at| columns.file(at))
            .collect::<Result<Vec<_>, _>>()?;
        let mut files = Self {
            digest: columns.algorithm,
            list,
        };
        files.check_places()?;
        files.join_links(&columns);
        Ok(files)
    }

    /// No path twice, and nothing below what is no directory.
    fn check_places(&self) -> Result<(), FilesError> {
        let mut seen = HashSet::new();
        let mut closed = HashSet::new();
        for file in &self.list {
            if !seen.insert(file.path.as_str()) {
                return Err(FilesError::Twice {
                    path: file.path.clone(),
                });
            }
            if file.kind != FileKind::Directory {
                closed.insert(file.path.as_str());
            }
        }
        for file in &self.list {
            let parents = file.path.match_indices('/').map(|(at, _)| &file.path[..at]);
            if let Some(link) = parents.into_iter().find(|parent| closed.contains(parent)) {
                return Err(FilesError::Below {
                    path: file.path.clone(),
                    link: link.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Files of one inode are names of one file.
    fn join_links(&mut self, columns: &Columns<'_>) {
        let mut groups: HashMap<(u64, u64), Vec<usize>> = HashMap::new();
        for (at, file) in self.list.iter().enumerate() {
            let inode = columns.inodes.get(at).copied().unwrap_or_default();
            if file.kind == FileKind::File && !file.is_ghost() && inode != 0 {
                let device = columns.devices.get(at).copied().unwrap_or_default();
                groups.entry((device, inode)).or_default().push(at);
            }
        }
        for names in groups.into_values().filter(|names| names.len() > 1) {
            for &name in &names {
                self.list[name].content_at = names.last().copied();
            }
        }
    }
}

impl File {
    /// A ghost belongs to the package and is not in its payload.
    pub fn is_ghost(&self) -> bool {
        self.flags & flag::GHOST != 0
    }

    pub fn is_configuration(&self) -> bool {
        self.flags & flag::CONFIG != 0
    }

    pub fn is_documentation(&self) -> bool {
        self.flags & flag::DOCUMENTATION != 0
    }
}

/// The header's arrays, one value for each file.
struct Columns<'a> {
    names: Vec<&'a [u8]>,
    directories: Vec<&'a [u8]>,
    directory_indexes: Vec<u64>,
    modes: Vec<u64>,
    sizes: Vec<u64>,
    times: Vec<u64>,
    flags: Vec<u64>,
    users: Vec<&'a str>,
    groups: Vec<&'a str>,
    digests: Vec<&'a str>,
    links: Vec<&'a [u8]>,
    devices: Vec<u64>,
    inodes: Vec<u64>,
    capabilities: Vec<&'a str>,
    algorithm: DigestAlgorithm,
}

impl<'a> Columns<'a> {
    fn read(header: &Header<'a>) -> Result<Self, FilesError> {
        let names = header.strings(tag::BASE_NAMES)?;
        let count = names.len();
        if count > MOST_FILES {
            return Err(FilesError::TooMany);
        }
        let algorithm = match header.number(tag::FILE_DIGEST_ALGORITHM)? {
            Some(8) => DigestAlgorithm::Sha256,
            Some(9) => DigestAlgorithm::Sha384,
            Some(10) => DigestAlgorithm::Sha512,
            // Nothing to hash.
            None if count == 0 => DigestAlgorithm::Sha256,
            // Without the entry it is MD5.
            other => {
                return Err(FilesError::Digest {
                    algorithm: other.unwrap_or(1),
                });
            }
        };
        let sizes = if header.has(tag::LONG_FILE_SIZES) {
            tag::LONG_FILE_SIZES
        } else {
            tag::FILE_SIZES
        };
        let numbers = |tag| exactly(tag, count, header.numbers(tag)?);
        Ok(Self {
            directories: header.strings(tag::DIRECTORY_NAMES)?,
            directory_indexes: numbers(tag::DIRECTORY_INDEXES)?,
            modes: numbers(tag::FILE_MODES)?,
            sizes: numbers(sizes)?,
            times: numbers(tag::FILE_TIMES)?,
            flags: numbers(tag::FILE_FLAGS)?,
            users: exactly(tag::FILE_USERS, count, header.texts(tag::FILE_USERS)?)?,
            groups: exactly(tag::FILE_GROUPS, count, header.texts(tag::FILE_GROUPS)?)?,
            digests: exactly(tag::FILE_DIGESTS, count, header.texts(tag::FILE_DIGESTS)?)?,
            links: exactly(tag::FILE_LINKS, count, header.strings(tag::FILE_LINKS)?)?,
            devices: numbers(tag::FILE_DEVICES)?,
            inodes: numbers(tag::FILE_INODES)?,
            capabilities: match header.texts(tag::FILE_CAPABILITIES)? {
                none if none.is_empty() => none,
                some => exactly(tag::FILE_CAPABILITIES, count, some)?,
            },
            names,
            algorithm,
        })
    }

    fn file(&self, at: usize) -> Result<File, FilesError> {
        let path = self.path(at)?;
        let field = |field| FilesError::Field {
            path: path.clone(),
            field,
        };
        let mode = u32::try_from(self.modes[at]).map_err(|_| field("mode"))?;
        let flags = u32::try_from(self.flags[at]).map_err(|_| field("flags"))?;
        let kind = match mode & 0o170_000 {
            0o100_000 => FileKind::File,
            0o040_000 => FileKind::Directory,
            0o120_000 => FileKind::Symlink(target(&path, self.links[at])?),
            _ if flags & flag::GHOST != 0 => FileKind::Special,
            _ => return Err(FilesError::Special { path }),
        };
        if path.is_empty() && kind != FileKind::Directory {
            return Err(FilesError::Path {
                path,
                reason: "the root's, but it is no directory",
            });
        }
        let owner = |name: &str, what| {
            let plain = !name.is_empty() && name.len() <= 255 && name.bytes().all(|byte| byte.is_ascii_graphic());
            if plain { Ok(name.to_owned()) } else { Err(field(what)) }
        };
        let capabilities = self.capabilities.get(at).filter(|text| !text.is_empty());
        Ok(File {
            mode: mode & 0o7777,
            user: owner(self.users[at], "user")?,
            group: owner(self.groups[at], "group")?,
            mtime: i64::try_from(self.times[at]).map_err(|_| field("time"))?,
            size: self.sizes[at],
            digest: self.digests[at].to_owned(),
            flags,
            capabilities: capabilities.map(|text| (*text).to_owned()),
            content_at: None,
            kind,
            path,
        })
    }

    fn path(&self, at: usize) -> Result<String, FilesError> {
        let directory = usize::try_from(self.directory_indexes[at])
            .ok()
            .and_then(|index| self.directories.get(index));
        let joined = [directory.copied().unwrap_or_default(), self.names[at]].concat();
        let refused = |reason| FilesError::Path {
            path: String::from_utf8_lossy(&joined).chars().take(200).collect(),
            reason,
        };
        if directory.is_none() {
            return Err(refused("in no directory of the list"));
        }
        if joined.len() > LONGEST_PATH {
            return Err(refused("too long"));
        }
        let path = str::from_utf8(&joined).map_err(|_| refused("not UTF-8"))?;
        let relative = path.strip_prefix('/').ok_or(refused("not absolute"))?;
        if path.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(refused("one with control characters"));
        }
        if relative.is_empty() {
            return Ok(String::new());
        }
        for part in relative.split('/') {
            match part {
                ".." => return Err(refused("one that leads out by `..`")),
                "" | "." => return Err(refused("one with empty parts")),
                _ => {}
            }
        }
        Ok(relative.to_owned())
    }
}

fn target(path: &str, link: &[u8]) -> Result<String, FilesError> {
    let refused = |reason| FilesError::Target {
        path: path.to_owned(),
        reason,
    };
    let target = str::from_utf8(link).map_err(|_| refused("not UTF-8"))?;
    if target.is_empty() {
        return Err(refused("empty"));
    }
    if target.len() > LONGEST_PATH {
        return Err(refused("too long"));
    }
    if target.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(refused("one with control characters"));
    }
    Ok(target.to_owned())
}

fn exactly<T>(tag: u32, expected: usize, values: Vec<T>) -> Result<Vec<T>, FilesError> {
    if values.len() == expected {
        Ok(values)
    } else {
        Err(FilesError::Header(HeaderError::Count {
            tag,
            expected,
            found: values.len(),
        }))
    }
}
