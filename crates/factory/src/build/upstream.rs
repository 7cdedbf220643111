//! The releases of an image that are no packages, unpacked.

use super::{BuildError, Event, Request};
use crate::assemble::{AssembleError, Unpacked, UpstreamRules, unpack_upstream};
use crate::definition::Definition;

pub(super) fn unpacked(request: &Request<'_>, definition: &Definition) -> Result<Vec<Unpacked>, BuildError> {
    let image = definition.image_name();
    let mut all = Vec::new();
    for archive in &definition.archives {
        let rules = UpstreamRules::new(archive).map_err(|source| BuildError::Pattern {
            image: image.clone(),
            source,
        })?;
        let bytes = request
            .packages
            .archive(archive)
            .map_err(|source| BuildError::Packages {
                image: image.clone(),
                source,
            })?;
        let unpacked = unpack_upstream(&bytes, &rules).map_err(|source| {
            let package = archive.name.clone();
            let source = Box::new(source);
            BuildError::assemble(&image, AssembleError::Unpack { package, source })
        })?;
        for pattern in rules.idle() {
            let kind = "pattern of the archive";
            request.progress.report(&Event::Idle {
                image: &image,
                kind,
                what: pattern,
            });
        }
        all.push(unpacked);
    }
    Ok(all)
}
