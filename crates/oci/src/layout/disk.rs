//! What the layout does to the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{LARGEST_DOCUMENT, LayoutError};
use crate::image::Descriptor;

/// Beside `index.json`; readers of layouts pass over what they do not know.
const LOCK: &str = ".lock";
/// Prefix of what is being written.
const PARTIAL: &str = ".partial-";

static COUNTER: AtomicU64 = AtomicU64::new(0);

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LayoutError {
    let path = path.to_owned();
    move |source| LayoutError::Disk { action, path, source }
}

pub(super) fn create_folders(path: &Path) -> Result<(), LayoutError> {
    fs::create_dir_all(path).map_err(failed("create", path))
}

pub(super) fn lock_exclusive(folder: &Path) -> Result<File, LayoutError> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed("open", &path))?;
    file.lock().map_err(failed("lock", &path))?;
    Ok(file)
}

pub(super) fn lock_shared(folder: &Path) -> Result<Option<File>, LayoutError> {
    let path = folder.join(LOCK);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", &path)(error)),
    };
    file.lock_shared().map_err(failed("lock", &path))?;
    Ok(Some(file))
}

/// `None` when there is no such plain file.
pub(super) fn length(path: &Path) -> Option<u64> {
    let metadata = fs::symlink_metadata(path).ok()?;
    metadata.is_file().then_some(metadata.len())
}

/// False, too, for a file that cannot be read.
pub(super) fn has_content(path: &Path, blob: &Descriptor) -> bool {
    length(path) == Some(blob.size)
        && File::open(path).is_ok_and(|file| {
            let mut hasher = Sha256::new();
            let mut file = file.take(blob.size);
            let mut buffer = vec![0; 256 << 10];
            loop {
                match file.read(&mut buffer) {
                    Ok(0) => break hex::encode(hasher.finalize()) == blob.digest.hex(),
                    Ok(count) => hasher.update(&buffer[..count]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break false,
                }
            }
        })
}

/// At most `size` bytes and one.
pub(super) fn read(path: &Path, size: u64) -> Result<Bytes, LayoutError> {
    let file = File::open(path).map_err(failed("open", path))?;
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(1 << 30)).unwrap_or_default() + 1);
    file.take(size.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed("read", path))?;
    Ok(Bytes::from(bytes))
}

pub(super) fn read_document(path: &Path) -> Result<Option<Bytes>, LayoutError> {
    match length(path) {
        None => Ok(None),
        Some(size) if size > LARGEST_DOCUMENT => Err(LayoutError::Large { path: path.to_owned() }),
        Some(size) => read(path, size).map(Some),
    }
}

pub(super) fn write_changed(path: &Path, bytes: &[u8]) -> Result<(), LayoutError> {
    match read_document(path) {
        Ok(Some(existing)) if existing == bytes => Ok(()),
        _ => write_beside(path, bytes),
    }
}

/// Written under another name, flushed to the disk, renamed, and the folder flushed: there or not there, never half.
pub(super) fn write_beside(path: &Path, bytes: &[u8]) -> Result<(), LayoutError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let partial = folder.join(format!(
        "{PARTIAL}{}-{}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    ));
    let written = (|| {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        File::open(folder)?.sync_all()
    })();
    if let Err(error) = written {
        // The partial file is of no use; what matters is the first error.
        drop(fs::remove_file(&partial));
        return Err(failed("write", path)(error));
    }
    Ok(())
}

/// Removes the blobs that `unwanted` names, and what killed builds left half-written.
pub(super) fn remove_blobs(folder: &Path, unwanted: &dyn Fn(&str) -> bool) -> Result<(), LayoutError> {
    let entries: Vec<PathBuf> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(failed("list", folder))?;
    for path in entries {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let blob = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if name.starts_with(PARTIAL) || (blob && unwanted(name)) {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed("remove", &path)(error)),
                _ => {}
            }
        }
    }
    Ok(())
}
