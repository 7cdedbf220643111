//! Makes room: files that nobody has used for a while, the longest unused first.
//!
//! It may run beside anything.  A file is removed under its name only, so whoever reads it has it to the end; a command that finds
//! one gone fetches it again.  What was used within the last hour stays, whatever the limits say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fs_err as fs;
use rustix::fs::{FlockOperation, flock};

use super::{Cache, CacheError, MAVEN_REPOSITORY, kind};

/// A command that is at work now may still want it.
const IN_USE: Duration = Duration::from_secs(3600);
/// Lock files are text of some hundred kilobytes.
const LONGEST_LOCK: u64 = 64 << 20;

/// What may go: what exceeds any of the limits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub now: SystemTime,
    pub unused_for: Option<Duration>,
    /// Bytes that may stay.
    pub at_most: Option<u64>,
    /// Counts, and removes nothing.
    pub dry_run: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    pub removed: u64,
    pub removed_bytes: u64,
    pub kept: u64,
    pub kept_bytes: u64,
}

#[derive(Debug)]
struct Item {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
}

impl Cache {
    /// `wanted` are sha256 digests of files that stay whatever their age, as lock files name them.
    pub fn prune(&self, limits: Limits, wanted: &BTreeSet<String>) -> Result<Pruned, CacheError> {
        let mut pruned = Pruned::default();
        let mut items = Vec::new();
        self.objects(&mut items)?;
        for derived in kind::ALL {
            let is_named = |name: &str| name.split('-').all(is_digest);
            folder(&self.root.join(derived), is_named, &mut items)?;
        }
        folder(&self.root.join("partial"), |_| true, &mut items)?;
        repositories(&self.root, &mut items)?;
        items.sort_by(|left, right| (left.used, &left.path).cmp(&(right.used, &right.path)));

        let mut left: u64 = items.iter().map(|item| item.bytes).sum();
        for item in items {
            let unused = limits.now.duration_since(item.used).unwrap_or_default();
            let old = limits.unused_for.is_some_and(|limit| unused >= limit);
            let over = limits.at_most.is_some_and(|limit| left > limit);
            let stays = unused < IN_USE || wanted.contains(&digest_of(&item.path)) || !(old || over);
            if stays || !(limits.dry_run || remove(&item)?) {
                pruned.kept += 1;
                pruned.kept_bytes += item.bytes;
            } else {
                left -= item.bytes;
                pruned.removed += 1;
                pruned.removed_bytes += item.bytes;
            }
        }
        Ok(pruned)
    }

    /// `sha256/ab/cdef…`.  The shelves stay: another process may be about to put something on one.
    fn objects(&self, items: &mut Vec<Item>) -> Result<(), CacheError> {
        for (kind, digits) in [("sha256", 64), ("sha384", 96), ("sha512", 128)] {
            for shelf in listed(&self.root.join(kind))? {
                let is_shelf = shelf.file_name().is_some_and(|name| name.len() == 2);
                if is_shelf && shelf.is_dir() {
                    folder(&shelf, |name| name.len() + 2 == digits && is_hexadecimal(name), items)?;
                }
            }
        }
        Ok(())
    }
}

/// Files of ours alone: the cache's folder may be one that holds other things, too.
fn folder(folder: &Path, ours: impl Fn(&str) -> bool, items: &mut Vec<Item>) -> Result<(), CacheError> {
    for path in listed(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !ours(name) && !name.starts_with(".qclock-") {
            continue;
        }
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => items.push(Item {
                used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                bytes: metadata.len(),
                path,
            }),
            // Gone since, or nothing of ours.
            _ => {}
        }
    }
    Ok(())
}

/// What a Maven client had begun when it was killed.
fn repositories(root: &Path, items: &mut Vec<Item>) -> Result<(), CacheError> {
    for path in listed(root)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.starts_with(MAVEN_REPOSITORY) || !path.is_dir() {
            continue;
        }
        let mut item = Item {
            used: SystemTime::UNIX_EPOCH,
            bytes: 0,
            path: path.clone(),
        };
        measure(&path, &mut item)?;
        items.push(item);
    }
    Ok(())
}

fn measure(path: &Path, item: &mut Item) -> Result<(), CacheError> {
    // Gone since, if it cannot be asked for.
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    item.used = item.used.max(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
    if !metadata.is_dir() {
        item.bytes += metadata.len();
        return Ok(());
    }
    listed(path)?.iter().try_for_each(|entry| measure(entry, item))
}

/// All digests that the lock files of a project name.
pub fn wanted_by(project: &Path) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for folder in ["images", ".qclock"] {
        for path in listed(&project.join(folder)).unwrap_or_default() {
            let lock = path.extension().is_some_and(|extension| extension == "lock");
            if lock && fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= LONGEST_LOCK) {
                let text = fs::read_to_string(&path).unwrap_or_default();
                wanted.extend(text.split('"').filter(|word| is_digest(word)).map(str::to_owned));
            }
        }
    }
    wanted
}

fn digest_of(path: &Path) -> String {
    let part = |path: Option<&std::ffi::OsStr>| path.and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let name = part(path.file_name());
    if name.len() == 64 {
        return name;
    }
    part(path.parent().and_then(Path::file_name)) + &name
}

fn is_digest(name: &str) -> bool {
    matches!(name.len(), 64 | 96 | 128) && is_hexadecimal(name)
}

fn is_hexadecimal(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, CacheError> {
    let failed = |source| CacheError {
        action: "list",
        path: folder.to_owned(),
        source,
    };
    match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
            .collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(failed(source)),
    }
}

