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
const AHEAD: usize = 2;
const END: &[u8] = b"</package>";

#[derive(Debug)]
pub(in crate::rpm) struct Pieces<R> {
    source: R,
    root: &'static str,
    buffer: Vec<u8>,
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
                spare.clear();
                spare.extend_from_slice(&self.buffer[end..]);
                self.buffer.truncate(end);
                let piece = std::mem::replace(&mut self.buffer, spare);
                let position = self.position;
                self.position += end as u64;
                self.scanned = self.buffer.len();
                return Ok(Some((position, piece)));
            }
            if self.buffer.len() > LARGEST_PACKAGE {
                return Err(self.error(Fault::TooLarge { limit: LARGEST_PACKAGE }));
            }
            let read = self.source.by_ref().take(BLOCK as u64).read_to_end(&mut self.buffer);
            if read.map_err(|error| self.error(Fault::Read(error)))? == 0 {
                return match check_end(&self.buffer, self.root, self.begun) {
                    Ok(()) => Ok(None),
                    Err(fault) => Err(self.error(fault)),
                };
            }
        }
    }

    /// Where the last whole package of the buffer ends.
    fn whole(&mut self) -> Result<Option<usize>, XmlError> {
        if !self.begun {
            let Some(at) = begin(&self.buffer, self.root).map_err(|fault| XmlError::new(0, fault))? else {
                return Ok(None);
            };
            self.buffer.drain(..at);
            self.position += at as u64;
            self.begun = true;
            self.scanned = 0;
        }
        // The end of a package that was begun earlier may lie across the border.
        let from = self.scanned.saturating_sub(END.len());
        let found = memmem::rfind(self.buffer.get(from..).unwrap_or_default(), END);
        self.scanned = self.buffer.len();
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

/// The same, while another thread reads and cuts the next pieces.
pub(in crate::rpm) fn for_each_piece_ahead(
    source: impl Read + Send,
    root: &'static str,
    mut take: impl FnMut(&str, u64) -> Result<(), XmlError>,
) -> Result<(), XmlError> {
    let (cut, pieces) = sync_channel(AHEAD);
    let (read, spares) = sync_channel::<Vec<u8>>(AHEAD + 2);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut source = Pieces::new(source, root);
            loop {
                let piece = source.next(spares.try_recv().unwrap_or_default());
                let is_last = !matches!(piece, Ok(Some(_)));
                if cut.send(piece).is_err() || is_last {
                    return;
                }
            }
        });
        // Hanging up early ends the other thread, so the receiver must not outlive this.
        for piece in pieces {
            let Some((position, piece)) = piece? else {
                break;
            };
            take(text_of(&piece, position)?, position)?;
            let _ = read.try_send(piece);
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
