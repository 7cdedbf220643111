//! `qclock build` and `qclock digest`: locks that fit or do not, and packages that are to be had or not.

use anyhow::Result;
use fs_err as fs;

use crate::support::{Fixture, stable};

#[test]
fn a_locked_project_is_built_and_then_left_as_it_is() -> Result<()> {
    let fixture = Fixture::locked()?;
    let first = fixture.run(&["build"]);
    stable(|| insta::assert_snapshot!(first.text()));
    let again = fixture.run(&["build", "qclock-app"]);
    let app = first.stdout.lines().find(|line| line.starts_with("qclock-app "));
    assert_eq!(again.stdout.trim_end(), app.unwrap_or_default());
    let digest = fixture.run(&["digest", "app"]);
    assert_eq!(format!("qclock-app {}", digest.stdout), again.stdout);
    assert!(fixture.mirror.server.asked().is_empty(), "everything was in the cache");
    Ok(())
}

#[test]
fn without_a_lock_or_with_one_for_other_definitions_nothing_is_built() -> Result<()> {
    let fixture = Fixture::new()?;
    insta::assert_snapshot!(fixture.run(&["build"]).text());
    assert_eq!(fixture.run(&["lock"]).status, 0);
    fixture.write(
        "images/base/image.toml",
        "name = 'base'\ntitle = ''\ndescription = ''\n[packages.test12]\ninstall = ['libc6', 'libmod']\n",
    )?;
    insta::assert_snapshot!(fixture.run(&["build"]).text());
    insta::assert_snapshot!(fixture.run(&["build", "ap"]).text());
    insta::assert_snapshot!(fixture.run(&["digest", "app"]).text());
    Ok(())
}

#[test]
fn a_package_that_the_mirror_has_dropped_is_named_with_the_remedy() -> Result<()> {
    let mut fixture = Fixture::locked()?;
    fs::remove_dir_all(fixture.cache())?;
    let path = fixture.pool("libmod")?;
    fixture.mirror.server.remove(&path);
    stable(|| insta::assert_snapshot!(fixture.run(&["build"]).text()));
    assert_eq!(fixture.run(&["digest", "app"]).status, 1, "nothing half-built is found");
    Ok(())
}

#[test]
fn a_package_that_the_mirror_has_dropped_comes_from_the_snapshot_of_the_lock_s_date() -> Result<()> {
    let mut fixture = Fixture::locked()?;
    fs::remove_dir_all(fixture.cache())?;
    let path = fixture.pool("libmod")?;
    let lock = fs::read_to_string(fixture.lock_path())?;
    let date = lock
        .lines()
        .find_map(|line| line.strip_prefix("date = \""))
        .unwrap_or_default()
        .trim_end_matches('"');
    let stamp: String = date.chars().filter(|letter| !"-:".contains(*letter)).collect();
    let package = fixture.mirror.suite("bookworm")?.package("libmod")?.build()?;
    let service = qclock_testkit::http::Server::start()?;
    let there = path.replacen("/debian/", &format!("/archive/debian/{stamp}/"), 1);
    service.set_files([(there.clone(), package)].into());
    fixture.mirror.server.remove(&path);
    let outcome = fixture.run_with(&["build"], &[("QCLOCK_DEBIAN_SNAPSHOT", service.address())]);
    assert_eq!(outcome.status, 0, "{}", outcome.text());
    assert_eq!(service.asked().len(), 1);
    Ok(())
}

#[test]
fn a_damaged_file_of_the_cache_is_fetched_again() -> Result<()> {
    let fixture = Fixture::locked()?;
    let lock = fs::read_to_string(fixture.lock_path())?;
    let web = lock
        .split("[[package]]")
        .find(|package| package.contains("name = \"web\""))
        .unwrap_or_default();
    let digest = web
        .lines()
        .find_map(|line| line.strip_prefix("sha256 = \""))
        .unwrap_or_default()
        .trim_end_matches('"');
    let path = fixture.cache().join("sha256").join(&digest[..2]).join(&digest[2..]);
    let mut bytes = fs::read(&path)?;
    bytes[100] ^= 1;
    fs::write(&path, bytes)?;
    let outcome = fixture.run(&["build"]);
    assert_eq!(outcome.status, 0, "{}", outcome.text());
    assert!(
        outcome
            .stderr
            .contains("note: The cached file of web 1.0-1 was damaged and is fetched again."),
        "{}",
        outcome.stderr
    );
    Ok(())
}
