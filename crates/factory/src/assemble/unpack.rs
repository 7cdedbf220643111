//! One package to entries, in memory.  Each packaging system has its own function here; what follows knows only [`Unpacked`].

mod rpm;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use bytes::Bytes;
use qclock_oci::path::TreePath;
use qclock_oci::tree::{Entry, Kind};
use qclock_packages::deb::{self, EntryKind};
use qclock_trust::Verified;

use super::forbidden::{Permits, harden};
use super::prune::Pruner;
use super::relocate::relocated;
use super::{CERTIFICATES, UnpackError};
use crate::generate::Accounts;

pub use rpm::unpack_rpm;
pub use upstream::{UpstreamRules, unpack_upstream};

/// The distribution gives ids below this out itself, the same on every machine.
const FIRST_DYNAMIC_ID: u64 = 100;
const NOBODY: u64 = 65_534;
/// Times after the year 9999 are nobody's.
const LATEST: i64 = 253_402_300_799;

/// What a package brings, less what is pruned.
#[derive(Debug)]
pub struct Unpacked {
    pub name: String,
    pub metadata: Metadata,
    pub entries: BTreeMap<TreePath, Entry>,
    /// Directories that pruning took something from.
    pub emptied: BTreeSet<String>,
    /// Certificates, pruned or not.
    pub certificates: BTreeMap<TreePath, Bytes>,
    /// What files would be allowed to do that their user may not (`cap_sys_nice=ep`): dropped, and told.
    pub capabilities: BTreeMap<TreePath, String>,
    /// The newest time of any of its files: the package's own date.
    pub newest: i64,
}

/// What the package database needs to know.
#[derive(Debug)]
pub enum Metadata {
    Deb(Box<deb::Control>),
    /// The package up to the end of its header.
    Rpm(Vec<u8>),
    /// A release, which no package database knows.
    Upstream,
}

/// How packages are unpacked for one image.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub pruner: &'a Pruner,
    pub permits: &'a Permits,
    /// The image's accounts and groups, besides those of the distribution.
    pub accounts: &'a Accounts,
}

pub fn unpack_deb(name: &str, bytes: &Verified<Vec<u8>>, rules: Rules<'_>) -> Result<Unpacked, UnpackError> {
    let archive = deb::Archive::open(bytes)?;
    let control = archive.control();
    // The name becomes a part of paths.
    if control.package != name || name.contains('/') {
        return Err(UnpackError::OtherPackage {
            found: control.package.clone(),
        });
    }
    let mut unpacked = Unpacked {
        name: name.to_owned(),
        metadata: Metadata::Deb(Box::new(control.clone())),
        entries: BTreeMap::new(),
        emptied: BTreeSet::new(),
        certificates: BTreeMap::new(),
        capabilities: BTreeMap::new(),
        newest: 0,
    };
    archive.for_each_entry(|entry, contents| unpacked.take(&entry, contents, rules))?;
    unpacked.settle_links(&archive)?;
    Ok(unpacked)
}

impl Unpacked {
    fn take(&mut self, entry: &deb::Entry, contents: &mut dyn Read, rules: Rules<'_>) -> Result<(), UnpackError> {
        if entry.mtime <= LATEST {
            self.newest = self.newest.max(entry.mtime);
        }
        let Some(path) = relocated(&entry.path) else {
            return Ok(());
        };
        let path: TreePath = path.parse()?;
        let pruned = rules.pruner.prunes(path.as_str());
        let certificate = is_certificate(path.as_str()) && entry.kind == EntryKind::File;
        if pruned {
            self.emptied.extend(path.ancestors().map(str::to_owned));
            if certificate {
                self.certificates.insert(path, read(entry, contents)?);
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
            self.certificates.insert(path.clone(), contents.clone());
        }
        let mut made = Entry::new(kind, entry.mode)
            .owned_by(
                id(entry, &entry.user, entry.uid, rules.accounts)?,
                id(entry, &entry.group, entry.gid, rules.accounts)?,
            )
            .modified_at(entry.mtime);
        harden(path.as_str(), &mut made, rules.permits);
        self.entries.insert(path, made);
        Ok(())
    }

    /// A hard link whose first name is pruned, becomes a file: its contents are read in a second pass.
    fn settle_links(&mut self, archive: &deb::Archive<'_>) -> Result<(), UnpackError> {
        let orphans = |unpacked: &Self| -> Vec<(TreePath, TreePath)> {
            let links = unpacked.entries.iter().filter_map(|(path, entry)| match &entry.kind {
                Kind::Hardlink(target) => Some((path.clone(), target.clone())),
                _ => None,
            });
            links
                .filter(|(_, target)| {
                    !matches!(
                        unpacked.entries.get(target).map(|entry| &entry.kind),
                        Some(Kind::File(_))
                    )
                })
                .collect()
        };
        let found = orphans(self);
        if found.is_empty() {
            return Ok(());
        }
        archive.for_each_entry(|entry, contents| -> Result<(), UnpackError> {
            if entry.kind != EntryKind::File {
                return Ok(());
            }
            let place = relocated(&entry.path).unwrap_or_default();
            let names: Vec<&TreePath> = found
                .iter()
                .filter(|(_, target)| target.as_str() == place)
                .map(|(path, _)| path)
                .collect();
            if let Some((first, others)) = names.split_first() {
                let bytes = read(&entry, contents)?;
                if let Some(made) = self.entries.get_mut(*first) {
                    made.kind = Kind::File(bytes);
                }
                for other in others {
                    if let Some(made) = self.entries.get_mut(*other) {
                        made.kind = Kind::Hardlink((*first).clone());
                    }
                }
            }
            Ok(())
        })?;
        orphans(self).into_iter().next().map_or(Ok(()), |(path, target)| {
            Err(UnpackError::Hardlink {
                path: path.to_string(),
                target: target.to_string(),
            })
        })
    }
}

fn is_certificate(path: &str) -> bool {
    CERTIFICATES.iter().any(|folder| path.starts_with(folder))
}

fn read(entry: &deb::Entry, contents: &mut dyn Read) -> Result<Bytes, UnpackError> {
    // The archive's reader bounds the whole; the size that an entry claims is only a first guess.
    let guess = usize::try_from(entry.size.min(64 << 20)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(guess);
    contents.read_to_end(&mut bytes).map_err(|source| UnpackError::Read {
        path: entry.path.clone(),
        source,
    })?;
    Ok(Bytes::from(bytes))
}

fn id(entry: &deb::Entry, name: &str, id: u64, accounts: &Accounts) -> Result<u32, UnpackError> {
    let known = u32::try_from(id)
        .ok()
        .filter(|known| accounts.has_id(*known) || id < FIRST_DYNAMIC_ID || id == NOBODY);
    known.ok_or_else(|| UnpackError::Owner {
        path: entry.path.clone(),
        user: if name.is_empty() {
            "nobody by name".to_owned()
        } else {
            format!("`{name}`")
        },
        id,
    })
}
