//! A tar archive, walked entry by entry with a bound on everything.
//!
//! Our own reader, because a general one gives an extended header as much memory as it asks for, and passes over what must be refused.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};

use super::header::{BLOCK, Header};
use super::path;
use super::{Entry, EntryKind, Limits};

/// Longest extended header (pax) that is read.
const LONGEST_PAX: u64 = 64 << 10;
/// Most extended headers before one entry.
const MOST_EXTENSIONS: usize = 8;

/// Why an entry is refused.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    #[error("its path is {reason}")]
    Path { reason: &'static str },
    #[error("its link target is {reason}")]
    Target { reason: &'static str },
    #[error("its path, or its link target, is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("it is a device node")]
    Device,
    #[error("it is a fifo")]
    Fifo,
    #[error("it is a sparse file")]
    Sparse,
    #[error("it has extended attributes, which no image takes over")]
    Attributes,
    #[error("it has the unknown type {kind:#04x}")]
    Kind { kind: u8 },
    #[error("it is a link or a directory and has content")]
    Content,
    #[error("it is a hard link to `{target}`, which is no earlier file")]
    Hardlink { target: String },
    #[error("it lies below `{link}`, which is a symbolic link or a file of the same archive")]
    Below { link: String },
    #[error("its header is unreadable: {reason}")]
    Header { reason: &'static str },
    #[error("the field `{field}` of its header is not a number that fits")]
    Number { field: &'static str },
    #[error("the archive is cut off")]
    Truncated,
    #[error("something follows the end of the archive")]
    Trailing,
    #[error("the archive has more than {limit} entries")]
    TooMany { limit: usize },
    #[error("it cannot be read")]
    Read(#[source] io::Error),
}

/// An error, and the entry at which it was met (or where the archive stood).
#[derive(Debug)]
pub(crate) struct At {
    pub(crate) entry: String,
    pub(crate) error: EntryError,
}

/// What the visitor of an entry or the walk itself ended with.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    Visitor(E),
    Archive(At),
}

/// Walks a whole archive: to its end marks, and to the end of `reader`, so that the checks of a compression are made too.
pub(crate) fn walk<E>(
    reader: &mut dyn Read,
    limits: Limits,
    visit: &mut dyn FnMut(Entry, &mut dyn Read) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    let mut archive = Tar {
        reader,
        limits,
        entries: 0,
        files: HashSet::new(),
        closed: HashSet::new(),
    };
    while let Some((entry, size)) = archive.next().map_err(Stop::Archive)? {
        let name = entry.path.clone();
        let failed = |error| {
            Stop::Archive(At {
                entry: name.clone(),
                error,
            })
        };
        if entry.path.is_empty() {
            continue;
        }
        let mut content = Content {
            reader: &mut *archive.reader,
            left: size,
            failure: None,
        };
        let result = visit(entry, &mut content);
        // The reader's own failure is the cause of the visitor's, which may have lost it.
        if let Some(failure) = content.failure.take() {
            return Err(failed(failure));
        }
        result.map_err(Stop::Visitor)?;
        content.pass_over().map_err(failed)?;
        archive.padding(size).map_err(failed)?;
    }
    archive.end().map_err(|error| {
        Stop::Archive(At {
            entry: "the end".to_owned(),
            error,
        })
    })
}

struct Tar<'r> {
    reader: &'r mut dyn Read,
    limits: Limits,
    entries: usize,
    /// Files so far: what a hard link may point to.
    files: HashSet<String>,
    /// Paths so far that are no directories: nothing may lie below them.
    closed: HashSet<String>,
}

impl Tar<'_> {
    /// The next entry and the size of its content; none at the first end mark.
    fn next(&mut self) -> Result<Option<(Entry, u64)>, At> {
        let mut extensions = Extensions::default();
        let number = self.entries + 1;
        let at = |error| At {
            entry: format!("entry {number}"),
            error,
        };
        for _ in 0..=MOST_EXTENSIONS {
            let Some(header) = self.header().map_err(at)? else {
                return if extensions.is_empty() {
                    Ok(None)
                } else {
                    Err(at(EntryError::Truncated))
                };
            };
            match header.kind {
                b'L' | b'K' | b'x' => self.extension(&header, &mut extensions).map_err(at)?,
                _ => {
                    self.entries += 1;
                    if self.entries > self.limits.entries {
                        return Err(at(EntryError::TooMany {
                            limit: self.limits.entries,
                        }));
                    }
                    return self.entry(header, extensions).map(Some);
                }
            }
        }
        Err(at(EntryError::Header {
            reason: "it has too many extensions",
        }))
    }

    fn header(&mut self) -> Result<Option<Header>, EntryError> {
        let mut block = [0; BLOCK];
        read_exact(self.reader, &mut block)?;
        if block.iter().all(|&byte| byte == 0) {
            Ok(None)
        } else {
            Header::parse(&block).map(Some)
        }
    }

    fn extension(&mut self, header: &Header, extensions: &mut Extensions) -> Result<(), EntryError> {
        let limit = if header.kind == b'x' {
            LONGEST_PAX
        } else {
            self.limits.path as u64 + 1
        };
        if header.size > limit {
            return Err(EntryError::Header {
                reason: "an extension of it is too long",
            });
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the limit just checked")]
        let mut bytes = vec![0; header.size as usize];
        read_exact(self.reader, &mut bytes)?;
        self.padding(header.size)?;
        let without_end = |mut bytes: Vec<u8>| {
            while bytes.last() == Some(&0) {
                bytes.pop();
            }
            bytes
        };
        match header.kind {
            b'L' => extensions.name = Some(without_end(bytes)),
            b'K' => extensions.link = Some(without_end(bytes)),
            _ => extensions.take_pax(&bytes)?,
        }
        Ok(())
    }

    fn entry(&mut self, header: Header, extensions: Extensions) -> Result<(Entry, u64), At> {
        let name = extensions.name.as_deref().unwrap_or(&header.name);
        let shown = String::from_utf8_lossy(name).chars().take(200).collect::<String>();
        self.judge(header, extensions)
            .map_err(|error| At { entry: shown, error })
    }

    fn judge(&mut self, header: Header, extensions: Extensions) -> Result<(Entry, u64), EntryError> {
        let name = utf8(
            extensions.name.unwrap_or(header.name),
            EntryError::Path { reason: "not UTF-8" },
        )?;
        let link = extensions.link.unwrap_or(header.link);
        let target = || utf8(link, EntryError::Target { reason: "not UTF-8" });
        let path = path::clean(&name, self.limits.path)?;
        let kind = match header.kind {
            // The old form has no type for directories but the slash.
            0 if name.ends_with('/') => EntryKind::Directory,
            0 | b'0' | b'7' => EntryKind::File,
            b'1' => EntryKind::Hardlink(path::clean(&target()?, self.limits.path)?),
            b'2' => {
                let target = target()?;
                path::check_target(&target, self.limits.path)?;
                EntryKind::Symlink(target)
            }
            b'3' | b'4' => return Err(EntryError::Device),
            b'5' => EntryKind::Directory,
            b'6' => return Err(EntryError::Fifo),
            b'S' => return Err(EntryError::Sparse),
            kind => return Err(EntryError::Kind { kind }),
        };
        let size = extensions.size.unwrap_or(header.size);
        if size != 0 && kind != EntryKind::File {
            return Err(EntryError::Content);
        }
        self.place(&path, &kind)?;
        let owner = |pax: Option<String>, field| match pax {
            Some(name) => Ok(name),
            None => utf8(
                field,
                EntryError::Header {
                    reason: "its owner is not text",
                },
            ),
        };
        let entry = Entry {
            path,
            kind,
            mode: u32::try_from(header.mode & 0o7777).unwrap_or_default(),
            uid: extensions.uid.unwrap_or(header.uid),
            gid: extensions.gid.unwrap_or(header.gid),
            user: owner(extensions.user, header.user)?,
            group: owner(extensions.group, header.group)?,
            mtime: i64::try_from(extensions.mtime.unwrap_or(header.mtime))
                .map_err(|_| EntryError::Number { field: "mtime" })?,
            size,
        };
        Ok((entry, size))
    }

    /// Whether the entry can stand where it says, beside what came before it.
    fn place(&mut self, path: &str, kind: &EntryKind) -> Result<(), EntryError> {
        if path.is_empty() && *kind != EntryKind::Directory {
            return Err(EntryError::Path {
                reason: "the root's, but it is no directory",
            });
        }
        for (at, _) in path.match_indices('/') {
            if self.closed.contains(&path[..at]) {
                return Err(EntryError::Below {
                    link: path[..at].to_owned(),
                });
            }
        }
        if let EntryKind::Hardlink(target) = kind
            && !self.files.contains(target)
        {
            return Err(EntryError::Hardlink { target: target.clone() });
        }
        if matches!(kind, EntryKind::File | EntryKind::Hardlink(_)) {
            self.files.insert(path.to_owned());
        }
        if *kind != EntryKind::Directory {
            self.closed.insert(path.to_owned());
        }
        Ok(())
    }

    fn padding(&mut self, size: u64) -> Result<(), EntryError> {
        let used = usize::try_from(size % BLOCK as u64).unwrap_or(0);
        let mut padding = [0; BLOCK];
        if used == 0 {
            Ok(())
        } else {
            read_exact(self.reader, &mut padding[used..])
        }
    }

    /// After the first end mark: a second one, and nothing but zeros.
    fn end(&mut self) -> Result<(), EntryError> {
        let mut buffer = [0; 8192];
        let mut seen = 0;
        loop {
            match self.reader.read(&mut buffer) {
                Ok(0) if seen < BLOCK => return Err(EntryError::Truncated),
                Ok(0) => return Ok(()),
                Ok(count) if buffer[..count].iter().all(|&byte| byte == 0) => seen = seen.saturating_add(count),
                Ok(_) => return Err(EntryError::Trailing),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(EntryError::Read(error)),
            }
        }
    }
}

/// What GNU's and pax' extended headers say about the entry that follows.
#[derive(Debug, Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<u64>,
    user: Option<String>,
    group: Option<String>,
    any: bool,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        !self.any && self.name.is_none() && self.link.is_none()
    }

    /// Records of `length key=value\n`.
    fn take_pax(&mut self, mut bytes: &[u8]) -> Result<(), EntryError> {
        self.any = true;
        let refused = || EntryError::Header {
            reason: "a pax record is damaged",
        };
        let mut records = BTreeMap::new();
        while !bytes.is_empty() {
            let space = bytes
                .iter()
                .take(8)
                .position(|&byte| byte == b' ')
                .ok_or_else(refused)?;
            let length = str::from_utf8(&bytes[..space])
                .ok()
                .and_then(|digits| digits.parse::<usize>().ok());
            let (record, rest) = length
                .and_then(|length| bytes.split_at_checked(length))
                .ok_or_else(refused)?;
            let record = record
                .get(space + 1..)
                .and_then(|record| record.strip_suffix(b"\n"))
                .ok_or_else(refused)?;
            let equals = record.iter().position(|&byte| byte == b'=').ok_or_else(refused)?;
            let key = str::from_utf8(&record[..equals]).map_err(|_| refused())?;
            records.insert(key, &record[equals + 1..]);
            bytes = rest;
        }
        for (key, value) in records {
            self.take_record(key, value)?;
        }
        Ok(())
    }

    fn take_record(&mut self, key: &str, value: &[u8]) -> Result<(), EntryError> {
        let number = |field| {
            let text = str::from_utf8(value).unwrap_or_default();
            // Times may have a fraction.
            let whole = if field == "mtime" {
                text.split('.').next().unwrap_or(text)
            } else {
                text
            };
            whole.parse().map(Some).map_err(|_| EntryError::Number { field })
        };
        let text = || {
            utf8(
                value.to_vec(),
                EntryError::Header {
                    reason: "its owner is not text",
                },
            )
            .map(Some)
        };
        match key {
            "path" => self.name = Some(value.to_vec()),
            "linkpath" => self.link = Some(value.to_vec()),
            "size" => self.size = number("size")?,
            "uid" => self.uid = number("uid")?,
            "gid" => self.gid = number("gid")?,
            "mtime" => self.mtime = number("mtime")?,
            "uname" => self.user = text()?,
            "gname" => self.group = text()?,
            _ if key.starts_with("GNU.sparse.") => return Err(EntryError::Sparse),
            _ if key.starts_with("SCHILY.xattr.") || key.starts_with("LIBARCHIVE.xattr.") => {
                return Err(EntryError::Attributes);
            }
            // Comments, and times that nobody asks for.
            _ => {}
        }
        Ok(())
    }
}

