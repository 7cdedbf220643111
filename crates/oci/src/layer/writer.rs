//! The tar itself: POSIX ustar headers, pax records for what they cannot hold (pax(1), "ustar Interchange Format").
//!
//! Owners are numbers only, times are clamped, entries are in the order of their paths: nothing of the machine gets in.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::LayerError;
use crate::path::TreePath;
use crate::tree::{Entry, Kind, Tree};

const BLOCK: usize = 512;
static ZEROS: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// A tar laid out but not copied together: headers and the files' own bytes, in order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pieces: Vec<Bytes>,
    /// Where each piece begins.
    offsets: Vec<u64>,
    length: u64,
}

impl Plan {
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(AsRef::as_ref)
    }

    /// The bytes from `start` to `end`, or to the end of the tar.
    pub(super) fn copy(&self, start: u64, end: u64) -> Vec<u8> {
        let end = end.min(self.length);
        let mut bytes = Vec::with_capacity(size(end.saturating_sub(start)));
        let first = self
            .offsets
            .partition_point(|&offset| offset <= start)
            .saturating_sub(1);
        for (piece, &offset) in self.pieces.iter().zip(&self.offsets).skip(first) {
            if offset >= end {
                break;
            }
            let from = size(start.saturating_sub(offset)).min(piece.len());
            let to = size(end - offset).min(piece.len());
            bytes.extend_from_slice(&piece[from..to]);
        }
        bytes
    }

    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.offsets.push(self.length);
            self.length += piece.len() as u64;
            self.pieces.push(piece);
        }
    }

    fn push_padded(&mut self, piece: Bytes) {
        let padding = piece.len().next_multiple_of(BLOCK) - piece.len();
        self.push(piece);
        self.push(Bytes::from_static(&ZEROS[..padding]));
    }
}

fn size(length: u64) -> usize {
    usize::try_from(length).expect("a tar in memory fits the address space")
}

pub(super) fn plan(tree: &Tree, epoch: u64) -> Result<Plan, LayerError> {
    let mut plan = Plan::default();
    // The name under which each hard-linked file has been written: the first in order, which holds the contents.
    let mut written: BTreeMap<&TreePath, &TreePath> = BTreeMap::new();
    let linked: BTreeSet<&TreePath> = hardlink_targets(tree).collect();
    for (path, entry) in tree.iter() {
        let origin = match &entry.kind {
            Kind::Hardlink(target) => target,
            Kind::File(_) if linked.contains(path) => path,
            _ => {
                push_entry(&mut plan, path, entry, epoch, None);
                continue;
            }
        };
        let Some(
            file @ Entry {
                kind: Kind::File(_), ..
            },
        ) = tree.get(origin.as_str())
        else {
            return Err(LayerError::Hardlink {
                path: path.clone(),
                target: origin.clone(),
            });
        };
        let first = *written.entry(origin).or_insert(path);
        push_entry(&mut plan, path, file, epoch, (first != path).then_some(first));
    }
    plan.push(Bytes::from_static(&ZEROS));
    Ok(plan)
}

fn hardlink_targets(tree: &Tree) -> impl Iterator<Item = &TreePath> {
    tree.iter().filter_map(|(_, entry)| match &entry.kind {
        Kind::Hardlink(target) => Some(target),
        _ => None,
    })
}

