//! A suite's `InRelease` file: fetched, its signature verified, its validity checked.

use qclock_packages::deb::{Release, ReleaseError};
use qclock_trust::{Keyring, Sha256, verify_inrelease};

use super::{LockError, Request};
use crate::failure::{Class, Failure as _};
use crate::flavour::Suite;
use crate::keys::keyring;
use crate::lockfile::LockedSuite;
use crate::mirror::{Candidate, shown};

/// Debian's longest has 2 MiB.
const LONGEST: u64 = 16 << 20;

/// A suite that somebody trusted has signed.
#[derive(Debug)]
pub(super) struct SignedSuite {
    pub locked: LockedSuite,
    pub release: Release,
    /// Where it was found.
    pub place: Candidate,
}

/// All suites of the flavour, in its order, fetched at the same time.
pub(super) fn fetch_all(request: &Request<'_>) -> Result<Vec<SignedSuite>, LockError> {
    std::thread::scope(|scope| {
        let suites = &request.project.flavour.suites;
        let fetching: Vec<_> = suites
            .iter()
            .map(|suite| scope.spawn(move || fetch(request, suite)))
            .collect();
        fetching
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// From the first place that has it, rightly signed.  Third parties name suites as Debian does: theirs are told by the key.
fn fetch(request: &Request<'_>, suite: &Suite) -> Result<SignedSuite, LockError> {
    let keyring = keyring(request.project, &suite.name, &suite.keys)?;
    let candidates = request
        .mirrors
        .candidates(&suite.name)
        .map_err(|error| LockError::Mirror {
            suite: suite.name.clone(),
            reason: error.to_string(),
            hint: error.hint(),
        })?;
    let mut failure: Option<LockError> = None;
    for place in candidates {
        match fetch_from(request, suite, place, &keyring) {
            Ok(signed) => return Ok(signed),
            // The first place is the likeliest one; but what did not verify is the more important to know.
            Err(error) => {
                let graver = failure
                    .as_ref()
                    .is_none_or(|first| first.class() != Class::Verification && error.class() == Class::Verification);
                failure = if graver { Some(error) } else { failure };
            }
        }
    }
    Err(failure.unwrap_or_else(|| LockError::Mirror {
        suite: suite.name.clone(),
        reason: "no place is known".to_owned(),
        hint: None,
    }))
}

fn fetch_from(
    request: &Request<'_>,
    suite: &Suite,
    place: &Candidate,
    keyring: &Keyring,
) -> Result<SignedSuite, LockError> {
    let name = || suite.name.clone();
    let url = place.archive.join(&format!("dists/{}/InRelease", place.folder));
    let url = url.map_err(|error| LockError::Mirror {
        suite: name(),
        reason: error.to_string(),
        hint: None,
    })?;
    let address = || shown(&url);
    let bytes = request
        .fetcher
        .small(&format!("the suite `{}`", suite.name), &url, LONGEST)
        .map_err(|source| LockError::FetchSuite { suite: name(), source })?;
    let signed = verify_inrelease(&bytes, keyring, request.now).map_err(|source| LockError::Signature {
        suite: name(),
        address: address(),
        source: Box::new(source),
    })?;
    let release = Release::parse(&signed.text).map_err(|source| LockError::Release {
        suite: name(),
        address: address(),
        source,
    })?;
    let expired = match release.check_validity(request.now) {
        Ok(()) => None,
        Err(ReleaseError::Expired { valid_until, .. }) if suite.accept_expired => {
            request.progress.note(&format!(
                "The suite `{}` was valid until {valid_until} and has expired: accepted, as the flavour says, and written into the lock.",
                suite.name
            ));
            Some(valid_until.to_string())
        }
        Err(source) => {
            return Err(LockError::Validity {
                suite: name(),
                address: address(),
                source,
            });
        }
    };
    if release.codename != suite.name {
        return Err(LockError::OtherSuite {
            suite: name(),
            address: address(),
            found: release.codename,
        });
    }
    Ok(SignedSuite {
        locked: LockedSuite {
            name: name(),
            archive: suite.archive,
            components: suite.components.clone(),
            in_release: Sha256::of(&bytes).to_string(),
            date: release.date.to_string(),
            signed_by: signed.signed_by.clone(),
            expired,
        },
        release,
        place: place.clone(),
    })
}
