//! One image, from its packages to its place in the layout.

use std::collections::BTreeMap;

use qclock_oci::image::Image;
use qclock_oci::layer;
use qclock_oci::layout::Layout;
use qclock_oci::path::TreePath;
use qclock_oci::tree::{Entry, Tree};
use rayon::prelude::*;

use super::inputs::{ANNOTATION, ASSEMBLY, Inputs};
use super::layers::{Parts, compressed_by, layers};
use super::programs::check_programs;
use super::restore::restored;
use super::unpacking::Unpacking;
use super::{BuildError, BuiltImage, Event, Request, config, upstream};
use crate::assemble::{Merged, Permits, Pruner, Unpacked, check_forbidden, merge};
use crate::definition::{Definition, IMAGE_PREFIX};
use crate::generate::{Sources, finish, generate, lay_over, read_programs};
use crate::lockfile::LockedPackage;
use crate::package_database::database;
use crate::record::{
    self, DroppedCapability, Record, RecordedArchive, RecordedBinary, RecordedExpiry, RecordedPackage,
};

/// What the parent has: its image, its files, and the blobs of its layers, which are published again should another build have
/// removed them meanwhile.
#[derive(Default)]
struct Parent {
    image: Option<Image>,
    tree: Tree,
}

pub(super) fn make(
    request: &Request<'_>,
    layout: &Layout,
    definition: &Definition,
    parent_built: Option<&BuiltImage>,
    inputs: &Inputs,
) -> Result<BuiltImage, BuildError> {
    let name = request.project.reference(definition);
    let parent = parent_built
        .map(|parent| load_parent(layout, &name, &parent.name))
        .transpose()?
        .unwrap_or_default();

    let lineage = request.project.lineage(definition);
    let permits = Permits::new(lineage.iter().flat_map(|image| &image.permits));
    let own = own_packages(request, definition)?;
    let unpacking = Unpacking::new(request, definition, &permits)?;
    let mut unpacked = unpack(request, definition, &own, &unpacking)?;
    unpacked.extend(restored(request, definition, &unpacking)?);
    let assembling = |source| BuildError::assemble(&name, source);
    let merged = merge(&parent.tree, &unpacked).map_err(assembling)?;
    let archives = upstream::unpacked(request, definition)?;
    let laid = merge(&merged.tree, &archives).map_err(assembling)?;
    let inherited = parent
        .image
        .as_ref()
        .and_then(|image| config::seconds(&image.config.created))
        .unwrap_or_default();
    let epoch = request
        .source_date_epoch
        .unwrap_or_else(|| merged.newest.max(laid.newest).max(inherited));
    let created = config::date(&name, epoch)?;

    let made = Made {
        parent: &parent.tree,
        merged: &merged,
        laid: &laid.tree,
        unpacked: &unpacked,
        epoch,
        created: &created,
    };
    let tree = own_files(request, definition, &made, inputs)?;
    check_forbidden(&tree, &parent.tree, &permits).map_err(assembling)?;
    tell_idle(request, &name, &permits);

    let labels = config::labels(request, definition, parent_built, &created, &inputs.lock.to_string());
    let run = config::run(
        parent.image.as_ref().map(|image| &image.config.config),
        definition,
        labels.clone(),
    );
    check_programs(&run, &tree).map_err(|source| BuildError::Program {
        image: name.clone(),
        source,
    })?;

    let parts = Parts {
        parent: &parent.tree,
        packages: &merged.tree,
        package_count: own.len(),
        archives: &laid.tree,
        archive_names: definition
            .archives
            .iter()
            .map(|it| format!("{} {}", it.name, it.version))
            .collect(),
        whole: &tree,
    };
    let (layers, history) = layers(request, layout, &name, &parts, epoch)?;
    let document = config::config(&request.lock.architecture, &created, run, &history);
    let mut image = Image::assemble(document, labels, parent.image.as_ref(), &layers);
    image
        .blobs
        .extend(parent.image.into_iter().flat_map(|image| image.blobs));
    let storing = |source| BuildError::Layout {
        image: name.clone(),
        source,
    };
    let annotations = BTreeMap::from([
        (ANNOTATION.to_owned(), inputs.digest.clone()),
        (ASSEMBLY.to_owned(), compressed_by(request.project.flavour.compression)),
    ]);
    layout.publish(&name, &image, annotations).map_err(storing)?;
    request.progress.report(&Event::Built { image: &name });
    Ok(BuiltImage {
        digest: image.manifest.descriptor.digest,
        config: image.blobs[0].descriptor.digest,
        compressed: image.layers.iter().map(|layer| layer.size).sum(),
        unchanged: false,
        name,
    })
}

