//! Definitions to a lock: signed suites or repositories, checked indexes, a solution for each image, and the scripts that will not be run.

mod error;
mod index;
mod memory;
mod question;
mod rpm;
mod scripts;
mod solution;
mod suite;
pub(crate) mod universe;

use std::time::SystemTime;

pub use error::LockError;
pub use question::resolve_flavour;

use crate::cache::Cache;
use crate::fetch::{Fetcher, Progress};
use crate::flavour::Packaging;
use crate::lockfile::{FORMAT, Lockfile};
use crate::mirror::Mirrors;
use crate::project::Project;
use crate::supply::{NO_FILES, Supply};

pub struct Request<'a> {
    pub project: &'a Project,
    pub cache: &'a Cache,
    pub fetcher: &'a Fetcher,
    pub mirrors: &'a Mirrors,
    pub now: SystemTime,
    /// The lock as it stands.
    pub old: Option<&'a Lockfile>,
    pub progress: &'a dyn Progress,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Request")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// What is to be locked now.  Where images and packages are the same as in the old lock, that is the answer, with the dates of
/// its suites and repositories: they prove its packages as well as today's would.
pub fn lock(request: &Request<'_>) -> Result<Lockfile, LockError> {
    match request.project.flavour.packaging() {
        Packaging::Deb => lock_debian(request),
        Packaging::Rpm => rpm::lock(request),
    }
}

fn lock_debian(request: &Request<'_>) -> Result<Lockfile, LockError> {
    let suites = suite::fetch_all(request)?;
    let locked: Vec<_> = suites.iter().map(|suite| suite.locked.clone()).collect();
    let origins = serde_json::json!(locked);
    if let Some(old) = request.old {
        note_steps_back(request, old, &suites);
    }
    if let Some(old) = standing(request, &origins) {
        return Ok(old);
    }
    let indexes = suites
        .iter()
        .map(|suite| index::fetch(request, suite))
        .collect::<Result<Vec<_>, _>>()?;
    let (images, packages) = solution::solve_all(request.project, &suites, &indexes)?;
    let mut lock = Lockfile {
        format: FORMAT,
        flavour: request.project.flavour.name.clone(),
        architecture: request.project.flavour.architecture.clone(),
        platform: None,
        streams: Vec::new(),
        suites: locked,
        repositories: Vec::new(),
        images,
        packages,
    };
    let supply = Supply {
        cache: request.cache,
        fetcher: request.fetcher,
        mirrors: request.mirrors,
        snapshot: None,
        files: &NO_FILES,
        progress: request.progress,
    };
    scripts::fill_in(&mut lock, request.old, supply)?;
    Ok(finish(request, &origins, lock))
}

/// The old lock, if it is known to be what would come out.
fn standing(request: &Request<'_>, origins: &serde_json::Value) -> Option<Lockfile> {
    let old = request.old?;
    memory::is_remembered(request, origins, old).then(|| old.clone())
}

fn finish(request: &Request<'_>, origins: &serde_json::Value, mut lock: Lockfile) -> Lockfile {
    if let Some(old) = request.old.filter(|old| is_same(old, &lock)) {
        lock = old.clone();
    }
    memory::remember(request, origins, &lock);
    lock
}

/// But for the digests and dates of suites and repositories.
fn is_same(old: &Lockfile, new: &Lockfile) -> bool {
    let dated = Lockfile {
        suites: new.suites.clone(),
        repositories: new.repositories.clone(),
        ..old.clone()
    };
    dated == *new && declared(old) == declared(new)
}

fn declared(lock: &Lockfile) -> serde_json::Value {
    let suites = lock.suites.iter();
    let suites = suites.map(|it| serde_json::json!([it.name, it.archive, it.components, it.signed_by]));
    let repositories = lock.repositories.iter();
    let repositories = repositories.map(|it| serde_json::json!([it.name, it.path, it.signed_by]));
    suites.chain(repositories).collect()
}

/// A mirror that lags behind the lock would take packages back to older versions.
fn note_steps_back(request: &Request<'_>, old: &Lockfile, suites: &[suite::SignedSuite]) {
    for suite in suites {
        let locked = old
            .suite(&suite.locked.name)
            .and_then(|old| old.date.parse::<jiff::Timestamp>().ok());
        if locked.is_some_and(|locked| suite.release.date < locked) {
            request.progress.note(&format!(
                "The mirror's `{}` is of {}, older than the lock's: packages may go back to older versions.",
                suite.locked.name, suite.locked.date
            ));
        }
    }
}
