//! An image's own files: what the definition declares, what install scripts would have made, and `rootfs/`.
//!
//! All of it is collected first, and nothing may be declared twice; then it is laid over the packages.

mod accounts;
mod certificates;
mod crypto_policy;
mod error;
mod java_trust_store;
mod linker_cache;
mod links;
mod repositories;
mod rootfs;
mod trust;

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use qclock_oci::Digest;
use qclock_oci::path::TreePath;
use qclock_oci::tree::{Entry, Kind, Tree};

pub use accounts::Accounts;
pub use error::GenerateError;
pub use rootfs::{RootfsFile, read_rootfs};

use crate::definition::Definition;
use crate::project::Project;

/// One of our own programs, read.
#[derive(Debug, Clone)]
pub struct Program {
    pub name: String,
    pub path: String,
    pub bytes: Bytes,
    pub digest: Digest,
}

/// What the files are made from.
#[derive(Debug)]
pub struct Sources<'a> {
    pub project: &'a Project,
    pub image: &'a Definition,
    /// The parent's files and the packages'.
    pub packages: &'a Tree,
    pub certificates: &'a BTreeMap<TreePath, Bytes>,
    pub rootfs: &'a [RootfsFile],
    pub programs: &'a [Program],
}

/// By path, so that a directory comes before what is in it; only what is declared, not the way to it.
pub type Files = BTreeMap<TreePath, Entry>;

/// What can only be made when everything else is in its place.
pub fn finish(project: &Project, image: &Definition, tree: &mut Tree) -> Result<(), GenerateError> {
    let lineage = project.lineage(image);
    let path = lineage
        .iter()
        .rev()
        .find_map(|image| image.generate.linker_cache.as_deref());
    if let Some(path) = given(path) {
        let cache = linker_cache::cache(tree, &project.flavour.architecture);
        tree.replace(clean(path)?, Entry::file(cache, 0o644))?;
    }
    Ok(())
}

pub fn generate(sources: &Sources<'_>) -> Result<Files, GenerateError> {
    let Sources { project, image, .. } = sources;
    let accounts = Accounts::of(&project.lineage(image));
    let mut own = Own::default();
    if !(image.accounts.is_empty() && image.groups.is_empty()) {
        own.put("etc/passwd", Entry::file(accounts.passwd(), 0o644))?;
        own.put("etc/group", Entry::file(accounts.group(), 0o644))?;
    }
    for directory in &image.directories {
        let (uid, gid) = accounts.owner(&directory.owner, &directory.group)?;
        let mode = u32::from_str_radix(&directory.mode, 8).map_err(|_| GenerateError::Mode {
            path: directory.path.clone(),
            mode: directory.mode.clone(),
        })?;
        own.put(&directory.path, Entry::directory(mode).owned_by(uid, gid))?;
    }
    for link in &image.links {
        own.put(&link.path, links::entry(sources, link)?)?;
    }
    if let Some(path) = given(image.generate.ca_bundle.as_deref()) {
        let bundle = certificates::bundle(sources.packages, sources.certificates)?;
        own.put(path, Entry::file(bundle, 0o644))?;
    }
    if let Some(path) = given(image.generate.java_trust_store.as_deref()) {
        let store = trust_store(sources, &own.0)?;
        own.put(path, Entry::file(store, 0o644))?;
    }
    if let Some(policy) = given(image.generate.crypto_policy.as_deref()) {
        for (path, entry) in crypto_policy::files(sources.packages, policy)? {
            own.put(path.as_str(), entry)?;
        }
    }
    if let Some(folder) = given(image.generate.repositories.as_deref()) {
        for (name, contents) in repositories::files(project, folder)? {
            own.put(&format!("{folder}/{name}"), Entry::file(contents, 0o644))?;
        }
    }
    for file in sources.rootfs {
        own.put(&file.path, file.entry(project.variables(image))?)?;
    }
    for program in sources.programs {
        own.put(&program.path, Entry::file(program.bytes.clone(), 0o755))?;
    }
    Ok(own.0)
}

/// Of the certificates in the bundle, this image's or its parents'.
fn trust_store(sources: &Sources<'_>, own: &Files) -> Result<Vec<u8>, GenerateError> {
    let lineage = sources.project.lineage(sources.image);
    let path = lineage
        .iter()
        .rev()
        .find_map(|image| given(image.generate.ca_bundle.as_deref()));
    let path = clean(path.ok_or(GenerateError::Certificates)?)?;
    let bundle = match own.get(&path).map(|entry| &entry.kind) {
        Some(Kind::File(contents)) => Some(contents),
        _ => sources.packages.contents(path.as_str()),
    };
    let text = bundle.map(|bytes| String::from_utf8_lossy(bytes));
    text.and_then(|text| java_trust_store::trust_store(&text))
        .ok_or(GenerateError::Certificates)
}

/// Empty is as good as absent: a variable may be empty in a flavour that needs no such thing.
fn given(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}

/// Lays files over the packages'.  A file may take the place of a package's, never of a directory.
pub fn lay_over(tree: &mut Tree, own: Files) -> Result<(), GenerateError> {
    for (path, entry) in own {
        tree.replace(path, entry)?;
    }
    Ok(())
}

#[derive(Default)]
struct Own(Files);

impl Own {
    fn put(&mut self, path: &str, entry: Entry) -> Result<(), GenerateError> {
        let path = clean(path)?;
        match self.0.insert(path.clone(), entry) {
            None => Ok(()),
            Some(_) => Err(GenerateError::Twice { path }),
        }
    }
}

/// A path of a definition, which is absolute.
pub(crate) fn clean(path: &str) -> Result<TreePath, GenerateError> {
    path.trim_start_matches('/')
        .parse()
        .map_err(|source| GenerateError::Path {
            path: path.to_owned(),
            source,
        })
}

/// Reads the image's programs from the folder where they were built.
pub fn read_programs(image: &Definition, folder: &Path) -> Result<Vec<Program>, GenerateError> {
    let read = |binary: &crate::definition::Binary| {
        let path = folder.join(&binary.name);
        let bytes = Bytes::from(fs_err::read(path).map_err(|source| GenerateError::Program {
            name: binary.name.clone(),
            source,
        })?);
        Ok(Program {
            name: binary.name.clone(),
            path: binary.path.clone(),
            digest: Digest::of(&bytes),
            bytes,
        })
    };
    image.binaries.iter().map(read).collect()
}

/// A program for another machine would only fail when the image is started.
pub(crate) fn check_programs(programs: &[Program], architecture: &str) -> Result<(), GenerateError> {
    // `e_machine` of the ELF header.
    let machine = |bytes: &[u8]| match (bytes.get(..4)?, bytes.get(18..20)?) {
        (b"\x7fELF", [62, 0]) => Some("x86_64"),
        (b"\x7fELF", [183, 0]) => Some("aarch64"),
        (b"\x7fELF", _) => Some("another machine"),
        _ => None,
    };
    let wanted = crate::flavour::machine(architecture);
    let foreign = programs.iter().find_map(|program| {
        let found = machine(&program.bytes).filter(|found| *found != wanted)?;
        Some(GenerateError::Machine {
            name: program.name.clone(),
            found,
            wanted: wanted.to_owned(),
        })
    });
    foreign.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests;
