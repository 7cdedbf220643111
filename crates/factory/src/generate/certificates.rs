//! The bundle of trusted certificates, as `update-ca-certificates` makes it.

use std::collections::BTreeMap;

use bytes::Bytes;
use qclock_oci::path::TreePath;
use qclock_oci::tree::Tree;

use super::GenerateError;
use crate::assemble::CERTIFICATES;

/// All certificates in the order of their names' bytes, each ending in a line feed.
pub(super) fn bundle(tree: &Tree, aside: &BTreeMap<TreePath, Bytes>) -> Result<Vec<u8>, GenerateError> {
    let mut certificates = aside.clone();
    for (path, _) in tree.children(CERTIFICATES.trim_end_matches('/')) {
        if let Some(contents) = tree.contents(path.as_str()) {
            certificates.insert(path.clone(), contents.clone());
        }
    }
    certificates.retain(|path, _| {
        path.as_str()
            .rsplit_once('.')
            .is_some_and(|(_, extension)| extension == "crt")
    });
    if certificates.is_empty() {
        return Err(GenerateError::Certificates);
    }
    let mut bundle = Vec::new();
    for contents in certificates.values() {
        bundle.extend_from_slice(contents);
        if !contents.ends_with(b"\n") {
            bundle.push(b'\n');
        }
    }
    Ok(bundle)
}
