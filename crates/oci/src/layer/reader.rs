//! Reads a layer back into a tree: how a child image learns what its parent holds.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use thiserror::Error;

use crate::path::{PathError, TreePath};
use crate::tree::{Entry, Kind, Tree, TreeError};

/// Bytes that one layer may unpack to.
const LARGEST: u64 = 4 << 30;
const MOST_ENTRIES: usize = 1_000_000;

#[derive(Debug, Error)]
pub enum ReadError {
    #[error("cannot read the layer")]
    Read(#[from] std::io::Error),
    #[error("the layer unpacks to more than {LARGEST} bytes or {MOST_ENTRIES} entries")]
    Large,
    #[error("the layer has an entry of type `{kind}`, which an image of ours never has: `{path}`")]
    Kind { path: String, kind: char },
    #[error("the layer has a path that is not clean")]
    Path(#[from] PathError),
    #[error("the layer has a path that is not UTF-8")]
    Encoding,
    #[error("the layer deletes `/{0}` of the layers below, which an image of ours never does")]
    Whiteout(TreePath),
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Lays the (gzip-compressed) layer over the tree.
pub fn read(blob: &[u8], tree: &mut Tree) -> Result<(), ReadError> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(blob).take(LARGEST));
    for (count, entry) in archive.entries()?.enumerate() {
        let mut entry = entry?;
        if count >= MOST_ENTRIES || entry.size() > LARGEST {
            return Err(ReadError::Large);
        }
        let path = text(&entry.path_bytes())?;
        let path: TreePath = path.strip_suffix('/').unwrap_or(&path).parse()?;
        if path.file_name().starts_with(".wh.") {
            return Err(ReadError::Whiteout(path));
        }
        let xattrs = extended_attributes(&mut entry)?;
        let header = entry.header();
        let (mode, uid, gid, mtime) = (
            header.mode()?,
            owner(header.uid()?)?,
            owner(header.gid()?)?,
            header.mtime()?,
        );
        let kind = match header.entry_type().as_byte() {
            b'0' | 0 => {
                let mut contents = Vec::new();
                entry.read_to_end(&mut contents)?;
                Kind::File(Bytes::from(contents))
            }
            b'1' => Kind::Hardlink(text(&entry.link_name_bytes().unwrap_or_default())?.parse()?),
            b'2' => Kind::Symlink(text(&entry.link_name_bytes().unwrap_or_default())?),
            b'5' => Kind::Directory,
            other => {
                return Err(ReadError::Kind {
                    path: path.to_string(),
                    kind: char::from(other),
                });
            }
        };
        let mtime = i64::try_from(mtime).unwrap_or(i64::MAX);
        tree.replace(
            path,
            Entry {
                kind,
                mode: mode & 0o7777,
                uid,
                gid,
                mtime,
                xattrs,
            },
        )?;
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<String, ReadError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| ReadError::Encoding)
}

fn owner(id: u64) -> Result<u32, ReadError> {
    u32::try_from(id).map_err(|_| ReadError::Large)
}

fn extended_attributes<R: Read>(
    entry: &mut tar::Entry<'_, R>,
) -> Result<std::collections::BTreeMap<String, Bytes>, ReadError> {
    let mut attributes = std::collections::BTreeMap::new();
    if let Some(records) = entry.pax_extensions()? {
        for record in records {
            let record = record?;
            if let Ok(Some(name)) = record.key().map(|key| key.strip_prefix("SCHILY.xattr.")) {
                attributes.insert(name.to_owned(), Bytes::copy_from_slice(record.value_bytes()));
            }
        }
    }
    Ok(attributes)
}
