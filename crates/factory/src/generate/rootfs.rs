//! `images/<name>/rootfs/`: files as they will stand in the image.

use std::fs::FileType;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fs_err as fs;
use qclock_oci::tree::{Entry, Kind};

use super::GenerateError;
use crate::variables::{Variables, render};

/// Keep a folder in version control; no file of an image.
const PLACEHOLDER: &str = ".gitkeep";
const DEEPEST: usize = 64;

/// One file or link; folders are only the way to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootfsFile {
    /// Relative to the image's root, without `.in`.
    pub path: String,
    pub kind: Kind,
    pub executable: bool,
    /// `@name@` is to be replaced.
    pub template: bool,
}

impl RootfsFile {
    /// The entry: root's, readable by everybody, executable when the file is; nothing of the checkout's modes and times.
    pub(super) fn entry(&self, variables: &Variables) -> Result<Entry, GenerateError> {
        let mode = if self.executable { 0o755 } else { 0o644 };
        match &self.kind {
            Kind::File(contents) if self.template => {
                let encoding = |_| GenerateError::Encoding {
                    path: self.path.clone(),
                };
                let text = std::str::from_utf8(contents).map_err(encoding)?;
                let rendered = render(text, variables).map_err(|source| GenerateError::Render {
                    path: self.path.clone(),
                    source,
                })?;
                Ok(Entry::file(rendered, mode))
            }
            Kind::Symlink(target) => Ok(Entry::symlink(target.clone())),
            kind => Ok(Entry::new(kind.clone(), mode)),
        }
    }
}

/// Everything below `folder`, sorted; nothing where there is no such folder.
pub fn read_rootfs(folder: &Path) -> Result<Vec<RootfsFile>, GenerateError> {
    let mut files = Vec::new();
    let mut pending = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = pending.pop() {
        let failed = |source| GenerateError::Rootfs {
            path: folder.clone(),
            source,
        };
        if depth == 0 && !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let odd = || GenerateError::RootfsKind { path: entry.path() };
            let name = entry.file_name().into_string().map_err(|_| odd())?;
            let path = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}/{name}")
            };
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() && depth < DEEPEST {
                pending.push((entry.path(), path, depth + 1));
            } else if name != PLACEHOLDER {
                files.push(read(entry.path(), path, kind)?);
            }
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

fn read(file: PathBuf, path: String, kind: FileType) -> Result<RootfsFile, GenerateError> {
    let failed = |source| GenerateError::Rootfs {
        path: file.clone(),
        source,
    };
    if kind.is_symlink() {
        let target = fs::read_link(&file).map_err(failed)?;
        let target = target
            .to_str()
            .ok_or_else(|| GenerateError::RootfsKind { path: file.clone() })?;
        return Ok(RootfsFile {
            path,
            kind: Kind::Symlink(target.to_owned()),
            executable: false,
            template: false,
        });
    }
    if !kind.is_file() {
        return Err(GenerateError::RootfsKind { path: file });
    }
    let executable = fs::metadata(&file).map_err(failed)?.permissions().mode() & 0o100 != 0;
    let contents = Bytes::from(fs::read(&file).map_err(failed)?);
    let without = path.strip_suffix(".in").map(str::to_owned);
    Ok(RootfsFile {
        template: without.is_some(),
        path: without.unwrap_or(path),
        kind: Kind::File(contents),
        executable,
    })
}
