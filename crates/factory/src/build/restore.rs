//! Files of the parents' packages that a parent leaves out and this image takes in.

use super::unpacking::Unpacking;
use super::{BuildError, Event, Request};
use crate::assemble::{Pruner, Unpacked};
use crate::definition::{Definition, Prune};

pub(super) fn restored(
    request: &Request<'_>,
    definition: &Definition,
    unpacking: &Unpacking<'_>,
) -> Result<Vec<Unpacked>, BuildError> {
    let image = definition.image_name();
    let inherited = definition.parent.as_ref().and_then(|parent| request.lock.image(parent));
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
        let mut unpacked = unpacking.unpack(package, &pruner)?;
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
