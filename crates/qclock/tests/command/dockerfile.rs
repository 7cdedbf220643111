//! Dockerfiles made from definitions, and whether those of the repository are current.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use fs_err as fs;

use crate::support::Fixture;

#[test]
fn a_definition_and_its_parents_become_a_dockerfile() -> Result<()> {
    let fixture = Fixture::new()?;
    let run = "[run]\nuser = '10001:10001'\nentrypoint = ['/usr/bin/init']\nports = [8080]\nvolumes = ['/var/lib/x y']\n\
               [run.environment]\nB = 'a \"b\" $c'\n[run.health]\ncommand = ['/usr/bin/init', 'health']\ninterval_seconds = 5\n\
               timeout_seconds = 5\nstart_period_seconds = 30\nretries = 3\n";
    let path = fixture.root().join("images/app/image.toml");
    let app = fs::read_to_string(&path)?;
    fs::write(&path, format!("{app}{run}"))?;
    assert_eq!(fixture.run(&["dockerfile", "--check"]).status, 1);
    assert_eq!(
        fixture.run(&["dockerfile"]).stdout,
        "images/base/Dockerfile\nimages/app/Dockerfile\n"
    );
    assert_eq!(fixture.run(&["dockerfile", "--check"]).status, 0);
    insta::assert_snapshot!(fs::read_to_string(fixture.root().join("images/app/Dockerfile"))?);
    Ok(())
}

/// Whatever the flavour, the files are the same.
#[test]
fn those_of_the_repository_are_current() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for flavour in ["debian12", "oraclelinux9"] {
        let output = Command::new(env!("CARGO_BIN_EXE_qclock"))
            .args(["dockerfile", "--check", "--flavour", flavour])
            .current_dir(&root)
            .output()?;
        assert!(
            output.status.success(),
            "{flavour}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    Ok(())
}
