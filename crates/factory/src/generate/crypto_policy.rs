//! The system-wide policy for cryptography, as the scriptlet of the package `crypto-policies` sets it: each library's part is a link
//! to the policy's text for it.

use qclock_oci::tree::{Entry, Tree};

use super::{Files, GenerateError, clean};

const POLICIES: &str = "usr/share/crypto-policies";
const STATE: &str = "etc/crypto-policies";

/// The links, and what tells which policy is set.
pub(super) fn files(packages: &Tree, policy: &str) -> Result<Files, GenerateError> {
    let folder = format!("{POLICIES}/{policy}");
    let texts = packages.children(&folder).filter_map(|(path, _)| {
        let name = path.as_str().strip_prefix(&folder)?.trim_start_matches('/');
        let name = name.strip_suffix(".txt").filter(|name| !name.contains('/'))?;
        Some((name, path))
    });
    let mut files = Files::new();
    for (name, path) in texts {
        let link = Entry::symlink(format!("/{path}"));
        files.insert(clean(&format!("{STATE}/back-ends/{name}.config"))?, link);
    }
    if files.is_empty() {
        return Err(GenerateError::CryptoPolicy {
            policy: policy.to_owned(),
        });
    }
    for file in ["config", "state/current"] {
        files.insert(
            clean(&format!("{STATE}/{file}"))?,
            Entry::file(format!("{policy}\n"), 0o644),
        );
    }
    Ok(files)
}
