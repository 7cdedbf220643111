//! The lock of a flavour of RPM repositories: what they hold is told by checksums from `repomd.xml` on, and each package bears the
//! signature of its repository's key.

mod describe;
mod packages;
mod solution;

use serde_json::json;

use super::{LockError, Request, finish, standing};
use crate::lockfile::{FORMAT, Lockfile};
use crate::repository::{Means, check_all, open_all};
use describe::Described;

pub(super) fn lock(request: &Request<'_>) -> Result<Lockfile, LockError> {
    let flavour = &request.project.flavour;
    let repositories = describe::describe_all(request)?;
    let origins = origins(request, &repositories);
    if let Some(old) = request.old {
        note_steps_back(request, old, &repositories);
    }
    if let Some(old) = standing(request, &origins) {
        return Ok(old);
    }
    let means = Means {
        cache: Some(request.cache),
        fetcher: Some(request.fetcher),
        progress: request.progress,
    };
    let descriptions: Vec<_> = repositories.iter().map(|it| it.description.clone()).collect();
    let mut open = open_all(&descriptions, means)?;
    check_all(&mut open, means)?;
    let solved = solution::solve_all(request.project, &mut open, means)?;
    let mut lock = Lockfile {
        format: FORMAT,
        flavour: flavour.name.clone(),
        architecture: flavour.architecture.clone(),
        platform: flavour.platform.clone(),
        streams: flavour.streams.clone(),
        suites: Vec::new(),
        repositories: repositories.iter().map(|it| it.locked.clone()).collect(),
        images: solved.images,
        packages: solved.packages,
    };
    packages::verify_all(request, &mut lock, &repositories, &solved.records)?;
    Ok(finish(request, &origins, lock))
}

/// The flavour's repositories, for a question that locks nothing.
pub(super) fn open(request: &Request<'_>) -> Result<Vec<crate::repository::Repository>, LockError> {
    let descriptions = describe::describe_all(request)?;
    let descriptions: Vec<_> = descriptions.into_iter().map(|it| it.description).collect();
    let means = Means {
        cache: Some(request.cache),
        fetcher: Some(request.fetcher),
        progress: request.progress,
    };
    Ok(open_all(&descriptions, means)?)
}

/// Everything that the lock depends on besides the definitions.  A key that is replaced must be asked again.
fn origins(request: &Request<'_>, repositories: &[Described]) -> serde_json::Value {
    let flavour = &request.project.flavour;
    let keys: Vec<_> = repositories.iter().map(|it| it.keyring.fingerprints()).collect();
    let locked: Vec<_> = repositories.iter().map(|it| &it.locked).collect();
    let files: Vec<_> = flavour
        .keys()
        .map(|name| {
            let bytes = fs_err::read(request.project.keys().join(name)).unwrap_or_default();
            qclock_trust::Sha256::of(&bytes).to_string()
        })
        .collect();
    json!([locked, keys, files, flavour.platform, flavour.streams])
}

/// A mirror that lags behind the lock would take packages back to older versions.
fn note_steps_back(request: &Request<'_>, old: &Lockfile, repositories: &[Described]) {
    for Described { locked, .. } in repositories {
        let number = |revision: &str| revision.parse::<u64>().ok();
        let before = old.repository(&locked.name).and_then(|old| number(&old.revision));
        if before
            .zip(number(&locked.revision))
            .is_some_and(|(before, now)| now < before)
        {
            let of = locked.date.as_ref().unwrap_or(&locked.revision);
            request.progress.note(&format!(
                "The mirror's `{}` is of {of}, older than the lock's: packages may go back to older versions.",
                locked.name
            ));
        }
    }
}
