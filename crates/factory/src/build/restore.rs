//! Files of the parents' packages that a parent leaves out and this image takes in.

use super::{BuildError, Event, Request};
use crate::assemble::{AssembleError, Permits, Pruner, Unpacked, unpack_deb};
use crate::definition::{Definition, Prune};
use crate::generate::Accounts;

pub(super) fn restored(
    request: &Request<'_>,
    definition: &Definition,
    permits: &Permits,
) -> Result<Vec<Unpacked>, BuildError> {
    let image = definition.image_name();
    let inherited = definition.parent.as_ref().and_then(|parent| request.lock.image(parent));
    let ids = Accounts::of(&request.project.lineage(definition)).ids();
    let mut all = Vec::new();
    for restoration in &definition.selection(&request.project.flavour.name).restorations {
        let package = inherited
            .filter(|parent| parent.packages.contains(&restoration.package))
            .and_then(|_| request.lock.package(&restoration.package))
            .ok_or_else(|| BuildError::NotInherited {
                image: image.clone(),
                package: restoration.package.clone(),
            })?;
        let failed = |source| BuildError::Packages {
            image: image.clone(),
            source,
        };
        request.packages.obtain(&[package]).map_err(failed)?;
        let bytes = request.packages.read(package).map_err(failed)?;
        // Everything is left out but what is named.
        let rule = Prune {
            flavours: None,
            paths: vec!["**".to_owned()],
            keep: restoration.paths.clone(),
            reason: restoration.reason.clone(),
        };
        let pruner = Pruner::new([&rule].into_iter()).map_err(|source| BuildError::Pattern {
            image: image.clone(),
            source,
        })?;
        let mut unpacked = unpack_deb(&package.name, &bytes, &pruner, permits, &ids).map_err(|source| {
            BuildError::assemble(
                &image,
                AssembleError::Unpack {
                    package: package.name.clone(),
                    source: Box::new(source),
                },
            )
        })?;
        unpacked.emptied.clear();
        unpacked.certificates.clear();
        if unpacked.entries.is_empty() {
            request.progress.report(&Event::Idle {
                image: &image,
                kind: "restore",
                what: &restoration.package,
            });
        }
        all.push(unpacked);
    }
    Ok(all)
}
