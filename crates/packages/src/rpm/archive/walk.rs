//! The walk: every entry is looked up in the header, compared with it, and its content with the header's digest.

use std::collections::HashMap;
use std::io::{self, Read};

use super::content::{Hashed, Hasher, Kept};
use super::{Entry, EntryKind, Limits, PayloadError, compression};
use crate::compression::{Exceeded, decompress};
use crate::rpm::container::Container;
use crate::rpm::cpio::{CpioError, Reader, Subject};
use crate::rpm::files::{DigestAlgorithm, File, FileKind, Files};
use crate::rpm::tag;

/// What the visitor of an entry or the walk itself ended with.
pub(super) enum Stop<E> {
    Visitor(E),
    Payload(PayloadError),
}

impl<E> From<PayloadError> for Stop<E> {
    fn from(error: PayloadError) -> Self {
        Self::Payload(error)
    }
}

type Visit<'v, E> = &'v mut dyn FnMut(Entry, &mut dyn Read) -> Result<(), E>;

pub(super) fn walk<E>(
    package: &Container<'_>,
    files: &Files,
    limits: Limits,
    visit: Visit<'_, E>,
) -> Result<(), Stop<E>> {
    let plain = decompress(package.payload, compression(package)?, limits.payload).map_err(reading)?;
    let mut walk = Walk {
        reader: Reader::new(Hashed::new(plain, DigestAlgorithm::Sha256)),
        files,
        by_path: files
            .list
            .iter()
            .enumerate()
            .map(|(at, file)| (file.path.as_str(), at))
            .collect(),
        seen: vec![false; files.list.len()],
        waiting: HashMap::new(),
    };
    while let Some(subject) = walk.reader.next().map_err(cpio)? {
        let (at, size) = walk.look_up(subject)?;
        walk.entry(at, size, visit)?;
    }
    walk.check_complete()?;
    let (size, reader) = walk.reader.finish().map_err(cpio)?;
    check_whole(package, size, reader.hasher)?;
    Ok(())
}

struct Walk<'f, R> {
    reader: Reader<R>,
    files: &'f Files,
    by_path: HashMap<&'f str, usize>,
    seen: Vec<bool>,
    /// Names that came before the content of their file, by the name that has it.
    waiting: HashMap<usize, Vec<usize>>,
}

impl<R: Read> Walk<'_, R> {
    /// The file that an entry belongs to, and how much content follows.
    fn look_up(&mut self, subject: Subject) -> Result<(usize, u64), PayloadError> {
        let (at, told) = match subject {
            Subject::Number(number) => {
                let at = usize::try_from(number).ok().filter(|&at| at < self.seen.len());
                let unlisted = || PayloadError::Unlisted {
                    name: format!("file {number}"),
                };
                (at.ok_or_else(unlisted)?, None)
            }
            Subject::Name { name, mode, size } => {
                let path = str::from_utf8(&name).ok();
                let path = path.map(|path| path.strip_prefix("./").or(path.strip_prefix('/')).unwrap_or(path));
                let at = path.and_then(|path| self.by_path.get(if path == "." { "" } else { path }));
                let unlisted = || PayloadError::Unlisted {
                    name: String::from_utf8_lossy(&name).chars().take(200).collect(),
                };
                (*at.ok_or_else(unlisted)?, Some((mode, size)))
            }
        };
        let file = &self.files.list[at];
        if file.is_ghost() {
            return Err(PayloadError::Unlisted {
                name: file.path.clone(),
            });
        }
        if std::mem::replace(&mut self.seen[at], true) {
            return Err(PayloadError::Twice {
                path: file.path.clone(),
            });
        }
        let size = match &file.kind {
            FileKind::File if file.content_at.is_none_or(|holder| holder == at) => file.size,
            FileKind::Symlink(target) => target.len() as u64,
            _ => 0,
        };
        if let Some((mode, told)) = told {
            let differs = |field| PayloadError::Field {
                path: file.path.clone(),
                field,
            };
            if mode != u64::from(full_mode(file)) {
                return Err(differs("mode"));
            }
            if told != size {
                return Err(differs("size"));
            }
        }
        Ok((at, size))
    }

    fn entry<E>(&mut self, at: usize, size: u64, visit: Visit<'_, E>) -> Result<(), Stop<E>> {
        let file = &self.files.list[at];
        let mut nothing = io::empty();
        match &file.kind {
            FileKind::Directory if file.path.is_empty() => Ok(()),
            FileKind::Directory => visit(entry(file, EntryKind::Directory), &mut nothing).map_err(Stop::Visitor),
            FileKind::Symlink(target) => {
                let mut found = Vec::with_capacity(target.len());
                let read = self.reader.content(size).read_to_end(&mut found);
                read.map_err(reading)?;
                if found != target.as_bytes() {
                    return Err(Stop::Payload(PayloadError::Field {
                        path: file.path.clone(),
                        field: "target",
                    }));
                }
                visit(entry(file, EntryKind::Symlink(target.clone())), &mut nothing).map_err(Stop::Visitor)
            }
            FileKind::File => match file.content_at {
                Some(holder) if holder != at => {
                    self.waiting.entry(holder).or_default().push(at);
                    Ok(())
                }
                _ => self.file(at, size, visit),
            },
            // Only ghosts are, and they were refused.
            FileKind::Special => Ok(()),
        }
    }

    /// A file's content, then the other names of it.
    fn file<E>(&mut self, at: usize, size: u64, visit: Visit<'_, E>) -> Result<(), Stop<E>> {
        let file = &self.files.list[at];
        let mut content = Kept::new(Hashed::new(self.reader.content(size), self.files.digest));
        let result = visit(entry(file, EntryKind::File), &mut content);
        // The reader's own failure is the cause of the visitor's.
        if let Some(failure) = content.failure.take() {
            return Err(Stop::Payload(reading(failure)));
        }
        result.map_err(Stop::Visitor)?;
        content.pass_over().map_err(reading)?;
        if !content.inner.hasher.matches(&file.digest) {
            return Err(Stop::Payload(PayloadError::Digest {
                path: file.path.clone(),
            }));
        }
        for other in self.waiting.remove(&at).unwrap_or_default() {
            let other = &self.files.list[other];
            if other.digest != file.digest {
                return Err(Stop::Payload(PayloadError::Digest {
                    path: other.path.clone(),
                }));
            }
            let link = entry(other, EntryKind::Hardlink(file.path.clone()));
            visit(link, &mut io::empty()).map_err(Stop::Visitor)?;
        }
        Ok(())
    }

    fn check_complete(&self) -> Result<(), PayloadError> {
        let listed = self.files.list.iter().zip(&self.seen);
        let missing = listed
            .filter(|(file, seen)| !**seen && !file.is_ghost())
            .map(|(file, _)| file)
            // A name whose content never came was seen, but not reported.
            .chain(self.waiting.values().flatten().map(|&at| &self.files.list[at]))
            .next();
        missing.map_or(Ok(()), |file| {
            Err(PayloadError::Missing {
                path: file.path.clone(),
            })
        })
    }
}

