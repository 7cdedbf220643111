//! Everything that an image's bytes depend on, in one digest: the image whose digest of inputs is the same is not made again.

use qclock_oci::Digest;
use qclock_oci::tree::Kind;
use serde_json::json;

use super::{ASSEMBLY_VERSION, BuildError, BuiltImage, Request};
use crate::definition::Definition;
use crate::generate::{Program, RootfsFile, check_programs, read_programs, read_rootfs};
use crate::record::{RecordedExpiry, lock_digest};

/// Where the digest is kept: beside the image's name in the layout's index, so the two change together.
pub(super) const ANNOTATION: &str = "io.qclock.inputs";
/// Beside it: how the layers were compressed, which a later build may then take over.
pub(super) const ASSEMBLY: &str = "io.qclock.assembly";

pub(super) struct Inputs {
    pub(super) digest: String,
    pub(super) lock: Digest,
    pub(super) rootfs: Vec<RootfsFile>,
    pub(super) programs: Vec<Program>,
}

impl Inputs {
    pub(super) fn gather(
        request: &Request<'_>,
        image: &Definition,
        parent: Option<&BuiltImage>,
    ) -> Result<Self, BuildError> {
        let name = image.image_name();
        let failed = |source| BuildError::generate(&name, source);
        let project = request.project;
        let lock =
            lock_digest(request.lock, &image.name).ok_or_else(|| BuildError::NotLocked { image: name.clone() })?;
        let rootfs = read_rootfs(&project.rootfs(image)).map_err(failed)?;
        let programs = read_programs(image, request.programs).map_err(failed)?;
        check_programs(&programs, &project.flavour.architecture).map_err(failed)?;

        let files: Vec<_> = rootfs
            .iter()
            .map(|file| {
                let contents = match &file.kind {
                    Kind::File(contents) => Digest::of(contents).to_string(),
                    other => format!("{other:?}"),
                };
                json!([file.path, file.executable, file.template, contents])
            })
            .collect();
        let programs_part: Vec<_> = programs
            .iter()
            .map(|program| json!([program.path, program.digest]))
            .collect();
        // Keys are files of the image, or what its packages are verified with.
        let keys = if image.generate.repositories.is_some() || !project.flavour.repositories.is_empty() {
            key_digests(request)
        } else {
            Vec::new()
        };
        // The derived `Debug` form of a definition holds all of it, in order; a definition has no map without one.
        let document = json!({
            "assembly": ASSEMBLY_VERSION,
            "version": request.version,
            "flavour": format!("{:?}", project.flavour),
            "lineage": format!("{:?}", project.lineage(image)),
            "variables": project.variables(image),
            "lock": lock,
            "expired": RecordedExpiry::all_of(request.lock),
            "epoch": request.source_date_epoch,
            "rootfs": files,
            "programs": programs_part,
            "keys": keys,
            "parent": parent.map(|parent| parent.digest),
        });
        let digest = Digest::of(document.to_string().as_bytes()).to_string();
        Ok(Self {
            digest,
            lock,
            rootfs,
            programs,
        })
    }
}

/// A key that cannot be read is an error when the files are made.
fn key_digests(request: &Request<'_>) -> Vec<Option<Digest>> {
    let keys = request.project.flavour.keys();
    keys.map(|key| {
        fs_err::read(request.project.keys().join(key))
            .ok()
            .map(|bytes| Digest::of(&bytes))
    })
    .collect()
}
