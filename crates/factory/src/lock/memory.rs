//! The cache remembers which lock a set of suites or repositories and definitions gave, so that asking again costs nothing.

use qclock_trust::Sha256;
use serde_json::{Value, json};

use super::Request;
use crate::cache::kind;
use crate::lockfile::{FORMAT, LockedArchive, Lockfile};

/// Raised whenever the same inputs may give another lock.
const SOLVER: u32 = 2;

/// Whether `old` is what these origins and definitions gave before.
pub(super) fn is_remembered(request: &Request<'_>, origins: &Value, old: &Lockfile) -> bool {
    let remembered = request.cache.derived(kind::LOCKS, &inputs(request, origins));
    remembered.is_some_and(|remembered| remembered == digest(old).as_bytes())
}

/// A cache that cannot be written to costs time only.
pub(super) fn remember(request: &Request<'_>, origins: &Value, lock: &Lockfile) {
    if let Err(error) = request
        .cache
        .put_derived(kind::LOCKS, &inputs(request, origins), digest(lock).as_bytes())
    {
        request
            .progress
            .note(&format!("The next lock will take longer: {error}."));
    }
}

fn digest(lock: &Lockfile) -> String {
    Sha256::of(lock.to_text().as_bytes()).to_string()
}

/// The digest of everything that a lock depends on.
fn inputs(request: &Request<'_>, origins: &Value) -> String {
    let flavour = &request.project.flavour;
    let images = request.project.images().iter().map(|image| {
        let selection = image.selection(&flavour.name);
        let omissions = selection
            .omissions
            .iter()
            .map(|omission| json!([omission.names, omission.reason]))
            .collect::<Vec<_>>();
        let archives = json!(LockedArchive::all_of(image));
        json!([image.name, image.parent, selection.install, omissions, archives])
    });
    let inputs = json!([
        FORMAT,
        SOLVER,
        env!("CARGO_PKG_VERSION"),
        flavour.name,
        flavour.architecture,
        origins,
        images.collect::<Vec<_>>(),
    ]);
    Sha256::of(inputs.to_string().as_bytes()).to_string()
}