/// One entry: pax records when needed, header, contents.  A file is written as a link to `same_as` when that is given.
fn push_entry(plan: &mut Plan, path: &TreePath, entry: &Entry, epoch: u64, same_as: Option<&TreePath>) {
    let mut name = path.as_str().to_owned();
    let (kind, link, contents) = match (&entry.kind, same_as) {
        (_, Some(first)) => (b'1', first.as_str(), None),
        (Kind::File(contents), None) => (b'0', "", Some(contents)),
        (Kind::Symlink(target), None) => (b'2', target.as_str(), None),
        (Kind::Directory, None) => {
            name.push('/');
            (b'5', "", None)
        }
        (Kind::Hardlink(_), None) => unreachable!("a hard link is written as the file it names"),
    };
    let mtime = u64::try_from(entry.mtime).unwrap_or(0).min(epoch);
    let length = contents.map_or(0, |contents| contents.len() as u64);

    let mut records = BTreeMap::new();
    let mut header = Header::new(kind);
    if !header.name(&name) {
        records.insert("path".to_owned(), name.as_bytes().to_vec());
    }
    if !header.text(157, 100, link) {
        records.insert("linkpath".to_owned(), link.as_bytes().to_vec());
    }
    header.octal(100, 8, u64::from(entry.mode & 0o7777));
    for (key, at, width, value) in [
        ("uid", 108, 8, u64::from(entry.uid)),
        ("gid", 116, 8, u64::from(entry.gid)),
        ("size", 124, 12, length),
        ("mtime", 136, 12, mtime),
    ] {
        if !header.octal(at, width, value) {
            records.insert(key.to_owned(), value.to_string().into_bytes());
        }
    }
    for (attribute, value) in &entry.xattrs {
        records.insert(format!("SCHILY.xattr.{attribute}"), value.to_vec());
    }
    if !records.is_empty() {
        push_records(plan, &records);
    }
    plan.push(header.finish());
    if let Some(contents) = contents {
        plan.push_padded(contents.clone());
    }
}

/// The header of a plain file of an archive of ours: a short name, mode 0644, no owner, no time.
pub(crate) fn file_header(name: &str, length: u64) -> Bytes {
    plain_header(b'0', name, length)
}

fn plain_header(kind: u8, name: &str, length: u64) -> Bytes {
    let mut header = Header::new(kind);
    header.name(name);
    header.octal(100, 8, 0o644);
    for (at, width, value) in [(108, 8, 0), (116, 8, 0), (124, 12, length), (136, 12, 0)] {
        header.octal(at, width, value);
    }
    header.finish()
}

/// A pax extended header: an entry of its own, before the one that it describes.
fn push_records(plan: &mut Plan, records: &BTreeMap<String, Vec<u8>>) {
    let mut body = Vec::new();
    for (key, value) in records {
        // `length key=value\n`, where the length counts its own digits.
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        body.extend_from_slice(format!("{length} {key}=").as_bytes());
        body.extend_from_slice(value);
        body.push(b'\n');
    }
    plan.push(plain_header(b'x', "PaxHeaders/record", body.len() as u64));
    plan.push_padded(Bytes::from(body));
}

struct Header([u8; BLOCK]);

impl Header {
    fn new(kind: u8) -> Self {
        let mut bytes = [0; BLOCK];
        bytes[156] = kind;
        bytes[257..265].copy_from_slice(b"ustar\x0000");
        Self(bytes)
    }

    /// Into `name`, or split at a slash over `prefix` and `name`.  What does not fit is cut, and the answer is false.
    fn name(&mut self, name: &str) -> bool {
        if name.len() <= 100 {
            return self.text(0, 100, name);
        }
        let split = name
            .match_indices('/')
            .map(|(at, _)| at)
            .find(|at| name.len() - at - 1 <= 100);
        match split {
            Some(at) if at <= 155 && at > 0 && at + 1 < name.len() => {
                self.text(345, 155, &name[..at]) && self.text(0, 100, &name[at + 1..])
            }
            _ => self.text(0, 100, name),
        }
    }

    /// False when the text had to be cut.
    fn text(&mut self, at: usize, width: usize, text: &str) -> bool {
        let bytes = &text.as_bytes()[..text.len().min(width)];
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        text.len() <= width
    }

    /// Octal digits and a NUL.  False, and zero written, when the field is too narrow.
    fn octal(&mut self, at: usize, width: usize, value: u64) -> bool {
        let digits = format!("{value:0>width$o}", width = width - 1);
        let fits = digits.len() < width;
        let digits = if fits { digits } else { "0".repeat(width - 1) };
        self.0[at..at + digits.len()].copy_from_slice(digits.as_bytes());
        fits
    }

    fn finish(mut self) -> Bytes {
        self.0[148..156].fill(b' ');
        let sum: u32 = self.0.iter().map(|&byte| u32::from(byte)).sum();
        self.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        Bytes::copy_from_slice(&self.0)
    }
}
