//! An RPM package to entries.
//!
//! Owners are names there, and scriptlets that are not run would have made most of them: a name means what the image's accounts and
//! groups say, else what the distribution fixes for every machine.  File capabilities are dropped: a program that has one cannot be
//! started where the container's bounding set lacks it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use bytes::Bytes;
use qclock_oci::path::TreePath;
use qclock_oci::tree::{Entry, Kind};
use qclock_packages::rpm::{self, EntryKind};
use qclock_trust::{SignedRpm, Verified};

use super::{LATEST, Metadata, Rules, Unpacked, is_certificate};
use crate::assemble::UnpackError;
use crate::assemble::forbidden::harden;
use crate::assemble::relocate::relocated;

/// What the package `setup` has fixed for every machine of the family (its `uidgid` list).
const USERS: [(&str, u32); 13] = [
    ("root", 0),
    ("bin", 1),
    ("daemon", 2),
    ("adm", 3),
    ("lp", 4),
    ("sync", 5),
    ("shutdown", 6),
    ("halt", 7),
    ("mail", 8),
    ("operator", 11),
    ("games", 12),
    ("ftp", 14),
    ("nobody", 65_534),
];
const GROUPS: [(&str, u32); 26] = [
    ("root", 0),
    ("bin", 1),
    ("daemon", 2),
    ("sys", 3),
    ("adm", 4),
    ("tty", 5),
    ("disk", 6),
    ("lp", 7),
    ("mem", 8),
    ("kmem", 9),
    ("wheel", 10),
    ("cdrom", 11),
    ("mail", 12),
    ("man", 15),
    ("dialout", 18),
    ("floppy", 19),
    ("games", 20),
    ("utmp", 22),
    ("tape", 33),
    ("utempter", 35),
    ("video", 39),
    ("ftp", 50),
    ("lock", 54),
    ("audio", 63),
    ("users", 100),
    ("nobody", 65_534),
];

pub fn unpack_rpm(name: &str, package: &Verified<SignedRpm>, rules: Rules<'_>) -> Result<Unpacked, UnpackError> {
    let archive = package.archive()?;
    let identity = archive.identity();
    // The name becomes a part of paths.
    if identity.name != name || name.contains('/') {
        return Err(UnpackError::OtherPackage {
            found: identity.name.clone(),
        });
    }
    // Without the payload: the package database takes the header, and says what became of each file.
    let header = package.bytes().get(..archive.container().header_range.end);
    let mut unpacked = Unpacked {
        name: name.to_owned(),
        metadata: Metadata::Rpm(header.unwrap_or_default().to_vec()),
        entries: BTreeMap::new(),
        emptied: BTreeSet::new(),
        certificates: BTreeMap::new(),
        capabilities: BTreeMap::new(),
        newest: 0,
    };
    let mut taking = Taking {
        unpacked: &mut unpacked,
        shared: shared_contents(archive.files()),
        kept_aside: BTreeMap::new(),
        rules,
    };
    archive.for_each_entry(|entry, contents| taking.take(&entry, contents))?;
    taking.settle_links()?;
    Ok(unpacked)
}

/// Paths whose contents have other names, too.
fn shared_contents(files: &[rpm::File]) -> BTreeSet<&str> {
    let holders = files.iter().filter_map(|file| file.content_at);
    holders
        .filter_map(|at| files.get(at))
        .map(|file| file.path.as_str())
        .collect()
}

struct Taking<'a> {
    unpacked: &'a mut Unpacked,
    shared: BTreeSet<&'a str>,
    /// Pruned contents that another name may still need, by the path in the image.
    kept_aside: BTreeMap<TreePath, Bytes>,
    rules: Rules<'a>,
}

