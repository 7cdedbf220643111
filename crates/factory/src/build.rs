//! From a lock to images in a layout: what has not changed is left, the rest is assembled, on all cores.

mod config;
mod error;
mod image;
mod inputs;
mod layers;
mod programs;
mod restore;
mod source;
mod unpacking;
mod upstream;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use qclock_oci::Digest;
use qclock_oci::layout::{KnownBlobs, Layout, StoredImage};
use rayon::prelude::*;

pub use error::BuildError;
pub use programs::ProgramFault;
pub use source::{Event, PackageSource, Progress, SourceError};

use crate::definition::Definition;
use crate::ledger::{Ledger, Unreviewed, check};
use crate::lockfile::Lockfile;
use crate::project::Project;

/// Of the bytes that the factory makes: raised by every change that gives other digests from the same inputs.
pub const ASSEMBLY_VERSION: u32 = 3;

/// What to build, and from what.
pub struct Request<'a> {
    pub project: &'a Project,
    pub lock: &'a Lockfile,
    /// Names of images; their ancestors come along.  None means all.
    pub images: &'a [String],
    /// Folder of the OCI layout, `dist/<flavour>`.
    pub output: &'a Path,
    /// Folder of our own programs.
    pub programs: &'a Path,
    /// Of the product; it becomes a label and a tag.
    pub version: &'a str,
    /// Seconds since the epoch, in the place of the newest package's date.
    pub source_date_epoch: Option<u64>,
    pub packages: &'a dyn PackageSource,
    /// What was decided about the packages' scripts.
    pub ledger: &'a Ledger,
    /// Whether scripts that nobody has reviewed are told only, and the images built all the same.
    pub unreviewed_too: bool,
    /// When packages' signatures must hold.
    pub now: SystemTime,
    pub progress: &'a dyn Progress,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Request")
            .field("images", &self.images)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

/// An image of the layout, whether it was made now or before.
#[derive(Debug, Clone)]
pub struct BuiltImage {
    /// `qclock-app`, and `qclock-app.arm64` where the architecture is not the flavour's own.
    pub name: String,
    /// Of the manifest.
    pub digest: Digest,
    /// Of the config, which is Docker's image id.
    pub config: Digest,
    /// Compressed bytes of all layers, the parent's included.
    pub compressed: u64,
    /// True when nothing had changed and it was left as it was.
    pub unchanged: bool,
}

/// Builds what is asked for, parents first; images of one generation are built at the same time.
pub fn build(request: &Request<'_>) -> Result<Vec<BuiltImage>, BuildError> {
    let wanted = wanted(request)?;
    review(request)?;
    let layout = Layout::at(request.output);
    let known = KnownBlobs::default();
    let mut built: BTreeMap<String, BuiltImage> = BTreeMap::new();
    let generations = wanted
        .iter()
        .map(|image| request.project.lineage(image).len())
        .max()
        .unwrap_or_default();
    for generation in 1..=generations {
        let images: Vec<&Definition> = wanted
            .iter()
            .copied()
            .filter(|image| request.project.lineage(image).len() == generation)
            .collect();
        let done: Vec<BuiltImage> = images
            .par_iter()
            .map(|definition| one(request, &layout, &known, definition, &built))
            .collect::<Result<_, _>>()?;
        built.extend(done.into_iter().map(|image| (image.name.clone(), image)));
    }
    join(request, &layout, &wanted)?;
    let project = request.project;
    Ok(wanted
        .iter()
        .filter_map(|image| built.remove(&project.reference(image)))
        .collect())
}

/// Images of several architectures get an index that has them all, `qclock-app.all`.
fn join(request: &Request<'_>, layout: &Layout, images: &[&Definition]) -> Result<(), BuildError> {
    for image in images {
        let name = image.image_name();
        let of = |architecture: &str| format!("{name}.{architecture}");
        let joined = layout.join(&of("all"), &[name.clone(), of("amd64"), of("arm64")]);
        let architectures = joined.map_err(|source| BuildError::Layout {
            image: name.clone(),
            source,
        })?;
        if !architectures.is_empty() {
            request.progress.report(&Event::Joined {
                image: &of("all"),
                architectures: &architectures,
            });
        }
    }
    Ok(())
}

fn review(request: &Request<'_>) -> Result<(), BuildError> {
    match check(request.lock, request.ledger) {
        Err(Unreviewed::Scripts { doubts }) if request.unreviewed_too => {
            request.progress.report(&Event::Unreviewed { doubts: &doubts });
            Ok(())
        }
        checked => checked.map_err(BuildError::Unreviewed),
    }
}

/// The image as it lies in the layout, complete.
pub fn find(output: &Path, project: &Project, image: &Definition) -> Result<Option<BuiltImage>, BuildError> {
    let name = project.reference(image);
    let stored = Layout::at(output).find(&name).map_err(|source| BuildError::Layout {
        image: name.clone(),
        source,
    })?;
    Ok(stored.map(|stored| BuiltImage::of(name, &stored, true)))
}

impl BuiltImage {
    fn of(name: String, stored: &StoredImage, unchanged: bool) -> Self {
        Self {
            name,
            digest: stored.descriptor.digest,
            config: stored.manifest.config.digest,
            compressed: stored.manifest.layers.iter().map(|layer| layer.size).sum(),
            unchanged,
        }
    }
}

/// The images asked for and their ancestors, in the project's order: parents before children.
fn wanted<'a>(request: &Request<'a>) -> Result<Vec<&'a Definition>, BuildError> {
    let project = request.project;
    let mut names = std::collections::BTreeSet::new();
    for name in request.images {
        let lineage = project.lineage(project.image(name)?);
        names.extend(lineage.into_iter().map(|image| image.name.as_str()));
    }
    let all = request.images.is_empty();
    Ok(project
        .images()
        .iter()
        .filter(|image| all || names.contains(image.name.as_str()))
        .collect())
}

fn one(
    request: &Request<'_>,
    layout: &Layout,
    known: &KnownBlobs,
    definition: &Definition,
    built: &BTreeMap<String, BuiltImage>,
) -> Result<BuiltImage, BuildError> {
    let name = request.project.reference(definition);
    let parent = definition.parent.as_deref();
    let parent = parent.and_then(|parent| built.get(&request.project.reference_of(parent)));
    let inputs = inputs::Inputs::gather(request, definition, parent)?;
    let found = layout.find(&name).map_err(|source| BuildError::Layout {
        image: name.clone(),
        source,
    })?;
    let made_of_these =
        |stored: &StoredImage| stored.descriptor.annotations.get(inputs::ANNOTATION) == Some(&inputs.digest);
    if let Some(stored) = found.filter(made_of_these) {
        // What a disk has damaged since is made again: the annotation says what went in, not what is still there.
        if layout.is_sound(&stored, known) {
            request.progress.report(&Event::Unchanged { image: &name });
            return Ok(BuiltImage::of(name, &stored, true));
        }
        request.progress.report(&Event::Damaged { image: &name });
    }
    image::make(request, layout, definition, parent, &inputs)
}

#[cfg(test)]
mod tests;