/// The content of one entry.
struct Content<'r> {
    reader: &'r mut dyn Read,
    left: u64,
    failure: Option<EntryError>,
}

impl Content<'_> {
    fn pass_over(&mut self) -> Result<(), EntryError> {
        let copied = io::copy(self, &mut io::sink());
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => copied.map(drop).map_err(EntryError::Read),
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        match self.reader.read(&mut buffer[..wanted]) {
            Ok(0) => {
                self.failure = Some(EntryError::Truncated);
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is cut off"))
            }
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = io::Error::new(error.kind(), error.to_string());
                self.failure = Some(EntryError::Read(error));
                Err(told)
            }
        }
    }
}

fn read_exact(reader: &mut dyn Read, buffer: &mut [u8]) -> Result<(), EntryError> {
    reader.read_exact(buffer).map_err(|error| match error.kind() {
        // A decoder says the same about its own input; either way bytes are missing.
        io::ErrorKind::UnexpectedEof => EntryError::Truncated,
        _ => EntryError::Read(error),
    })
}

fn utf8(bytes: Vec<u8>, error: EntryError) -> Result<String, EntryError> {
    if bytes.contains(&0) {
        return Err(EntryError::Path {
            reason: "one with a NUL",
        });
    }
    String::from_utf8(bytes).map_err(|_| error)
}
