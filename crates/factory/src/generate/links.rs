//! Declared symbolic links.

use qclock_oci::tree::{Entry, Kind, Tree};

use super::{GenerateError, Sources, clean};
use crate::assemble::glob_set;
use crate::definition::Link;

/// Where its target is a pattern it leads to the one path that matches: some packages' folders have their version in their names.
pub(super) fn entry(sources: &Sources<'_>, link: &Link) -> Result<Entry, GenerateError> {
    let target = if link.target.contains('*') {
        only_match(sources.packages, link)?
    } else {
        link.target.clone()
    };
    takes_nobodys_place(sources, link, &target)?;
    Ok(Entry::symlink(target))
}

fn only_match(packages: &Tree, link: &Link) -> Result<String, GenerateError> {
    let pattern = link.target.trim_start_matches('/').to_owned();
    let matching = glob_set([&pattern].into_iter())?;
    let found: Vec<&str> = packages
        .iter()
        .map(|(path, _)| path.as_str())
        .filter(|path| matching.is_match(path))
        .collect();
    match found[..] {
        [path] => Ok(format!("/{path}")),
        _ => Err(GenerateError::LinkTarget {
            path: link.path.clone(),
            target: link.target.clone(),
            found: found.len(),
        }),
    }
}

/// A link takes the place of a package's file only where it says so; that of an ancestor's link it may always.
fn takes_nobodys_place(sources: &Sources<'_>, link: &Link, target: &str) -> Result<(), GenerateError> {
    let path = clean(&link.path)?;
    let Some(existing) = sources.packages.get(path.as_str()) else {
        return Ok(());
    };
    let lineage = sources.project.lineage(sources.image);
    let ancestors_link = lineage
        .iter()
        .filter(|image| image.name != sources.image.name)
        .flat_map(|image| &image.links)
        .any(|other| other.path == link.path);
    let meant = link.replaces && !existing.is_directory();
    if meant || ancestors_link || matches!(&existing.kind, Kind::Symlink(existing) if existing == target) {
        return Ok(());
    }
    Err(GenerateError::LinkOver {
        kind: existing.kind.word(),
        path,
    })
}
