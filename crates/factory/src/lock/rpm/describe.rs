//! Each repository's `repomd.xml`, from the first place that has it.

use std::time::Instant;

use qclock_trust::Keyring;

use crate::failure::{Class, Failure as _};
use crate::flavour::Repository;
use crate::keys::keyring;
use crate::lock::{LockError, Request};
use crate::lockfile::LockedRepository;
use crate::mirror::Url;
use crate::repository::{Demand, Description, Means, Place, RepositoryError, Source};

/// A repository, described, and the keys that its packages must be signed with.
pub(super) struct Described {
    pub(super) locked: LockedRepository,
    pub(super) description: Description,
    pub(super) keyring: Keyring,
}

/// All of the flavour, in its order, asked at the same time.
pub(super) fn describe_all(request: &Request<'_>) -> Result<Vec<Described>, LockError> {
    std::thread::scope(|scope| {
        let repositories = &request.project.flavour.repositories;
        let asking: Vec<_> = repositories
            .iter()
            .map(|repository| scope.spawn(move || describe(request, repository)))
            .collect();
        asking
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn describe(request: &Request<'_>, repository: &Repository) -> Result<Described, LockError> {
    let keyring = keyring(request.project, &repository.name, &repository.keys)?;
    let candidates = request
        .mirrors
        .candidates(&repository.name)
        .map_err(|error| LockError::NoRepository {
            name: repository.name.clone(),
            reason: error.to_string(),
            hint: error.hint(),
        })?;
    let means = Means {
        cache: Some(request.cache),
        fetcher: Some(request.fetcher),
        progress: request.progress,
    };
    let demand = repository.signed_metadata.then_some(Demand {
        keyring: &keyring,
        now: request.now,
    });
    let started = Instant::now();
    let mut failure: Option<RepositoryError> = None;
    for candidate in candidates {
        let source = Source {
            name: repository.name.clone(),
            place: place(&candidate.archive),
        };
        match Description::fetch(&source, demand, means) {
            Ok(description) => {
                return Ok(Described {
                    locked: locked(repository, &description),
                    description,
                    keyring,
                });
            }
            // What did not verify is the more important to know; otherwise the last place is the mirror.
            Err(error) => {
                let graver = failure
                    .as_ref()
                    .is_none_or(|first| first.class() != Class::Verification);
                failure = if graver { Some(error) } else { failure };
            }
        }
    }
    Err(failed(request, repository, failure, started))
}

fn failed(
    request: &Request<'_>,
    repository: &Repository,
    failure: Option<RepositoryError>,
    started: Instant,
) -> LockError {
    match failure {
        Some(source) if source.class() == Class::Environment => LockError::Unreachable {
            name: repository.name.clone(),
            path: repository.path.clone(),
            seconds: started.elapsed().as_secs(),
            variable: request.project.flavour.mirror_variable(),
            source: Box::new(source),
        },
        Some(source) => source.into(),
        None => LockError::NoRepository {
            name: repository.name.clone(),
            reason: "no place is known".to_owned(),
            hint: None,
        },
    }
}

fn place(address: &Url) -> Place {
    match address.to_file_path() {
        Ok(folder) if address.scheme() == "file" => Place::Folder(folder),
        _ => Place::Address(address.clone()),
    }
}

fn locked(repository: &Repository, description: &Description) -> LockedRepository {
    let revision = description.repomd.revision.clone();
    LockedRepository {
        name: repository.name.clone(),
        path: repository.path.clone(),
        repomd: description.sha256.to_string(),
        date: date(&revision),
        revision,
        signed_by: description.signed_by.clone(),
    }
}

/// Makers of repositories count in seconds since 1970, or from 1 on.
fn date(revision: &str) -> Option<String> {
    const YEAR_2000: i64 = 946_684_800;
    let seconds: i64 = revision.parse().ok().filter(|&seconds| seconds > YEAR_2000)?;
    Some(jiff::Timestamp::from_second(seconds).ok()?.to_string())
}
