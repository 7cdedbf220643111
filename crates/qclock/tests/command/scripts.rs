//! Parts of the scripts that need neither root nor Docker.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use fs_err as fs;

/// What a piece of the scripts prints, with `root` as the checkout.
fn output_of(script: &str, root: &Path, variables: &[(&str, &str)]) -> Result<String> {
    let script = format!(". scripts/lib/setup.sh; cd \"$1\"; {script}");
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script, "bash"])
        .arg(root)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .env_remove("QCLOCK_IDENTITY")
        .envs(variables.iter().copied())
        .output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

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

#[test]
fn what_compose_reads_beside_its_file_counts_for_the_scripts() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let shown =
        "read_settings; for name in HTTP NOC IDENTITY WWW; do name=QCLOCK_TEST_$name; echo \"${!name-not set}\"; done";
    assert_eq!(
        output_of(shown, folder.path(), &[])?,
        "not set\nnot set\nnot set\nnot set\n"
    );
    fs::write(
        folder.path().join(".env"),
        "# QCLOCK_TEST_NOC=1\nQCLOCK_TEST_HTTP=\"9090\" # why\r\nexport QCLOCK_TEST_IDENTITY = off # why\n\
         PATH=/nowhere\nQCLOCK_TEST_WWW='./my #1 $(false)'",
    )?;
    assert_eq!(
        output_of(shown, folder.path(), &[("QCLOCK_TEST_IDENTITY", "on")])?,
        "9090\nnot set\non\n./my #1 $(false)\n"
    );
    assert_eq!(
        output_of(shown, folder.path(), &[])?,
        "9090\nnot set\noff\n./my #1 $(false)\n"
    );
    Ok(())
}

#[test]
fn images_that_the_stack_leaves_out_are_not_built() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let wanted = |identity| output_of("wanted_images", &root, &[("QCLOCK_IDENTITY", identity)]);
    assert_eq!(wanted("on")?, "");
    assert_eq!(wanted("database")?, "app\nbase\ndashboard\ndb\nidentity-db\n");
    assert_eq!(wanted("off")?, "app\nbase\ndashboard\ndb\n");
    Ok(())
}

#[test]
fn a_folder_for_downloads_that_cannot_be_had_is_told_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file");
    fs::write(&file, "")?;
    let inside = file.join("cache");
    let told = "said=$(check_cache 2>&1) || echo \"$? $said\"";
    let said = output_of(
        told,
        folder.path(),
        &[("QCLOCK_CACHE_DIR", &inside.display().to_string())],
    )?;
    assert!(
        said.starts_with("4 error: cannot write") && said.contains("QCLOCK_CACHE_DIR"),
        "{said}"
    );
    let nowhere = [("QCLOCK_CACHE_DIR", ""), ("XDG_CACHE_HOME", ""), ("HOME", "")];
    let said = output_of(told, folder.path(), &nowhere)?;
    assert!(said.starts_with("4 error: there is no folder"), "{said}");
    let made = folder.path().join("a b");
    let said = output_of(
        told,
        folder.path(),
        &[("QCLOCK_CACHE_DIR", &made.display().to_string())],
    )?;
    assert_eq!(said, "");
    assert!(made.is_dir());
    Ok(())
}

/// As `qclock build` says it, where neither Keycloak's own address nor a Maven repository has the archive.
const LACKING: &str = r#"#!/bin/sh
case " $* " in
  *" identity "* | " build --lock"*)
    echo 'error: cannot get the packages' >&2
    echo '  caused by: cannot get the archive `keycloak` 23.0.7' >&2
    exit 4 ;;
esac
echo "$*"
"#;

#[test]
fn an_evaluation_goes_on_without_a_keycloak_that_cannot_be_had_and_others_do_not() -> Result<()> {
    let programs = tempfile::tempdir()?;
    for (name, text) in [("qclock", LACKING), ("mvn", "#!/bin/sh\nexit 1\n")] {
        let program = programs.path().join(name);
        fs::write(&program, text)?;
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755))?;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let script = format!(
        "programs='{0}' PATH='{0}':$PATH; tag_images() {{ :; }}; status=0; build_with some.lock 2>/dev/null || status=$?; \
         echo \"$status ${{QCLOCK_IDENTITY:-}} $left_out\"",
        programs.path().display()
    );
    let evaluation = [("QCLOCK_FLAVOUR", "debian12")];
    assert_eq!(
        output_of(&script, &root, &evaluation)?,
        "build app base dashboard db identity-db --lock some.lock --load\n0 database yes\n"
    );
    let reference = [("QCLOCK_FLAVOUR", "oraclelinux9")];
    assert_eq!(output_of(&script, &root, &reference)?, "4  \n");
    Ok(())
}
