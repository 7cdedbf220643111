//! The file tree of an image, or of one layer, in memory: sorted paths to entries.

use std::collections::BTreeMap;

use bytes::Bytes;
use thiserror::Error;

use crate::path::TreePath;

/// A modification time that stands for "when the image was made": writers clamp it to the time they were given.
pub const BUILD_TIME: i64 = i64::MAX;

/// Every path's ancestors are directories of the tree: they are made when they are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    entries: BTreeMap<TreePath, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: Kind,
    /// Permission bits, at most `0o7777`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since the epoch.
    pub mtime: i64,
    /// Extended attributes, `security.capability` for instance.
    pub xattrs: BTreeMap<String, Bytes>,
}

#[derive(Debug, Clone, Eq)]
pub enum Kind {
    File(Bytes),
    Directory,
    /// The target, as it will be read: not cleaned, may dangle.
    Symlink(String),
    /// Another name of a file of the same tree, which must be there when a layer is written.
    Hardlink(TreePath),
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TreeError {
    #[error("`/{path}` cannot be below `/{ancestor}`, which is {kind}")]
    NotADirectory {
        path: TreePath,
        ancestor: String,
        kind: &'static str,
    },
    #[error("`/{path}` is {existing} already and cannot become {new}")]
    Occupied {
        path: TreePath,
        existing: &'static str,
        new: &'static str,
    },
}

impl Tree {
    /// Puts an entry where nothing is yet.  The very same entry, or a directory where one is, changes nothing.
    pub fn add(&mut self, path: TreePath, entry: Entry) -> Result<(), TreeError> {
        match self.entries.get(path.as_str()) {
            None => self.put(path, entry),
            Some(existing) if existing.is_directory() && entry.is_directory() => Ok(()),
            Some(existing) if existing.same_but_time(&entry) => Ok(()),
            Some(existing) => Err(TreeError::Occupied {
                existing: existing.kind.word(),
                new: entry.kind.word(),
                path,
            }),
        }
    }

    /// Puts an entry over whatever file or link is there.  A directory stays one, and takes the new owner and mode.
    /// An entry that differs in nothing but its time leaves the old one, so that a child image does not repeat it.
    pub fn replace(&mut self, path: TreePath, entry: Entry) -> Result<(), TreeError> {
        match self.entries.get(path.as_str()) {
            Some(existing) if existing.same_but_time(&entry) => Ok(()),
            Some(existing) if existing.is_directory() != entry.is_directory() => Err(TreeError::Occupied {
                existing: existing.kind.word(),
                new: entry.kind.word(),
                path,
            }),
            _ => self.put(path, entry),
        }
    }

    fn put(&mut self, path: TreePath, entry: Entry) -> Result<(), TreeError> {
        let mut missing = Vec::new();
        for ancestor in path.ancestors() {
            match self.entries.get(ancestor) {
                Some(found) if found.is_directory() => {}
                Some(found) => {
                    let (ancestor, kind) = (ancestor.to_owned(), found.kind.word());
                    return Err(TreeError::NotADirectory {
                        path: path.clone(),
                        ancestor,
                        kind,
                    });
                }
                None => missing.push(ancestor.parse().expect("an ancestor of a clean path is clean")),
            }
        }
        self.entries
            .extend(missing.into_iter().map(|path| (path, Entry::directory(0o755))));
        self.entries.insert(path, entry);
        Ok(())
    }

    /// Takes a file, a link or an empty directory away; what holds something stays.
    pub fn remove(&mut self, path: &str) -> Option<Entry> {
        if self.children(path).next().is_some() {
            None
        } else {
            self.entries.remove(path)
        }
    }

    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// All entries in the order of their paths' bytes.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&TreePath, &Entry)> {
        self.entries.iter()
    }

