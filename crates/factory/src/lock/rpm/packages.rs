//! Every chosen package: downloaded, its signature verified by its own repository's keys, compared with what the repository says of
//! it, and its scriptlets noted.

use std::collections::BTreeMap;

use qclock_packages::rpm::scriptlets;
use qclock_trust::{Digest, KeyAge, RepositoryRecord, verify_rpm};
use rayon::prelude::*;

use super::Described;
use crate::ledger::scriptlet_name;
use crate::lock::{LockError, Request};
use crate::lockfile::{LockedPackage, Lockfile};
use crate::supply::{NO_FILES, Supply, SupplyError};

/// What the package itself tells.
struct Told {
    signed_by: String,
    signed_at: Option<String>,
    scripts: BTreeMap<String, String>,
}

pub(super) fn verify_all(
    request: &Request<'_>,
    lock: &mut Lockfile,
    repositories: &[Described],
    records: &BTreeMap<String, RepositoryRecord>,
) -> Result<(), LockError> {
    let supply = Supply {
        cache: request.cache,
        fetcher: request.fetcher,
        mirrors: request.mirrors,
        snapshot: None,
        files: &NO_FILES,
        progress: request.progress,
    };
    name_by_sha256(lock, supply, records)?;
    let packages: Vec<&LockedPackage> = lock.packages.iter().collect();
    supply.obtain(lock, &packages).map_err(|error| match error {
        SupplyError::Gone { source, .. } => LockError::Listed { source },
        other => other.into(),
    })?;
    let told: Vec<Result<Told, LockError>> = packages
        .par_iter()
        .map(|package| verify(request, lock, package, repositories, records, supply))
        .collect();
    // Of several failures always the same one is told.
    let told: Vec<Told> = told.into_iter().collect::<Result<_, _>>()?;
    for (package, told) in lock.packages.iter_mut().zip(told) {
        package.signed_by = told.signed_by;
        package.signed_at = told.signed_at;
        package.scripts = told.scripts;
    }
    Ok(())
}

/// A repository may tell its packages by digests of another kind than a lock does: those packages are fetched by that, and their sha256
/// is worked out.  They are checked against their record all the same, afterwards, as every other.
fn name_by_sha256(
    lock: &mut Lockfile,
    supply: Supply<'_>,
    records: &BTreeMap<String, RepositoryRecord>,
) -> Result<(), LockError> {
    let strange = |package: &&LockedPackage| package.sha256.is_empty();
    let digest_of = |package: &LockedPackage| records.get(&package.name).map(|record| record.digest);
    let strangers: Vec<(&LockedPackage, Digest)> = (lock.packages.iter().filter(strange))
        .filter_map(|package| Some((package, digest_of(package)?)))
        .collect();
    let read = supply.read_by_digest(lock, &strangers);
    let read = read.map_err(|error| match error {
        SupplyError::Gone { source, .. } => LockError::Listed { source },
        other => other.into(),
    })?;
    for (name, sha256) in read {
        if let Some(package) = lock.packages.iter_mut().find(|package| package.name == name) {
            package.sha256 = sha256.to_string();
        }
    }
    Ok(())
}

fn verify(
    request: &Request<'_>,
    lock: &Lockfile,
    package: &LockedPackage,
    repositories: &[Described],
    records: &BTreeMap<String, RepositoryRecord>,
    supply: Supply<'_>,
) -> Result<Told, LockError> {
    let bytes = supply.read(lock, package)?.into_inner();
    let own = repositories.iter().find(|it| it.locked.name == package.origin());
    let (Some(Described { keyring, .. }), Some(record)) = (own, records.get(&package.name)) else {
        return Err(LockError::Record {
            name: package.name.clone(),
            repository: package.origin().to_owned(),
            reason: "no record",
        });
    };
    let signed = verify_rpm(bytes, keyring, request.now, KeyAge::ValidNow).map_err(|source| LockError::Rpm {
        name: package.name.clone(),
        version: package.version.clone(),
        repository: package.origin().to_owned(),
        source: Box::new(source),
    })?;
    signed.check_record(record).map_err(|source| LockError::OtherRpm {
        name: package.name.clone(),
        repository: package.origin().to_owned(),
        source: Box::new(source),
    })?;
    let unreadable = |source| LockError::Scriptlets {
        name: package.name.clone(),
        version: package.version.clone(),
        source,
    };
    let archive = signed.archive().map_err(|source| LockError::RpmArchive {
        name: package.name.clone(),
        version: package.version.clone(),
        source: Box::new(source),
    })?;
    let scriptlets = scriptlets(&archive.container().header).map_err(unreadable)?;
    let signer = signed.signers().first();
    Ok(Told {
        signed_by: signer.map(|signer| signer.signed_by.clone()).unwrap_or_default(),
        signed_at: signer
            .and_then(|signer| jiff::Timestamp::try_from(signer.signed_at).ok())
            .map(|time| time.to_string()),
        scripts: scriptlets
            .iter()
            .map(|scriptlet| (scriptlet_name(scriptlet), scriptlet.digest()))
            .collect(),
    })
}
