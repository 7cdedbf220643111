//! Where locked packages come from: the cache, then the project's `vendor` folder, then the mirror, then the archive's snapshot of
//! the lock's date.

mod error;

use std::collections::BTreeMap;
use std::path::PathBuf;

use qclock_trust::{Digest, Sha256, Verified};
use reqwest::Url;

pub use error::{Others, SupplyError};

use crate::build::{PackageSource, SourceError};
use crate::cache::{Cache, Found};
use crate::definition::UpstreamArchive;
use crate::failure::Failure as _;
use crate::fetch::{Fetcher, Progress, Wanted};
use crate::flavour::Archive;
use crate::lockfile::{LockedPackage, Lockfile};
use crate::mirror::Mirrors;
use crate::upstream;

/// What is needed to have packages; used from several threads at once.
#[derive(Clone, Copy)]
pub struct Supply<'a> {
    pub cache: &'a Cache,
    pub fetcher: &'a Fetcher,
    pub mirrors: &'a Mirrors,
    /// The address of a snapshot service, if one is to be asked for what the mirror has dropped.
    pub snapshot: Option<&'a Url>,
    /// Files that somebody names for releases, by the release's name.
    pub files: &'a BTreeMap<String, PathBuf>,
    pub progress: &'a dyn Progress,
}

impl std::fmt::Debug for Supply<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Supply")
            .field("cache", self.cache)
            .finish_non_exhaustive()
    }
}

impl Supply<'_> {
    /// Downloads what the cache has not.
    pub fn obtain(&self, lock: &Lockfile, packages: &[&LockedPackage]) -> Result<(), SupplyError> {
        let mut wanted = Vec::new();
        for package in packages {
            let digest = digest(package)?;
            if !self.cache.holds(digest, package.size) {
                wanted.push(Wanted {
                    name: format!("{} {}", package.name, package.version),
                    digest: digest.into(),
                    size: package.size,
                    addresses: self.addresses(lock, package, digest.into())?,
                });
            }
        }
        self.fetch(lock, &wanted)
    }

    /// The sha256 of packages that are known by another digest, each with its package's name; all are in the cache under both afterwards.
    pub(crate) fn read_by_digest(
        &self,
        lock: &Lockfile,
        packages: &[(&LockedPackage, Digest)],
    ) -> Result<Vec<(String, Sha256)>, SupplyError> {
        let mut named = Vec::new();
        // A second time for those that turn out to be damaged in the cache.
        for last in [false, true] {
            let mut wanted = Vec::new();
            for &(package, digest) in packages {
                if !self.cache.holds(digest, package.size) {
                    wanted.push(Wanted {
                        name: format!("{} {}", package.name, package.version),
                        digest,
                        size: package.size,
                        addresses: self.addresses(lock, package, digest)?,
                    });
                }
            }
            self.fetch(lock, &wanted)?;
            named.clear();
            for &(package, digest) in packages {
                match self.cache.read(digest, package.size)? {
                    Found::Whole(bytes) => {
                        named.push((package.name.clone(), self.cache.name_by_sha256(&digest, &bytes)?));
                    }
                    Found::Absent | Found::Damaged if last => {
                        return Err(SupplyError::Unstable {
                            name: package.name.clone(),
                        });
                    }
                    Found::Absent | Found::Damaged => {}
                }
            }
            if named.len() == packages.len() {
                break;
            }
        }
        Ok(named)
    }

    fn fetch(&self, lock: &Lockfile, wanted: &[Wanted]) -> Result<(), SupplyError> {
        let what = if wanted.len() == 1 {
            "1 package".to_owned()
        } else {
            format!("{} packages", wanted.len())
        };
        self.fetcher
            .store(self.cache, wanted, &what, self.progress)
            .map_err(|source| {
                if source.is_absent() {
                    SupplyError::Gone {
                        source,
                        others: match () {
                            () if !lock.repositories.is_empty() => Others::None,
                            () if self.snapshot.is_some() => Others::Asked,
                            () => Others::Possible,
                        },
                    }
                } else {
                    SupplyError::Fetch(source)
                }
            })
    }

    /// The package's bytes, checked; a damaged file of the cache is fetched again.
    pub fn read(&self, lock: &Lockfile, package: &LockedPackage) -> Result<Verified<Vec<u8>>, SupplyError> {
        let digest = digest(package)?;
        for _ in 0..2 {
            match self.cache.read(digest, package.size)? {
                Found::Whole(bytes) => return Ok(bytes),
                Found::Absent => {}
                Found::Damaged => self.progress.note(&format!(
                    "The cached file of {} {} was damaged and is fetched again.",
                    package.name, package.version
                )),
            }
            self.obtain(lock, &[package])?;
        }
        match self.cache.read(digest, package.size)? {
            Found::Whole(bytes) => Ok(bytes),
            Found::Absent | Found::Damaged => Err(SupplyError::Unstable {
                name: package.name.clone(),
            }),
        }
    }

    /// The project's own folder, the mirror, the archive's snapshot.
    fn addresses(&self, lock: &Lockfile, package: &LockedPackage, digest: Digest) -> Result<Vec<Url>, SupplyError> {
        let join = |archive: &Url| {
            archive
                .join(&package.path)
                .ok()
                .filter(|address| address.as_str().starts_with(archive.as_str()))
        };
        let mut addresses = self.mirrors.vendor().places(digest, &package.path);
        match self.mirrors.candidates(package.origin()) {
            Ok(candidates) => addresses.extend(candidates.iter().filter_map(|candidate| join(&candidate.archive))),
            // Without a mirror there may still be another place.
            Err(_) if self.snapshot.is_some() || !addresses.is_empty() => {}
            Err(error) => {
                return Err(SupplyError::Mirror {
                    name: package.name.clone(),
                    reason: error.to_string(),
                    hint: error.hint(),
                });
            }
        }
        if let Some(suite) = &package.suite {
            let suite = lock.suite(suite).ok_or_else(|| SupplyError::Lock {
                name: package.name.clone(),
                field: "suite",
            })?;
            let snapshot = self.snapshot;
            let archive = snapshot.and_then(|service| snapshot_archive(service, suite.archive, &suite.date));
            addresses.extend(archive.and_then(|archive| join(&archive)));
        }
        addresses.dedup();
        Ok(addresses)
    }
}