fn tell_idle(request: &Request<'_>, image: &str, permits: &Permits) {
    for what in permits.idle() {
        let kind = "permit";
        request.progress.report(&Event::Idle { image, kind, what });
    }
}

fn load_parent(layout: &Layout, image: &str, parent: &str) -> Result<Parent, BuildError> {
    let failed = |source| BuildError::Layout {
        image: image.to_owned(),
        source,
    };
    let _shared = layout.hold().map_err(failed)?;
    let mut found = layout.load(parent).map_err(failed)?;
    let mut tree = Tree::default();
    for descriptor in found.layers.clone() {
        let bytes = layout.read(&descriptor).map_err(failed)?;
        layer::read(&bytes, &mut tree).map_err(|source| BuildError::Parent {
            image: image.to_owned(),
            source,
        })?;
        found.blobs.push(qclock_oci::image::Blob { descriptor, bytes });
    }
    Ok(Parent {
        image: Some(found),
        tree,
    })
}

/// The locked packages of the image that its parent has not got, by name.
fn own_packages<'a>(request: &Request<'a>, definition: &Definition) -> Result<Vec<&'a LockedPackage>, BuildError> {
    let not_locked = || BuildError::NotLocked {
        image: definition.image_name(),
    };
    let locked = request.lock.image(&definition.name).ok_or_else(not_locked)?;
    let parent = definition.parent.as_ref().and_then(|parent| request.lock.image(parent));
    let inherited = |name: &String| parent.is_some_and(|parent| parent.packages.contains(name));
    let own = locked.packages.iter().filter(|name| !inherited(name));
    own.map(|name| request.lock.package(name).ok_or_else(not_locked))
        .collect()
}

/// All packages at once, the largest first so that none is left for the end.
fn unpack(
    request: &Request<'_>,
    definition: &Definition,
    packages: &[&LockedPackage],
    unpacking: &Unpacking<'_>,
) -> Result<Vec<Unpacked>, BuildError> {
    let image = definition.image_name();
    let lineage = request.project.lineage(definition);
    let pruner = Pruner::new(lineage.iter().flat_map(|image| &image.prunes)).map_err(|source| BuildError::Pattern {
        image: image.clone(),
        source,
    })?;
    let failed = |source| BuildError::Packages {
        image: image.clone(),
        source,
    };
    request.packages.obtain(packages).map_err(failed)?;
    request.progress.report(&Event::Unpacking {
        image: &image,
        packages: packages.len(),
    });
    let mut ordered = packages.to_vec();
    ordered.sort_by(|left, right| right.size.cmp(&left.size).then_with(|| left.name.cmp(&right.name)));
    let unpacked: Vec<Result<Unpacked, BuildError>> = ordered
        .into_par_iter()
        .with_max_len(1)
        .map(|package| unpacking.unpack(package, &pruner))
        .collect();
    // Of several failures always the same one is told.
    let mut unpacked: Vec<Unpacked> = unpacked.into_iter().collect::<Result<_, _>>()?;
    unpacked.sort_by(|left, right| left.name.cmp(&right.name));
    // A rule of an image that has children may be meant for theirs.
    let has_children = request
        .project
        .images()
        .iter()
        .any(|other| other.parent.as_ref() == Some(&definition.name));
    let own_rule = |pattern: &&str| {
        definition
            .prunes
            .iter()
            .flat_map(|rule| &rule.paths)
            .any(|own| own == pattern)
    };
    for pattern in pruner.idle().filter(|_| !has_children).filter(own_rule) {
        request.progress.report(&Event::Idle {
            image: &image,
            kind: "prune",
            what: pattern,
        });
    }
    Ok(unpacked)
}

