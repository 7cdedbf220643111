//! The flavours that a project has, and one of them, checked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fs_err as fs;

use super::ProjectError;
use crate::definition::Fault;
use crate::document;
use crate::failure::closest;
use crate::flavour::Flavour;

/// Names of the flavours that there are, sorted.
pub(super) fn flavour_names(root: &Path) -> Result<Vec<String>, ProjectError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("images/flavours")).map_err(ProjectError::Folder)? {
        let path = entry.map_err(ProjectError::Folder)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

/// And whether the architecture is another than the file's.
pub(super) fn load_flavour(
    root: &Path,
    name: &str,
    architecture: Option<&str>,
) -> Result<(Flavour, bool), ProjectError> {
    let shown = PathBuf::from(format!("images/flavours/{name}.toml"));
    let (mut flavour, _) = document::read::<Flavour>(&root.join(&shown), &shown)?;
    let declared = flavour.architecture.clone();
    let wrong = |fault| ProjectError::Flavour {
        path: shown.clone(),
        fault,
    };
    architecture
        .map_or(Ok(()), |wanted| flavour.set_architecture(wanted))
        .and_then(|()| flavour.render_paths())
        .and_then(|()| flavour.check(name))
        .map_err(wrong)?;
    let folder = root.join("images/flavours/keys");
    if let Some(key) = flavour.keys().find(|key| !folder.join(key).is_file()) {
        return Err(wrong(Fault {
            message: format!("the key `{key}` is not in `images/flavours/keys`"),
            hint: similar_file(&folder, key).map(|name| format!("did you mean `{name}`?")),
        }));
    }
    let foreign = flavour.architecture != declared;
    Ok((flavour, foreign))
}

fn similar_file(folder: &Path, name: &str) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?;
    let names: BTreeSet<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    closest(name, names.iter().map(String::as_str)).map(str::to_owned)
}
