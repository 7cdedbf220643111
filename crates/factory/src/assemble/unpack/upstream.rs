//! A release to entries: under its folder, owned by root, with plain modes, less what is pruned.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use qclock_oci::path::TreePath;
use qclock_oci::tree::{Entry, Kind};
use qclock_packages::tarball::{self, EntryKind, Limits};
use qclock_trust::Verified;

use super::{LATEST, Metadata, Unpacked};
use crate::assemble::empty_jar::empty_jar;
use crate::assemble::{PatternError, Pruner, UnpackError, glob_set};
use crate::definition::UpstreamArchive;

/// Bytes of all files together, of one file, and how many there may be.
const LARGEST: u64 = 2 << 30;
const LARGEST_FILE: u64 = 512 << 20;
const MOST: usize = 100_000;

/// What of an archive's declaration decides what is kept.
#[derive(Debug)]
pub struct UpstreamRules<'a> {
    archive: &'a UpstreamArchive,
    pruner: Pruner,
    empty_jars: globset::GlobSet,
    patterns: Vec<(&'a String, AtomicBool)>,
}

impl<'a> UpstreamRules<'a> {
    pub fn new(archive: &'a UpstreamArchive) -> Result<Self, PatternError> {
        let patterns = || archive.empty_jars.iter().flat_map(|jars| &jars.paths);
        Ok(Self {
            archive,
            pruner: Pruner::new(archive.prunes.iter())?,
            empty_jars: glob_set(patterns())?,
            patterns: patterns().map(|pattern| (pattern, AtomicBool::new(false))).collect(),
        })
    }

    fn empties(&self, path: &str) -> bool {
        let matches = self.empty_jars.matches(path);
        for pattern in &matches {
            self.patterns[*pattern].1.store(true, Ordering::Relaxed);
        }
        !matches.is_empty()
    }

    /// Patterns that have matched nothing so far.
    pub fn idle(&self) -> impl Iterator<Item = &str> {
        let idle = self.patterns.iter().filter(|(_, used)| !used.load(Ordering::Relaxed));
        self.pruner.idle().chain(idle.map(|(pattern, _)| pattern.as_str()))
    }
}

pub fn unpack_upstream(bytes: &Verified<Vec<u8>>, rules: &UpstreamRules<'_>) -> Result<Unpacked, UnpackError> {
    let mut unpacked = Unpacked {
        name: rules.archive.name.clone(),
        metadata: Metadata::Upstream,
        entries: BTreeMap::new(),
        emptied: BTreeSet::new(),
        certificates: BTreeMap::new(),
        capabilities: BTreeMap::new(),
        newest: 0,
    };
    let limits = Limits {
        size: LARGEST,
        entries: MOST,
        ..Limits::default()
    };
    tarball::for_each_entry(bytes, limits, |entry, contents| {
        unpacked.take_upstream(&entry, contents, rules)
    })?;
    Ok(unpacked)
}

impl Unpacked {
    fn take_upstream(
        &mut self,
        entry: &tarball::Entry,
        contents: &mut dyn Read,
        rules: &UpstreamRules<'_>,
    ) -> Result<(), UnpackError> {
        let Some(inside) = stripped(&entry.path, rules.archive.strip) else {
            return match entry.kind {
                EntryKind::Directory => Ok(()),
                _ => Err(UnpackError::Outside {
                    path: entry.path.clone(),
                }),
            };
        };
        if entry.mtime <= LATEST {
            self.newest = self.newest.max(entry.mtime);
        }
        if rules.pruner.prunes(inside) {
            return Ok(());
        }
        let refused = |what| UnpackError::Unwanted {
            path: inside.to_owned(),
            what,
        };
        let (kind, mode) = match &entry.kind {
            EntryKind::Directory => (Kind::Directory, 0o755),
            EntryKind::File if rules.empties(inside) => (Kind::File(empty_jar().into()), 0o644),
            EntryKind::File if entry.size > LARGEST_FILE => return Err(refused("a file of more than 512 MiB")),
            EntryKind::File => {
                let mode = if entry.mode & 0o111 == 0 { 0o644 } else { 0o755 };
                (Kind::File(read(entry, contents)?), mode)
            }
            EntryKind::Symlink(target) if stays_inside(inside, target) => (Kind::Symlink(target.clone()), 0o777),
            EntryKind::Symlink(_) => return Err(refused("a link that leads out of the archive")),
            EntryKind::Hardlink(_) => return Err(refused("a hard link")),
        };
        let target = rules.archive.target.trim_start_matches('/');
        let path: TreePath = format!("{target}/{inside}").parse()?;
        let made = Entry::new(kind, mode).modified_at(entry.mtime.clamp(0, LATEST));
        if self
            .entries
            .insert(path, made)
            .is_some_and(|earlier| !earlier.is_directory())
        {
            return Err(refused("there twice"));
        }
        Ok(())
    }
}