/// The archive as it was: `<address>/archive/debian/20250520T143001Z/`.
fn snapshot_archive(service: &Url, archive: Archive, date: &str) -> Option<Url> {
    let date: jiff::Timestamp = date.parse().ok()?;
    let service = service.as_str().trim_end_matches('/');
    Url::parse(&format!(
        "{service}/archive/{}/{}/",
        archive.folder(),
        date.strftime("%Y%m%dT%H%M%SZ")
    ))
    .ok()
}

fn digest(package: &LockedPackage) -> Result<Sha256, SupplyError> {
    package.sha256.parse().map_err(|_| SupplyError::Lock {
        name: package.name.clone(),
        field: "sha256",
    })
}

/// No files by name.
pub(crate) static NO_FILES: BTreeMap<String, PathBuf> = BTreeMap::new();

/// A lock's packages, for a build.
#[derive(Debug, Clone, Copy)]
pub struct LockSupply<'a> {
    pub supply: Supply<'a>,
    pub lock: &'a Lockfile,
}

impl PackageSource for LockSupply<'_> {
    fn obtain(&self, packages: &[&LockedPackage]) -> Result<(), SourceError> {
        Ok(self.supply.obtain(self.lock, packages)?)
    }

    fn read(&self, package: &LockedPackage) -> Result<Verified<Vec<u8>>, SourceError> {
        Ok(self.supply.read(self.lock, package)?)
    }

    fn archive(&self, archive: &UpstreamArchive) -> Result<Verified<Vec<u8>>, SourceError> {
        Ok(upstream::read(&self.supply, archive)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snapshot_of_a_date_has_the_service_s_form() {
        let service = Url::parse("https://snapshot.example/").unwrap();
        let address = snapshot_archive(&service, Archive::DebianSecurity, "2025-05-20T14:30:01Z").unwrap();
        assert_eq!(
            address.as_str(),
            "https://snapshot.example/archive/debian-security/20250520T143001Z/"
        );
    }
}
