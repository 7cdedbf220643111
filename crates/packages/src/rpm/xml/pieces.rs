//! Cuts a metadata file into pieces of whole `package` elements, many at a time.

use std::io::Read;
use std::sync::mpsc::sync_channel;

use memchr::memmem;

use super::{Fault, XmlError, text_of};

/// A package's element may be this large; the largest of an EL9 has 2 MB.
const LARGEST_PACKAGE: usize = 64 << 20;
/// Read at a time, so that the pieces stay in the processor's cache.
const BLOCK: usize = 256 << 10;
/// Pieces that wait at most.
const AHEAD: usize = 3;
const END: &[u8] = b"</package>";

#[derive(Debug)]
pub(in crate::rpm) struct Pieces<R> {
    source: R,
    root: &'static str,
    /// As far as it is filled; the rest is room that need not be cleared again.
    buffer: Vec<u8>,
    filled: usize,
    /// Of the buffer in the file.
    position: u64,
    /// Whether the root element has begun.
    begun: bool,
    /// So much of the buffer has no end of a package in it.
    scanned: usize,
}

impl<R: Read> Pieces<R> {
    /// What is around the packages must be the element `root`.
    pub(in crate::rpm) fn new(source: R, root: &'static str) -> Self {
        Self {
            source,
            root,
            buffer: Vec::new(),
            filled: 0,
            position: 0,
            begun: false,
            scanned: 0,
        }
    }

    /// The next piece and where it begins; none at the end of the root element, after which nothing may follow.  `spare` is room for
    /// what is read beyond the piece.
    pub(in crate::rpm) fn next(&mut self, mut spare: Vec<u8>) -> Result<Option<(u64, Vec<u8>)>, XmlError> {
        loop {
            if let Some(end) = self.whole()? {
                let rest = self.filled - end;
                if spare.len() < rest {
                    spare.resize(rest, 0);
                }
                spare[..rest].copy_from_slice(&self.buffer[end..self.filled]);
                self.buffer.truncate(end);
                let piece = std::mem::replace(&mut self.buffer, spare);
                let position = self.position;
                self.position += end as u64;
                (self.filled, self.scanned) = (rest, rest);
                return Ok(Some((position, piece)));
            }
            if self.filled > LARGEST_PACKAGE {
                return Err(self.error(Fault::TooLarge { limit: LARGEST_PACKAGE }));
            }
            let before = self.filled;
            self.fill().map_err(|error| self.error(Fault::Read(error)))?;
            if self.filled == before {
                return match check_end(&self.buffer[..self.filled], self.root, self.begun) {
                    Ok(()) => Ok(None),
                    Err(fault) => Err(self.error(fault)),
                };
            }
        }
    }