/// The payload as a whole against what the header and the signature header say of it.
fn check_whole(package: &Container<'_>, found: u64, hasher: Hasher) -> Result<(), PayloadError> {
    let signature = &package.signature;
    for tag in [tag::signature::ARCHIVE_SIZE, tag::signature::LONG_ARCHIVE_SIZE] {
        match signature.number(tag).map_err(PayloadError::Header)? {
            Some(expected) if expected != found => return Err(PayloadError::Size { expected, found }),
            _ => {}
        }
    }
    let header = |error| PayloadError::Header(error);
    let digest = package.header.text(tag::PAYLOAD_DIGEST_PLAIN).map_err(header)?;
    let algorithm = package.header.number(tag::PAYLOAD_DIGEST_ALGORITHM).map_err(header)?;
    match (digest, algorithm) {
        (Some(digest), Some(8)) if !hasher.matches(digest) => Err(PayloadError::Whole),
        _ => Ok(()),
    }
}

fn entry(file: &File, kind: EntryKind) -> Entry {
    Entry {
        path: file.path.clone(),
        mode: file.mode,
        user: file.user.clone(),
        group: file.group.clone(),
        mtime: file.mtime,
        size: if kind == EntryKind::File { file.size } else { 0 },
        flags: file.flags,
        capabilities: file.capabilities.clone(),
        kind,
    }
}

fn full_mode(file: &File) -> u32 {
    let kind = match file.kind {
        FileKind::File => 0o100_000,
        FileKind::Directory => 0o040_000,
        FileKind::Symlink(_) => 0o120_000,
        FileKind::Special => 0,
    };
    kind | file.mode
}

fn cpio(error: CpioError) -> PayloadError {
    match error {
        CpioError::Read(error) => reading(error),
        other => PayloadError::Cpio(other),
    }
}

/// Names what a reader's failure means.
fn reading(error: io::Error) -> PayloadError {
    let exceeded = error.get_ref().and_then(|inner| inner.downcast_ref::<Exceeded>());
    match exceeded {
        Some(exceeded) => PayloadError::TooLarge { limit: exceeded.limit },
        None if error.kind() == io::ErrorKind::UnexpectedEof => PayloadError::Cpio(CpioError::Truncated),
        None => PayloadError::Cpio(CpioError::Read(error)),
    }
}
