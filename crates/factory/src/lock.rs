//! Definitions to a lock: signed suites, checked indexes, a solution for each image, and the scripts that will not be run.

mod error;
mod index;
mod memory;
mod scripts;
mod solution;
mod suite;
mod universe;

use std::time::SystemTime;

pub use error::LockError;

use crate::cache::Cache;
use crate::fetch::{Fetcher, Progress};
use crate::lockfile::{FORMAT, Lockfile};
use crate::mirror::Mirrors;
use crate::project::Project;
use crate::supply::Supply;

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
/// its suites: they prove its packages as well as today's would.
pub fn lock(request: &Request<'_>) -> Result<Lockfile, LockError> {
    let suites = suite::fetch_all(request)?;
    if let Some(old) = request.old {
        note_steps_back(request, old, &suites);
        if memory::is_remembered(request, &suites, old) {
            return Ok(old.clone());
        }
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
        suites: suites.iter().map(|suite| suite.locked.clone()).collect(),
        images,
        packages,
    };
    let supply = Supply {
        cache: request.cache,
        fetcher: request.fetcher,
        mirrors: request.mirrors,
        snapshot: None,
        progress: request.progress,
    };
    scripts::fill_in(&mut lock, request.old, supply)?;
    if let Some(old) = request.old.filter(|old| is_same(old, &lock)) {
        lock = old.clone();
    }
    memory::remember(request, &suites, &lock);
    Ok(lock)
}

/// But for the suites' digests and dates.
fn is_same(old: &Lockfile, new: &Lockfile) -> bool {
    let dated = Lockfile {
        suites: new.suites.clone(),
        ..old.clone()
    };
    let declared = |lock: &Lockfile| {
        lock.suites
            .iter()
            .map(|suite| {
                (
                    suite.name.clone(),
                    suite.archive,
                    suite.components.clone(),
                    suite.signed_by.clone(),
                )
            })
            .collect::<Vec<_>>()
    };
    dated == *new && declared(old) == declared(new)
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
