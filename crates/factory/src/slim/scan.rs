//! Packages, as far as compiled files and the links to them go.

use std::collections::BTreeMap;
use std::io::Read;

use qclock_packages::{deb, rpm};
use thiserror::Error;

use super::Content;
use crate::assemble::relocated;
use crate::elf::{self, Elf};

const MAGIC: &[u8; 4] = b"\x7fELF";
/// Links that lead to links.
const LONGEST_CHAIN: usize = 8;

#[derive(Debug, Error)]
pub enum ScanError {
    #[error(transparent)]
    Archive(#[from] deb::ArchiveError),
    #[error(transparent)]
    Rpm(#[from] rpm::ArchiveError),
    #[error("cannot read `/{path}`")]
    Read {
        path: String,
        #[source]
        source: std::io::Error,
    },
}

#[derive(Debug)]
pub(super) struct Scanned {
    pub(super) name: String,
    /// By path in the image.
    pub(super) elves: BTreeMap<String, Elf>,
    /// Symbolic links, their targets as paths in the image.
    links: BTreeMap<String, String>,
    pub(super) size: u64,
}

pub(super) fn scan(name: &str, bytes: &[u8]) -> Result<Scanned, ScanError> {
    let mut scanned = Scanned {
        name: name.to_owned(),
        elves: BTreeMap::new(),
        links: BTreeMap::new(),
        size: 0,
    };
    if bytes.starts_with(b"!<arch>\n") {
        deb::Archive::open(bytes)?.for_each_entry(|entry, contents| {
            let kind = match &entry.kind {
                deb::EntryKind::File => Kind::File(contents),
                deb::EntryKind::Symlink(target) => Kind::Symlink(target),
                deb::EntryKind::Hardlink(target) => Kind::Hardlink(target),
                deb::EntryKind::Directory => return Ok(()),
            };
            scanned.take(&entry.path, entry.size, kind)
        })?;
    } else {
        rpm::Archive::open(bytes)?.for_each_entry(|entry, contents| {
            let kind = match &entry.kind {
                rpm::EntryKind::File => Kind::File(contents),
                rpm::EntryKind::Symlink(target) => Kind::Symlink(target),
                rpm::EntryKind::Hardlink(target) => Kind::Hardlink(target),
                rpm::EntryKind::Directory => return Ok(()),
            };
            scanned.take(&entry.path, entry.size, kind)
        })?;
    }
    Ok(scanned)
}

enum Kind<'a> {
    File(&'a mut dyn Read),
    Symlink(&'a str),
    Hardlink(&'a str),
}

impl Scanned {
    fn take(&mut self, at: &str, size: u64, kind: Kind<'_>) -> Result<(), ScanError> {
        let Some(path) = relocated(at) else {
            return Ok(());
        };
        self.size = self.size.saturating_add(size);
        match kind {
            Kind::Symlink(target) => {
                self.links.insert(path.clone(), resolved(&path, target));
            }
            Kind::Hardlink(target) => {
                self.links
                    .insert(path, relocated(target).unwrap_or_else(|| target.to_owned()));
            }
            Kind::File(contents) => {
                let failed = |source| ScanError::Read {
                    path: at.to_owned(),
                    source,
                };
                let mut file = Vec::new();
                Read::take(&mut *contents, MAGIC.len() as u64)
                    .read_to_end(&mut file)
                    .map_err(failed)?;
                if file == MAGIC {
                    contents.read_to_end(&mut file).map_err(failed)?;
                    self.elves.extend(elf::read(&file).map(|elf| (path, elf)));
                }
            }
        }
        Ok(())
    }
}

impl Scanned {
    #[cfg(test)]
    pub(super) fn for_test(name: &str, elves: BTreeMap<String, Elf>, links: &[(&str, &str)]) -> Self {
        let links = links
            .iter()
            .map(|(link, target)| ((*link).to_owned(), (*target).to_owned()));
        Self {
            name: name.to_owned(),
            elves,
            links: links.collect(),
            size: 0,
        }
    }

    pub(super) fn content(&self) -> Content {
        if self.elves.is_empty() {
            Content::Data
        } else if self.elves.keys().any(|path| is_program(path)) {
            Content::Programs
        } else {
            Content::Libraries
        }
    }
}

fn is_program(path: &str) -> bool {
    ["usr/bin/", "usr/sbin/", "usr/games/"]
        .iter()
        .any(|folder| path.starts_with(folder))
}

/// A link's target as a clean path in the image; what leads out of it is cut off at the root, as the kernel does.
fn resolved(link: &str, target: &str) -> String {
    let mut parts: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        link.split('/').collect()
    };
    if !target.starts_with('/') {
        parts.pop();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    let path = parts.join("/");
    relocated(&path).unwrap_or(path)
}

/// Files and links of all packages by their last component.
pub(super) struct Libraries<'a> {
    by_name: BTreeMap<&'a str, Vec<(&'a Scanned, &'a str)>>,
}

impl<'a> Libraries<'a> {
    pub(super) fn of(packages: &'a [Scanned]) -> Self {
        let mut by_name: BTreeMap<&str, Vec<(&Scanned, &str)>> = BTreeMap::new();
        for package in packages {
            for path in package.elves.keys().chain(package.links.keys()) {
                by_name.entry(file_name(path)).or_default().push((package, path));
            }
        }
        Self { by_name }
    }

    /// Every step from the library's name to its file, in the order in which the loader looks: the file's own run paths, the
    /// standard folders, then anywhere.
    pub(super) fn find(&self, library: &str, elf: &Elf, path: &str) -> Vec<(&'a Scanned, &'a str)> {
        let Some(candidates) = self.by_name.get(file_name(library)) else {
            return Vec::new();
        };
        let origin = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let run_paths: Vec<String> = elf
            .run_paths
            .iter()
            .map(|folder| {
                resolved(
                    "x",
                    &folder
                        .replace("$ORIGIN", &format!("/{origin}"))
                        .replace("${ORIGIN}", &format!("/{origin}")),
                )
            })
            .collect();
        let rank = |candidate: &str| {
            let folder = candidate.rsplit_once('/').map_or("", |(folder, _)| folder);
            if run_paths.iter().any(|run_path| run_path == folder) {
                0
            } else if is_standard(folder) {
                1
            } else {
                2
            }
        };
        let Some(&first) = candidates.iter().min_by_key(|(_, candidate)| rank(candidate)) else {
            return Vec::new();
        };
        let mut steps = vec![first];
        let (mut package, mut at) = first;
        while let Some(target) = package.links.get(at).filter(|_| steps.len() < LONGEST_CHAIN) {
            let named = self.by_name.get(file_name(target)).into_iter().flatten();
            let Some(&next) = named.into_iter().find(|(_, candidate)| candidate == target) else {
                return Vec::new();
            };
            steps.push(next);
            (package, at) = next;
        }
        steps
    }
}

/// `usr/lib64`, `usr/lib`, `usr/lib/x86_64-linux-gnu`.
fn is_standard(folder: &str) -> bool {
    match folder.strip_prefix("usr/lib") {
        Some("" | "64" | "32") => true,
        Some(rest) => rest
            .strip_prefix('/')
            .is_some_and(|rest| !rest.contains('/') && rest.contains("-linux-")),
        None => false,
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
