//! The image's own layers: one of packages and one of releases that are no packages, where there are any, and one of our own files.
//!
//! Packages change with the distribution, releases with their projects, our files with us; finer layers would only pay where images that are not related by
//! parentage share large packages.

use qclock_oci::Digest;
use qclock_oci::image::{Blob, Image};
use qclock_oci::layer::{self, Compression, Layer, Settings};
use qclock_oci::layout::Layout;
use qclock_oci::path::TreePath;
use qclock_oci::tree::Tree;
use rayon::prelude::*;

use super::inputs::ASSEMBLY;
use super::{ASSEMBLY_VERSION, BuildError, Event, Request};

/// What the layers are made of, the lower below.
pub(super) struct Parts<'a> {
    pub(super) parent: &'a Tree,
    /// With the parent's files.
    pub(super) packages: &'a Tree,
    pub(super) package_count: usize,
    /// With the releases that are no packages, too.
    pub(super) archives: &'a Tree,
    pub(super) archive_names: Vec<String>,
    /// With everything.
    pub(super) whole: &'a Tree,
}

/// For each layer, who made it and of what.
pub(super) type History = Vec<(&'static str, String)>;

pub(super) fn layers(
    request: &Request<'_>,
    layout: &Layout,
    image: &str,
    parts: &Parts<'_>,
    epoch: u64,
) -> Result<(Vec<Layer>, History), BuildError> {
    let mut trees = Vec::new();
    let mut history = History::new();
    let below = without_replaced(parts.packages.difference(parts.parent), parts.whole);
    if !below.is_empty() {
        history.push(("qclock build: packages", format!("{} packages", parts.package_count)));
        trees.push(below);
    }
    let archives = without_replaced(parts.archives.difference(parts.packages), parts.whole);
    if !archives.is_empty() {
        history.push(("qclock build: archives", parts.archive_names.join(", ")));
        trees.push(archives);
    }
    let contents = "rootfs, accounts, generated files, package database, record";
    history.push(("qclock build: own files", contents.to_owned()));
    trees.push(parts.whole.difference(parts.archives));

    let bytes = trees.iter().map(Tree::size).sum();
    request.progress.report(&Event::Compressing { image, bytes });
    let settings = Settings {
        epoch,
        compression: request.project.flavour.compression,
    };
    let earlier = earlier(layout, image, settings.compression);
    let layers = trees
        .par_iter()
        .map(|tree| {
            let known = |image| move |diff_id: &_| earlier_blob(image, layout, diff_id);
            layer::build_or_reuse(tree, &settings, earlier.as_ref().map(known))
        })
        .collect::<Result<_, _>>()
        .map_err(|source| BuildError::Layer {
            image: image.to_owned(),
            source,
        })?;
    Ok((layers, history))
}

/// Which blobs are the same for the same tar: the factory's version and what it was told.
pub(super) fn compressed_by(compression: Compression) -> String {
    format!("{ASSEMBLY_VERSION} {compression:?}")
}

/// Without the files that ours replace, which would only be ballast.
fn without_replaced(mut below: Tree, whole: &Tree) -> Tree {
    let replaced: Vec<TreePath> = below
        .iter()
        .filter(|(path, entry)| !entry.is_directory() && whole.get(path.as_str()) != Some(entry))
        .map(|(path, _)| path.clone())
        .collect();
    for path in replaced {
        below.remove(path.as_str());
    }
    below
}

/// The image as an earlier build left it.  When only our own files have changed, the layer of packages need not be compressed again.
fn earlier(layout: &Layout, image: &str, compression: Compression) -> Option<Image> {
    let version = compressed_by(compression);
    let found = layout.load(image).ok();
    found.filter(|image| image.manifest.descriptor.annotations.get(ASSEMBLY) == Some(&version))
}

/// A damaged blob counts as none.
fn earlier_blob(image: &Image, layout: &Layout, diff_id: &Digest) -> Option<Blob> {
    let position = image.config.rootfs.diff_ids.iter().position(|known| known == diff_id)?;
    let descriptor = image.layers.get(position)?.clone();
    let bytes = layout.read(&descriptor).ok()?;
    Some(Blob { descriptor, bytes })
}
