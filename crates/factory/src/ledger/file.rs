//! Where the ledger of a flavour lies.

use std::path::PathBuf;

use super::Ledger;
use crate::document::{self, DocumentError};
use crate::project::Project;

/// `images/<flavour>.ledger.toml`.
pub fn path(project: &Project) -> PathBuf {
    let file = format!("{}.ledger.toml", project.flavour.name);
    project.root.join("images").join(file)
}

/// The flavour's ledger, if there is one.
pub fn load(project: &Project) -> Result<Option<Ledger>, DocumentError> {
    let path = path(project);
    if !path.exists() {
        return Ok(None);
    }
    let shown = path.strip_prefix(&project.root).unwrap_or(&path);
    document::read(&path, shown).map(|(ledger, _)| Some(ledger))
}
