//! Debian's certificates in the form in which Enterprise Linux has them: one file of p11-kit objects.

use std::path::Path;

use anyhow::{Result, ensure};
use fs_err as fs;

/// One object for each certificate, trusted for everything that the file's reader asks about.
pub(super) fn bundle(folder: &Path) -> Result<String> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    ensure!(
        paths.len() > 100,
        "only {} certificates in {}",
        paths.len(),
        folder.display()
    );
    let mut text = String::from("# The certificates of Mozilla, as Debian has them.\n");
    for path in paths {
        let label = path.file_stem().unwrap_or_default().to_string_lossy().replace('_', " ");
        let certificate = fs::read_to_string(&path)?;
        text.push_str(&format!(
            "\n[p11-kit-object-v1]\nlabel: \"{label}\"\ntrusted: true\nnss-mozilla-ca-policy: true\nmodifiable: false\n{}\n",
            certificate.trim_end()
        ));
    }
    Ok(text)
}