impl Taking<'_> {
    fn take(&mut self, entry: &rpm::Entry, contents: &mut dyn Read) -> Result<(), UnpackError> {
        let unpacked = &mut *self.unpacked;
        if entry.mtime <= LATEST {
            unpacked.newest = unpacked.newest.max(entry.mtime);
        }
        let Some(path) = relocated(&entry.path) else {
            return Ok(());
        };
        let path: TreePath = path.parse()?;
        let certificate = is_certificate(path.as_str()) && entry.kind == EntryKind::File;
        if self.rules.pruner.prunes(path.as_str()) {
            unpacked.emptied.extend(path.ancestors().map(str::to_owned));
            let shared = self.shared.contains(entry.path.as_str()) && entry.kind == EntryKind::File;
            if certificate || shared {
                let contents = read(entry, contents)?;
                if certificate {
                    unpacked.certificates.insert(path.clone(), contents.clone());
                }
                if shared {
                    self.kept_aside.insert(path, contents);
                }
            }
            return Ok(());
        }
        let kind = match &entry.kind {
            EntryKind::File => Kind::File(read(entry, contents)?),
            EntryKind::Directory => Kind::Directory,
            EntryKind::Symlink(target) => Kind::Symlink(target.clone()),
            EntryKind::Hardlink(target) => Kind::Hardlink(relocated(target).unwrap_or_else(|| target.clone()).parse()?),
        };
        if let (true, Kind::File(contents)) = (certificate, &kind) {
            unpacked.certificates.insert(path.clone(), contents.clone());
        }
        let (user, group) = owner(entry, self.rules)?;
        let mut made = Entry::new(kind, entry.mode)
            .owned_by(user, group)
            .modified_at(entry.mtime);
        harden(path.as_str(), &mut made, self.rules.permits);
        if let Some(capabilities) = &entry.capabilities {
            unpacked.capabilities.insert(path.clone(), capabilities.clone());
        }
        unpacked.entries.insert(path, made);
        Ok(())
    }

    /// Of the names whose first is pruned, the next becomes the file.
    fn settle_links(self) -> Result<(), UnpackError> {
        let entries = &mut self.unpacked.entries;
        let links: Vec<(TreePath, TreePath)> = entries
            .iter()
            .filter_map(|(path, entry)| match &entry.kind {
                Kind::Hardlink(target) => Some((path.clone(), target.clone())),
                _ => None,
            })
            .collect();
        let mut first_names: BTreeMap<TreePath, TreePath> = BTreeMap::new();
        for (path, target) in links {
            if entries
                .get(&target)
                .is_some_and(|entry| matches!(entry.kind, Kind::File(_)))
            {
                continue;
            }
            let kind = match (first_names.get(&target), self.kept_aside.get(&target)) {
                (Some(first), _) => Kind::Hardlink(first.clone()),
                (None, Some(contents)) => {
                    first_names.insert(target, path.clone());
                    Kind::File(contents.clone())
                }
                (None, None) => {
                    return Err(UnpackError::Hardlink {
                        path: path.to_string(),
                        target: target.to_string(),
                    });
                }
            };
            if let Some(entry) = entries.get_mut(&path) {
                entry.kind = kind;
            }
        }
        Ok(())
    }
}

fn owner(entry: &rpm::Entry, rules: Rules<'_>) -> Result<(u32, u32), UnpackError> {
    let fixed = |table: &[(&str, u32)], name: &str| table.iter().find(|(known, _)| *known == name).map(|(_, id)| *id);
    let unknown = |kind, name: &str| UnpackError::OwnerName {
        path: entry.path.clone(),
        kind,
        name: name.to_owned(),
    };
    let user = rules
        .accounts
        .user_id(&entry.user)
        .or_else(|| fixed(&USERS, &entry.user));
    let group = rules
        .accounts
        .group_id(&entry.group)
        .or_else(|| fixed(&GROUPS, &entry.group));
    Ok((
        user.ok_or_else(|| unknown("account", &entry.user))?,
        group.ok_or_else(|| unknown("group", &entry.group))?,
    ))
}

fn read(entry: &rpm::Entry, contents: &mut dyn Read) -> Result<Bytes, UnpackError> {
    // The archive's reader bounds the whole; the size that an entry claims is only a first guess.
    let guess = usize::try_from(entry.size.min(64 << 20)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(guess);
    contents.read_to_end(&mut bytes).map_err(|source| UnpackError::Read {
        path: entry.path.clone(),
        source,
    })?;
    Ok(Bytes::from(bytes))
}

#[cfg(test)]
mod tests;