/// What an image is made of so far, and when.
struct Made<'a> {
    parent: &'a Tree,
    merged: &'a Merged,
    /// With the releases that are no packages.
    laid: &'a Tree,
    unpacked: &'a [Unpacked],
    epoch: u64,
    created: &'a str,
}

/// The whole tree: packages, then the image's own files, the package database and the record.
fn own_files(
    request: &Request<'_>,
    definition: &Definition,
    made: &Made<'_>,
    inputs: &Inputs,
) -> Result<Tree, BuildError> {
    let image = definition.image_name();
    let merged = made.merged;
    let failed = |source| BuildError::generate(&image, source);
    let own = generate(&Sources {
        project: request.project,
        image: definition,
        packages: made.laid,
        certificates: &merged.certificates,
        rootfs: &inputs.rootfs,
        programs: &inputs.programs,
    })
    .map_err(failed)?;
    let mut tree = made.laid.clone();
    lay_over(&mut tree, own).map_err(failed)?;
    finish(request.project, definition, &mut tree).map_err(failed)?;
    let database = database(made.parent, &tree, made.unpacked, &merged.files, made.epoch);
    let database = database.map_err(|source| BuildError::assemble(&image, source.into()))?;
    lay_over(&mut tree, database).map_err(failed)?;
    let record = record(request, definition, inputs, made)?;
    let path: TreePath = record::PATH.parse().expect("the record's path is clean");
    tree.replace(path, Entry::file(record, 0o444))
        .map_err(|source| failed(source.into()))?;
    Ok(tree)
}

fn record(
    request: &Request<'_>,
    definition: &Definition,
    inputs: &Inputs,
    made: &Made<'_>,
) -> Result<String, BuildError> {
    let not_locked = || BuildError::NotLocked {
        image: definition.image_name(),
    };
    let locked = request.lock.image(&definition.name).ok_or_else(not_locked)?;
    let packages = locked.packages.iter().map(|name| {
        request
            .lock
            .package(name)
            .map(RecordedPackage::of)
            .ok_or_else(not_locked)
    });
    // All of our own programs that the image holds, its ancestors' included.
    let name = definition.image_name();
    let mut programs = Vec::new();
    for image in request.project.lineage(definition) {
        let own = read_programs(image, request.programs).map_err(|source| BuildError::generate(&name, source))?;
        programs.extend(own);
    }
    let flavour = &request.project.flavour;
    Ok(Record {
        schema: Record::SCHEMA,
        name: definition.image_name(),
        version: request.version,
        flavour: &flavour.name,
        evaluation: flavour.evaluation,
        lock: inputs.lock,
        created: made.created,
        parent: definition
            .parent
            .as_ref()
            .map(|parent| format!("{IMAGE_PREFIX}{parent}")),
        expired_suites: RecordedExpiry::all_of(request.lock),
        binaries: programs
            .iter()
            .map(|program| RecordedBinary {
                name: &program.name,
                sha256: program.digest.hex(),
            })
            .collect(),
        packages: packages.collect::<Result<_, _>>()?,
        archives: RecordedArchive::all_of(&request.project.lineage(definition)),
        dropped_capabilities: dropped_capabilities(made),
    }
    .to_json())
}

/// What the parent's record says, and of the image's own packages' files those that are in it.
fn dropped_capabilities(made: &Made<'_>) -> Vec<DroppedCapability> {
    let mut dropped = record::dropped_capabilities(made.parent);
    for package in made.unpacked {
        for (path, capabilities) in &package.capabilities {
            if made.merged.tree.get(path.as_str()).is_some() {
                dropped.push(DroppedCapability {
                    path: format!("/{path}"),
                    package: package.name.clone(),
                    capabilities: capabilities.clone(),
                });
            }
        }
    }
    dropped.sort();
    dropped.dedup();
    dropped
}