/// False where a download is under way into it.
fn remove(item: &Item) -> Result<bool, CacheError> {
    if let Ok(file) = std::fs::File::open(&item.path)
        && flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
    {
        return Ok(false);
    }
    let is_folder = fs::symlink_metadata(&item.path).is_ok_and(|metadata| metadata.is_dir());
    let removed = if is_folder {
        fs::remove_dir_all(&item.path)
    } else {
        fs::remove_file(&item.path)
    };
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(CacheError {
            action: "remove",
            path: item.path.clone(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests {
    use qclock_trust::Sha256;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    struct Bench {
        folder: tempfile::TempDir,
        now: SystemTime,
    }

    impl Bench {
        fn new() -> Self {
            let bench = Self {
                folder: tempfile::tempdir().unwrap(),
                now: SystemTime::UNIX_EPOCH + DAY * 20_000,
            };
            for (days, text) in [(0, "today"), (10, "of last week"), (40, "old"), (90, "very old")] {
                bench.put(&bench.cache().object(Sha256::of(text.as_bytes())), text, days);
            }
            bench
        }

        fn cache(&self) -> Cache {
            Cache::at(self.folder.path())
        }

        fn put(&self, path: &Path, text: &str, days: u32) {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
            let file = fs::File::options().write(true).open(path).unwrap();
            file.file().set_modified(self.now - DAY * days).unwrap();
        }

        fn limits(&self, unused_for: Option<u32>, at_most: Option<u64>) -> Limits {
            Limits {
                now: self.now,
                unused_for: unused_for.map(|days| DAY * days),
                at_most,
                dry_run: false,
            }
        }

        fn holds(&self, text: &str) -> bool {
            self.cache().object(Sha256::of(text.as_bytes())).exists()
        }
    }

    #[test]
    fn what_is_old_goes_and_what_a_lock_names_stays() {
        let bench = Bench::new();
        let project = tempfile::tempdir().unwrap();
        let lock = format!("[[package]]\nsha256 = \"{}\"\n", Sha256::of(b"very old"));
        bench.put(&project.path().join("images/debian12.lock"), &lock, 0);
        let wanted = wanted_by(project.path());
        assert_eq!(wanted.len(), 1);
        let limits = Limits {
            dry_run: true,
            ..bench.limits(Some(30), None)
        };
        let counted = bench.cache().prune(limits, &wanted).unwrap();
        assert!(bench.holds("old"));
        let pruned = bench.cache().prune(bench.limits(Some(30), None), &wanted).unwrap();
        assert_eq!(counted, pruned);
        assert_eq!(
            (pruned.removed, pruned.removed_bytes, pruned.kept, pruned.kept_bytes),
            (1, 3, 3, 25)
        );
        assert!(!bench.holds("old") && bench.holds("very old") && bench.holds("of last week"));
    }

    #[test]
    fn of_too_much_the_longest_unused_goes_first_and_what_is_in_use_never() {
        let bench = Bench::new();
        let none = BTreeSet::new();
        let pruned = bench.cache().prune(bench.limits(None, Some(18)), &none).unwrap();
        assert_eq!((pruned.removed, pruned.kept_bytes), (2, 17));
        assert!(bench.holds("of last week"));
        bench.cache().prune(bench.limits(Some(0), Some(0)), &none).unwrap();
        assert!(bench.holds("today") && !bench.holds("of last week"));
    }

    #[test]
    fn strangers_and_downloads_under_way_are_left_alone() {
        let bench = Bench::new();
        let root = bench.folder.path();
        let digest = "a".repeat(64);
        let strangers = [
            root.join("notes"),
            root.join("sha256/ab/README"),
            root.join(format!("photographs/{digest}")),
        ];
        let gone = [
            root.join(format!("locks/{digest}")),
            root.join("partial/.qclock-x"),
            root.join(format!("rpm-index/{digest}")),
        ];
        let partial = root.join(format!("partial/{digest}"));
        for path in strangers.iter().chain(&gone).chain([&partial]) {
            bench.put(path, "x", 99);
        }
        let held = fs::File::open(&partial).unwrap();
        flock(held.file(), FlockOperation::NonBlockingLockExclusive).unwrap();
        let prune = || {
            bench
                .cache()
                .prune(bench.limits(Some(1), None), &BTreeSet::new())
                .unwrap();
        };
        prune();
        assert!(strangers.iter().all(|path| path.exists()) && gone.iter().all(|path| !path.exists()));
        assert!(partial.exists());
        drop(held);
        prune();
        assert!(!partial.exists());
    }

    #[test]
    fn what_a_maven_client_left_goes_as_a_whole() {
        let bench = Bench::new();
        let repository = bench.folder.path().join(format!("{MAVEN_REPOSITORY}x"));
        let inner = repository.join("org");
        bench.put(&inner.join("part"), "half", 3);
        for folder in [&inner, &repository] {
            let folder = fs::File::open(folder).unwrap();
            folder.file().set_modified(bench.now - DAY * 3).unwrap();
        }
        let none = BTreeSet::new();
        let pruned = bench.cache().prune(bench.limits(Some(5), None), &none).unwrap();
        assert!(repository.exists());
        assert_eq!((pruned.removed, pruned.removed_bytes), (3, 23));
        let pruned = bench.cache().prune(bench.limits(Some(2), None), &none).unwrap();
        assert_eq!((pruned.removed, pruned.removed_bytes), (1, 4));
        assert!(!repository.exists());
    }

    #[test]
    fn what_is_read_counts_as_used() {
        let bench = Bench::new();
        bench.cache().read(Sha256::of(b"old"), 3).unwrap();
        let limits = Limits {
            now: SystemTime::now() + DAY,
            ..bench.limits(Some(10), None)
        };
        bench.cache().prune(limits, &BTreeSet::new()).unwrap();
        assert!(bench.holds("old") && !bench.holds("very old"));
    }
}