    /// Reads a block, or what is left.
    fn fill(&mut self) -> std::io::Result<()> {
        let end = self.filled + BLOCK;
        if self.buffer.len() < end {
            // Most packages are smaller than a block, so that this is not moved again.
            self.buffer.reserve(2 * BLOCK - self.buffer.len().min(2 * BLOCK));
            self.buffer.resize(end, 0);
        }
        while self.filled < end {
            match self.source.read(&mut self.buffer[self.filled..end]) {
                Ok(0) => break,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Where the last whole package of the buffer ends.
    fn whole(&mut self) -> Result<Option<usize>, XmlError> {
        if !self.begun {
            let found = begin(&self.buffer[..self.filled], self.root);
            let Some(at) = found.map_err(|fault| XmlError::new(0, fault))? else {
                return Ok(None);
            };
            self.buffer.copy_within(at..self.filled, 0);
            self.filled -= at;
            self.position += at as u64;
            self.begun = true;
            self.scanned = 0;
        }
        // The end of a package that was begun earlier may lie across the border.
        let from = self.scanned.saturating_sub(END.len());
        let filled = &self.buffer[..self.filled];
        let found = memmem::rfind(filled.get(from..).unwrap_or_default(), END);
        self.scanned = self.filled;
        Ok(found.map(|found| from + found + END.len()))
    }

    fn error(&self, fault: Fault) -> XmlError {
        XmlError::new(self.position, fault)
    }
}

/// Gives the pieces to `take`, one after the other.
pub(in crate::rpm) fn for_each_piece(
    source: impl Read,
    root: &'static str,
    mut take: impl FnMut(&str, u64) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    let mut pieces = Pieces::new(source, root);
    let mut spare = Vec::new();
    while let Some((position, piece)) = pieces.next(spare)? {
        take(text_of(&piece, position)?, position)?;
        spare = piece;
    }
    Ok(())
}

/// The same, while another thread reads and cuts the next pieces and makes notes of them.
pub(in crate::rpm) fn for_each_piece_ahead<N: Default + Send>(
    source: impl Read + Send,
    root: &'static str,
    note: impl Fn(&str, &mut N) + Send,
    mut take: impl FnMut(&str, u64, &N) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    let (cut, pieces) = sync_channel(AHEAD);
    let (read, spares) = sync_channel::<(Vec<u8>, N)>(AHEAD + 2);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut source = Pieces::new(source, root);
            loop {
                let (spare, mut notes) = spares.try_recv().unwrap_or_default();
                let piece = source.next(spare).and_then(|piece| {
                    let Some((position, piece)) = piece else {
                        return Ok(None);
                    };
                    let text = String::from_utf8(piece).map_err(|_| XmlError::new(position, Fault::Encoding))?;
                    note(&text, &mut notes);
                    Ok(Some((position, text, notes)))
                });
                let is_last = !matches!(piece, Ok(Some(_)));
                if cut.send(piece).is_err() || is_last {
                    return;
                }
            }
        });
        // Hanging up early ends the other thread, so the receiver must not outlive this.
        for piece in pieces {
            let Some((position, text, notes)) = piece? else {
                break;
            };
            take(&text, position, &notes)?;
            let _ = read.try_send((text.into_bytes(), notes));
        }
        Ok(())
    })
}

/// Finds where the first package begins (or the root ends); nothing yet when neither is there.
fn begin(buffer: &[u8], root: &'static str) -> Result<Option<usize>, Fault> {
    let first = memmem::find(buffer, b"<package ");
    let head = &buffer[..first.unwrap_or(buffer.len())];
    refuse_declarations(head)?;
    let open = format!("<{root}");
    let Some(at) = memmem::find(head, open.as_bytes()) else {
        return if first.is_some() {
            Err(Fault::Root { expected: root })
        } else {
            Ok(None)
        };
    };
    let after = &head[at + open.len()..];
    match (memchr::memchr(b'>', after), first) {
        (Some(_), Some(first)) => Ok(Some(first)),
        _ => Ok(None),
    }
}

/// What is left after the last package: the end of the root element and nothing else.
fn check_end(rest: &[u8], root: &'static str, begun: bool) -> Result<(), Fault> {
    refuse_declarations(rest)?;
    let close = format!("</{root}>");
    if begun {
        let rest = rest.trim_ascii();
        return if rest == close.as_bytes() {
            Ok(())
        } else {
            Err(Fault::Truncated)
        };
    }
    // No package at all: the whole file is here.
    let open = memmem::find(rest, format!("<{root}").as_bytes()).ok_or(Fault::Root { expected: root })?;
    let rest = rest[open..].trim_ascii_end();
    let single = memchr::memchr(b'>', rest).is_some_and(|end| end + 1 == rest.len() && rest[..end].ends_with(b"/"));
    if single || rest.ends_with(close.as_bytes()) {
        Ok(())
    } else {
        Err(Fault::Truncated)
    }
}

fn refuse_declarations(text: &[u8]) -> Result<(), Fault> {
    if memmem::find(text, b"<!DOCTYPE").is_some() || memmem::find(text, b"<!ENTITY").is_some() {
        return Err(Fault::DocumentType);
    }
    Ok(())
}
