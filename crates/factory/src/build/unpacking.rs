//! From a locked package to what it brings, for one image.
//!
//! A Debian package's digest is in an index that was signed when it was locked.  An RPM package bears a signature of its own, so that
//! a lock is not believed there either: the package must be signed by a key of its repository, and by the one that the lock names.

use std::collections::BTreeMap;

use qclock_trust::{KeyAge, Keyring, SignedRpm, Verified, verify_rpm};

use super::{BuildError, Request};
use crate::assemble::{AssembleError, Permits, Pruner, Rules, UnpackError, Unpacked, unpack_deb, unpack_rpm};
use crate::definition::Definition;
use crate::flavour::Packaging;
use crate::generate::Accounts;
use crate::keys::keyring;
use crate::lockfile::LockedPackage;

/// How packages are unpacked for one image.
pub(super) struct Unpacking<'a> {
    request: &'a Request<'a>,
    image: String,
    permits: &'a Permits,
    accounts: Accounts,
    /// By repository.
    keyrings: BTreeMap<String, Keyring>,
}

impl<'a> Unpacking<'a> {
    pub(super) fn new(
        request: &'a Request<'a>,
        definition: &Definition,
        permits: &'a Permits,
    ) -> Result<Self, BuildError> {
        let project = request.project;
        let repositories = project.flavour.repositories.iter();
        let keyrings = repositories
            .map(|it| Ok((it.name.clone(), keyring(project, &it.name, &it.keys)?)))
            .collect::<Result<_, BuildError>>()?;
        Ok(Self {
            request,
            image: definition.image_name(),
            permits,
            accounts: Accounts::of(&project.lineage(definition)),
            keyrings,
        })
    }

    /// The package must be there: see `PackageSource::obtain`.
    pub(super) fn unpack(&self, package: &LockedPackage, pruner: &Pruner) -> Result<Unpacked, BuildError> {
        let bytes = self
            .request
            .packages
            .read(package)
            .map_err(|source| BuildError::Packages {
                image: self.image.clone(),
                source,
            })?;
        let rules = Rules {
            pruner,
            permits: self.permits,
            accounts: &self.accounts,
        };
        // The flavour decides, not the lock: no package of a repository goes unverified.
        let unpacked = match self.request.project.flavour.packaging() {
            Packaging::Deb => unpack_deb(&package.name, &bytes, rules),
            Packaging::Rpm => unpack_rpm(&package.name, &self.verify(package, bytes)?, rules),
        };
        unpacked.map_err(|source: UnpackError| {
            BuildError::assemble(
                &self.image,
                AssembleError::Unpack {
                    package: package.name.clone(),
                    source: Box::new(source),
                },
            )
        })
    }

    /// As of now, but a key that has merely expired since is accepted: what it signed in its time can be built for ever.
    fn verify(&self, package: &LockedPackage, bytes: Verified<Vec<u8>>) -> Result<Verified<SignedRpm>, BuildError> {
        let repository = package.origin();
        let refused = |source| BuildError::Signature {
            package: package.name.clone(),
            repository: repository.to_owned(),
            source,
        };
        let keyring = self.keyrings.get(repository).ok_or_else(|| BuildError::NotLocked {
            image: self.image.clone(),
        })?;
        let signed = verify_rpm(bytes.into_inner(), keyring, self.request.now, KeyAge::ValidWhenSigned);
        let signed = signed.map_err(|source| refused(Some(Box::new(source))))?;
        let named = |signer: &qclock_trust::Signer| signer.signed_by == package.signed_by;
        if signed.signers().iter().any(named) {
            Ok(signed)
        } else {
            Err(refused(None))
        }
    }
}