    /// Everything below a directory, at any depth.
    pub fn children(&self, path: &str) -> impl Iterator<Item = (&TreePath, &Entry)> {
        let prefix = format!("{path}/");
        self.entries
            .range::<str, _>((std::ops::Bound::Included(prefix.as_str()), std::ops::Bound::Unbounded))
            .take_while({
                let prefix = prefix.clone();
                move |(path, _)| path.as_str().starts_with(&prefix)
            })
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The contents of a file, also through a hard link (not through a symbolic one).
    pub fn contents(&self, path: &str) -> Option<&Bytes> {
        match &self.entries.get(path)?.kind {
            Kind::File(contents) => Some(contents),
            Kind::Hardlink(target) => match &self.entries.get(target.as_str())?.kind {
                Kind::File(contents) => Some(contents),
                _ => None,
            },
            Kind::Directory | Kind::Symlink(_) => None,
        }
    }

    /// Bytes of all files, each once.
    pub fn size(&self) -> u64 {
        self.entries.values().map(Entry::size).sum()
    }

    /// What must be laid over `below` to get this tree: new and changed entries, with the directories that lead to them (an
    /// unpacker that had to make one up would change its mode).  A hard link into `below` becomes a file of its own.
    #[must_use]
    pub fn difference(&self, below: &Self) -> Self {
        let changed = |path: &TreePath| below.get(path.as_str()) != self.get(path.as_str());
        let mut layer = BTreeMap::new();
        for (path, entry) in self.entries.iter().filter(|(path, _)| changed(path)) {
            for ancestor in path.ancestors() {
                if let Some((path, entry)) = self.entries.get_key_value(ancestor) {
                    layer.insert(path.clone(), entry.clone());
                }
            }
            let mut entry = entry.clone();
            if let Kind::Hardlink(target) = &entry.kind
                && !changed(target)
                && let Some(contents) = self.contents(path.as_str())
            {
                entry.kind = Kind::File(contents.clone());
            }
            layer.insert(path.clone(), entry);
        }
        Self { entries: layer }
    }
}

impl Entry {
    pub fn new(kind: Kind, mode: u32) -> Self {
        Self {
            kind,
            mode: mode & 0o7777,
            uid: 0,
            gid: 0,
            mtime: BUILD_TIME,
            xattrs: BTreeMap::new(),
        }
    }

    pub fn file(contents: impl Into<Bytes>, mode: u32) -> Self {
        Self::new(Kind::File(contents.into()), mode)
    }

    pub fn directory(mode: u32) -> Self {
        Self::new(Kind::Directory, mode)
    }

    pub fn symlink(target: impl Into<String>) -> Self {
        Self::new(Kind::Symlink(target.into()), 0o777)
    }

    #[must_use]
    pub fn owned_by(self, uid: u32, gid: u32) -> Self {
        Self { uid, gid, ..self }
    }

    #[must_use]
    pub fn modified_at(self, mtime: i64) -> Self {
        Self { mtime, ..self }
    }

    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    pub fn size(&self) -> u64 {
        match &self.kind {
            Kind::File(contents) => contents.len() as u64,
            Kind::Directory | Kind::Symlink(_) | Kind::Hardlink(_) => 0,
        }
    }

    /// Equal but for the modification time.
    pub fn same_but_time(&self, other: &Self) -> bool {
        self.kind == other.kind
            && (self.mode, self.uid, self.gid) == (other.mode, other.uid, other.gid)
            && self.xattrs == other.xattrs
    }
}

impl PartialEq for Kind {
    /// Trees are compared with those that they were made from, and share most contents with them: what lies at one place is not read.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(left), Self::File(right)) => {
                (left.as_ptr() == right.as_ptr() && left.len() == right.len()) || left == right
            }
            (Self::Symlink(left), Self::Symlink(right)) => left == right,
            (Self::Hardlink(left), Self::Hardlink(right)) => left == right,
            (Self::Directory, Self::Directory) => true,
            _ => false,
        }
    }
}

impl Kind {
    /// For messages.
    pub fn word(&self) -> &'static str {
        match self {
            Self::File(_) => "a file",
            Self::Directory => "a directory",
            Self::Symlink(_) => "a symbolic link",
            Self::Hardlink(_) => "a hard link",
        }
    }
}

#[cfg(test)]
mod tests;