/// Without its first components; `None` where nothing is left.
fn stripped(path: &str, count: usize) -> Option<&str> {
    let mut rest = path;
    for _ in 0..count {
        rest = rest.split_once('/')?.1;
    }
    Some(rest)
}

/// Whether a link in the archive's folder leads to a place in it, whatever other links there are: it may climb no higher than it is deep.
fn stays_inside(path: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return false;
    }
    let mut depth = path.matches('/').count();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

fn read(entry: &tarball::Entry, contents: &mut dyn Read) -> Result<Bytes, UnpackError> {
    let guess = usize::try_from(entry.size.min(64 << 20)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(guess);
    contents.read_to_end(&mut bytes).map_err(|source| UnpackError::Read {
        path: entry.path.clone(),
        source,
    })?;
    Ok(Bytes::from(bytes))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use qclock_trust::{Sha256, check_digest};

    use super::*;

    const DECLARED: &str = "name = 'tool'\nversion = '1'\nlicense = 'MIT'\nsha256 = ''\nsize = 1\ntarget = '/opt/tool'\nstrip = 1\n\
        [[prune]]\npaths = ['bin']\nkeep = ['bin/kept']\nreason = 'r'\n[[prune]]\npaths = ['nothing']\nreason = 'r'\n\
        [[empty_jar]]\npaths = ['lib/driver-*.jar', 'lib/gone.jar']\nreason = 'r'\n";

    enum What<'a> {
        File(&'a str, u32),
        Link(&'a str),
    }
    use What::{File, Link};

    fn archive(entries: &[(&str, What<'_>)]) -> Verified<Vec<u8>> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, what) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_mtime(1_700_000_000);
            match what {
                File(contents, mode) => {
                    header.set_mode(*mode);
                    header.set_uid(1001);
                    header.set_size(contents.len() as u64);
                    builder.append_data(&mut header, path, contents.as_bytes()).unwrap();
                }
                Link(target) => {
                    header.set_size(0);
                    header.set_entry_type(tar::EntryType::Symlink);
                    builder.append_link(&mut header, path, target).unwrap();
                }
            }
        }
        let bytes = builder.into_inner().unwrap();
        let (digest, size) = (Sha256::of(&bytes), bytes.len() as u64);
        check_digest(bytes, digest, size).unwrap()
    }

    fn unpacked(entries: &[(&str, What<'_>)]) -> Result<String, UnpackError> {
        let declared: UpstreamArchive = toml::from_str(DECLARED).unwrap();
        let rules = UpstreamRules::new(&declared).unwrap();
        let unpacked = unpack_upstream(&archive(entries), &rules)?;
        let mut text = String::new();
        for (path, entry) in &unpacked.entries {
            writeln!(
                text,
                "{path} {:04o} {}:{} {}",
                entry.mode,
                entry.uid,
                entry.gid,
                entry.size()
            )
            .unwrap();
        }
        writeln!(text, "{:?}", rules.idle().collect::<Vec<_>>()).unwrap();
        Ok(text)
    }

    #[test]
    fn files_are_root_s_under_the_folder_and_jars_are_emptied() {
        let text = unpacked(&[
            ("tool-1/bin/run", File("x", 0o755)),
            ("tool-1/bin/kept", File("x", 0o4755)),
            ("tool-1/lib/driver-a.jar", File("a large driver", 0o644)),
            ("tool-1/lib/main.jar", File("main", 0o600)),
            ("tool-1/lib/other.jar", Link("../lib/main.jar")),
        ]);
        insta::assert_snapshot!(text.unwrap(), @r#"
        opt/tool/bin/kept 0755 0:0 1
        opt/tool/lib/driver-a.jar 0644 0:0 163
        opt/tool/lib/main.jar 0644 0:0 4
        opt/tool/lib/other.jar 0777 0:0 0
        ["nothing", "lib/gone.jar"]
        "#);
    }

    #[test]
    fn what_would_not_stay_in_the_folder_is_refused() {
        for (entry, expected) in [
            (
                ("file", File("x", 0o644)),
                "its entry `file` lies outside of the folder that is unpacked",
            ),
            (
                ("tool-1/up", Link("../x")),
                "its entry `up` is a link that leads out of the archive",
            ),
            (
                ("tool-1/a/up", Link("b/../../../x")),
                "its entry `a/up` is a link that leads out of the archive",
            ),
            (
                ("tool-1/root", Link("/etc/passwd")),
                "its entry `root` is a link that leads out of the archive",
            ),
        ] {
            assert_eq!(unpacked(&[entry]).unwrap_err().to_string(), expected);
        }
        let twice = unpacked(&[("tool-1/a", File("x", 0o644)), ("tool-1/a", File("y", 0o644))]);
        assert_eq!(twice.unwrap_err().to_string(), "its entry `a` is there twice");
    }
}
