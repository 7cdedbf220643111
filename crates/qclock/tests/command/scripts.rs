//! Parts of the scripts that need neither root nor Docker.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use fs_err as fs;

fn warning(folder: &Path) -> Result<String> {
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", ". scripts/lib/setup.sh; warn_of_closed_www"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .env("QCLOCK_WWW", folder)
        .output()?;
    anyhow::ensure!(output.status.success());
    Ok(String::from_utf8(output.stderr)?)
}

#[test]
fn an_application_that_the_containers_cannot_read_is_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let www = folder.path().join("my www");
    let page = www.join("index.php");
    assert_eq!(warning(&www)?, "");
    fs::create_dir(&www)?;
    fs::write(&page, "<?php")?;
    for (directory_mode, page_mode, closed) in [
        (0o700, 0o600, Some(&www)),
        (0o755, 0o600, Some(&page)),
        (0o755, 0o644, None),
    ] {
        fs::set_permissions(&www, PermissionsExt::from_mode(directory_mode))?;
        fs::set_permissions(&page, PermissionsExt::from_mode(page_mode))?;
        let said = warning(&www)?;
        match closed {
            Some(path) => assert!(
                said.contains(&format!("warning: `{}` cannot be read", path.display())) && said.contains("hint: chmod"),
                "{said}"
            ),
            None => assert_eq!(said, ""),
        }
    }
    Ok(())
}
