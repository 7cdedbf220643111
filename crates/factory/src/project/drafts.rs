//! Definitions as they are written, before anything in them is rendered: which there are, and how they hang together.

use std::collections::BTreeMap;
use std::path::Path;

use fs_err as fs;

use super::{ProjectError, shown};
use crate::definition::Definition;
use crate::document;
use crate::failure::closest;
use crate::flavour::Flavour;

/// The text of each `images/<name>/image.toml`, by name; and the folders that have none.
pub(super) fn read_definitions(root: &Path) -> Result<(BTreeMap<String, String>, Vec<String>), ProjectError> {
    let mut texts = BTreeMap::new();
    let mut undefined = Vec::new();
    for entry in fs::read_dir(root.join("images")).map_err(ProjectError::Folder)? {
        let folder = entry.map_err(ProjectError::Folder)?.path();
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if folder.join("image.toml").is_file() {
            let (_, text) = document::read::<toml::Table>(&folder.join("image.toml"), &shown(name))?;
            texts.insert(name.to_owned(), text);
        } else if folder.is_dir() && name != "flavours" && !name.starts_with('.') {
            undefined.push(name.to_owned());
        }
    }
    undefined.sort();
    Ok((texts, undefined))
}

pub(super) fn check_references(
    name: &str,
    draft: &Definition,
    drafts: &BTreeMap<String, Definition>,
    flavours: &[String],
) -> Result<(), ProjectError> {
    if let Some(parent) = draft.parent.as_ref().filter(|parent| !drafts.contains_key(*parent)) {
        return Err(ProjectError::UnknownParent {
            path: shown(name),
            parent: parent.clone(),
            suggestion: closest(parent, drafts.keys().map(String::as_str)).map(str::to_owned),
        });
    }
    let unknown = draft
        .flavours()
        .into_iter()
        .find(|flavour| !flavours.iter().any(|known| known == flavour));
    unknown.map_or(Ok(()), |flavour| {
        Err(ProjectError::FlavourInDefinition {
            path: shown(name),
            flavour: flavour.to_owned(),
            suggestion: closest(flavour, flavours.iter().map(String::as_str)).map(str::to_owned),
        })
    })
}

/// All names, each after its parent's.
pub(super) fn parents_first(drafts: &BTreeMap<String, Definition>) -> Result<Vec<String>, ProjectError> {
    let mut ordered: Vec<String> = Vec::new();
    while ordered.len() < drafts.len() {
        let ready = |draft: &Definition| draft.parent.as_ref().is_none_or(|parent| ordered.contains(parent));
        let next: Vec<String> = drafts
            .iter()
            .filter(|(name, draft)| !ordered.contains(name) && ready(draft))
            .map(|(name, _)| name.clone())
            .collect();
        if next.is_empty() {
            let caught = drafts
                .keys()
                .filter(|name| is_own_ancestor(name, drafts))
                .cloned()
                .collect();
            return Err(ProjectError::Cycle { images: caught });
        }
        ordered.extend(next);
    }
    Ok(ordered)
}

fn is_own_ancestor(name: &str, drafts: &BTreeMap<String, Definition>) -> bool {
    let parent = |name: &String| drafts.get(name)?.parent.clone();
    let ancestors = std::iter::successors(parent(&name.to_owned()), parent);
    ancestors.take(drafts.len()).any(|ancestor| ancestor == name)
}

/// An image belongs to the flavours for which it selects packages, or, where it selects none at all, to its parent's; but
/// only where the flavour does not say otherwise.
pub(super) fn belongs(name: &str, drafts: &BTreeMap<String, Definition>, flavour: &Flavour) -> bool {
    let Some(draft) = drafts.get(name) else {
        return false;
    };
    let parent_belongs = || {
        draft
            .parent
            .as_ref()
            .is_none_or(|parent| belongs(parent, drafts, flavour))
    };
    let listed = flavour
        .images
        .as_ref()
        .is_none_or(|images| images.iter().any(|image| image == name));
    let selected = draft.packages.is_empty() || draft.packages.contains_key(&flavour.name);
    listed && selected && parent_belongs()
}
