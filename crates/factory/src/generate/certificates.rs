//! The bundle of trusted certificates, as `update-ca-certificates` or `update-ca-trust` makes it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use qclock_oci::path::TreePath;
use qclock_oci::tree::Tree;

use super::GenerateError;
use super::trust::server_anchors;
use crate::assemble::CERTIFICATES;

/// From the packages' files, pruned or not.
pub(super) fn bundle(tree: &Tree, aside: &BTreeMap<TreePath, Bytes>) -> Result<Vec<u8>, GenerateError> {
    let mut sources = aside.clone();
    for folder in CERTIFICATES {
        for (path, _) in tree.children(folder.trim_end_matches('/')) {
            if let Some(contents) = tree.contents(path.as_str()) {
                sources.insert(path.clone(), contents.clone());
            }
        }
    }
    let with = |extension: &'static str| {
        let sources = sources.iter();
        let named = move |path: &TreePath| path.as_str().rsplit_once('.').is_some_and(|(_, it)| it == extension);
        sources
            .filter(move |(path, _)| named(path))
            .map(|(_, contents)| contents)
    };
    let mut bundle = joined(with("crt"));
    bundle.extend(anchors(with("p11-kit")));
    if bundle.is_empty() {
        return Err(GenerateError::Certificates);
    }
    Ok(bundle)
}

/// All certificates in the order of their names' bytes, each ending in a line feed: `update-ca-certificates`.
fn joined<'a>(certificates: impl Iterator<Item = &'a Bytes>) -> Vec<u8> {
    let mut bundle = Vec::new();
    for contents in certificates {
        bundle.extend_from_slice(contents);
        if !contents.ends_with(b"\n") {
            bundle.push(b'\n');
        }
    }
    bundle
}

/// Anchors for TLS servers, each under its name, with an empty line between them: `update-ca-trust`'s `tls-ca-bundle.pem`.
fn anchors<'a>(sources: impl Iterator<Item = &'a Bytes>) -> Vec<u8> {
    let mut bundle = String::new();
    for source in sources {
        for anchor in server_anchors(&String::from_utf8_lossy(source)) {
            let gap = if bundle.is_empty() { "" } else { "\n" };
            write!(bundle, "{gap}# {}\n{}", anchor.label, anchor.pem).expect("a string takes all writing");
        }
    }
    bundle.into_bytes()
}
