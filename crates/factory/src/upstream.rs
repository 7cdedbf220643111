//! Releases that are no packages: from a file that somebody names, the project's `vendor` folder, the addresses of the definition, or a
//! Maven repository.  Wherever one comes from, it is taken for what it is by its size and sha256, which the definition and the lock name.

mod error;
mod maven;

use qclock_trust::{Sha256, Verified};
use reqwest::Url;

pub use error::{Attempt, Outcome, UpstreamError};
pub use maven::MavenError;

use crate::cache::Found;
use crate::definition::UpstreamArchive;
use crate::fetch::{FetchError, Wanted};
use crate::supply::Supply;

/// Brings the archive into the cache if it is not there.
pub fn obtain(supply: &Supply<'_>, archive: &UpstreamArchive) -> Result<(), UpstreamError> {
    let digest = digest(archive)?;
    if supply.cache.holds(digest, archive.size) {
        return Ok(());
    }
    let mut search = Search {
        supply,
        archive,
        digest,
        attempts: Vec::new(),
    };
    let found = match supply.files.get(&archive.name) {
        // Whoever names a file means that one.
        Some(file) => search.ask(vec![file_address(archive, file)?], 1),
        None => search.ask_all(),
    };
    if found {
        for attempt in search.attempts.iter().filter(|attempt| attempt.is_wrong()) {
            supply.progress.note(&format!(
                "A wrong file of the archive {} was passed over: {attempt}.",
                archive.name
            ));
        }
        return Ok(());
    }
    Err(UpstreamError::Nowhere {
        archive: Box::new(archive.clone()),
        attempts: search.attempts,
    })
}

/// The archive, checked; a damaged file of the cache is fetched again.
pub fn read(supply: &Supply<'_>, archive: &UpstreamArchive) -> Result<Verified<Vec<u8>>, UpstreamError> {
    let digest = digest(archive)?;
    for _ in 0..2 {
        obtain(supply, archive)?;
        match supply.cache.read(digest, archive.size)? {
            Found::Whole(bytes) => return Ok(bytes),
            Found::Absent | Found::Damaged => supply.progress.note(&format!(
                "The cached file of {} {} was damaged and is fetched again.",
                archive.name, archive.version
            )),
        }
    }
    Err(UpstreamError::Unstable {
        name: archive.name.clone(),
    })
}

struct Search<'a> {
    supply: &'a Supply<'a>,
    archive: &'a UpstreamArchive,
    digest: Sha256,
    /// What did not lead anywhere.
    attempts: Vec<Attempt>,
}

impl Search<'_> {
    fn ask_all(&mut self) -> bool {
        let archive = self.archive;
        let vendor = self.supply.mirrors.vendor();
        let mut local: Vec<Url> = archive
            .file_names()
            .iter()
            .flat_map(|name| vendor.places(self.digest, name))
            .collect();
        local.dedup();
        let addresses: Vec<Url> = archive.addresses.iter().filter_map(|it| Url::parse(it).ok()).collect();
        // With another place to ask, nobody waits for one that may come back.
        let patience = if archive.maven.is_some() { 1 } else { 3 };
        self.ask(local, 1) || self.ask(addresses, patience) || self.ask_maven()
    }

    fn ask(&mut self, addresses: Vec<Url>, attempts: u32) -> bool {
        if addresses.is_empty() {
            return false;
        }
        let wanted = Wanted {
            name: format!("{} {}", self.archive.name, self.archive.version),
            digest: self.digest.into(),
            size: self.archive.size,
            addresses,
        };
        let Supply {
            cache,
            fetcher,
            progress,
            ..
        } = self.supply;
        match fetcher.store_one(cache, &wanted, attempts, *progress) {
            Ok(()) => true,
            Err(FetchError::File { earlier, last, .. }) => {
                let tried = earlier.into_iter().chain([*last]);
                self.attempts.extend(tried.map(|tried| Attempt {
                    outcome: Outcome::Fetched(Box::new(tried)),
                }));
                false
            }
            Err(other) => {
                self.attempts.push(Attempt {
                    outcome: Outcome::Client(other.to_string()),
                });
                false
            }
        }
    }

    fn ask_maven(&mut self) -> bool {
        let Some(coordinate) = self.archive.coordinate() else {
            return false;
        };
        match maven::fetch(self.archive, &coordinate, &self.digest, self.supply) {
            Ok(()) => true,
            Err(error) => {
                self.attempts.push(Attempt {
                    outcome: Outcome::Maven {
                        coordinate: self.archive.maven.clone().unwrap_or_default(),
                        error,
                    },
                });
                false
            }
        }
    }
}

fn digest(archive: &UpstreamArchive) -> Result<Sha256, UpstreamError> {
    archive.sha256.parse().map_err(|_| UpstreamError::Digest {
        name: archive.name.clone(),
    })
}

fn file_address(archive: &UpstreamArchive, file: &std::path::Path) -> Result<Url, UpstreamError> {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    Url::from_file_path(absolute).map_err(|()| UpstreamError::File {
        variable: archive.variable(),
        path: file.to_owned(),
    })
}
