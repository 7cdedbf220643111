//! `qclock build` and `qclock digest`: locks that fit or do not, and packages that are to be had or not.

use std::process::Stdio;

use anyhow::{Context as _, Result};
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

#[test]
fn two_builds_at_once_share_an_empty_cache() -> Result<()> {
    let fixture = Fixture::new()?;
    // Of one generation, so that one process, too, wants the same packages twice at a time.
    for name in ["one", "two", "three"] {
        fixture.write(
            &format!("images/{name}/image.toml"),
            &format!(
                "name = '{name}'\ntitle = ''\ndescription = ''\nparent = 'base'\n[packages.test12]\ninstall = ['libmod', 'perl']\n"
            ),
        )?;
    }
    assert_eq!(fixture.run(&["lock"]).status, 0);
    for round in 0..6 {
        fs::remove_dir_all(fixture.cache())?;
        let started: Vec<_> = ["dist/a", "dist/b", "dist/a"]
            .map(|output| fixture.command(&["build", "--output", output]))
            .map(|mut command| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn())
            .into_iter()
            .collect::<Result<_, _>>()?;
        let mut digests = Vec::new();
        for process in started {
            let output = process.wait_with_output()?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "round {round}: {said}");
            digests.push(output.stdout);
        }
        assert!(!digests[0].is_empty() && digests.iter().all(|other| *other == digests[0]));
        let left = fs::read_dir(fixture.cache().join("partial"))?.count();
        assert_eq!(left, 0, "round {round}: downloads were left behind");
        fs::remove_dir_all(fixture.root().join("dist"))?;
    }
    Ok(())
}

#[test]
fn what_is_missing_or_damaged_in_dist_is_made_again() -> Result<()> {
    let fixture = Fixture::locked()?;
    let first = fixture.run(&["build"]);
    let index = fixture.root().join("dist/test12/index.json");
    let blobs = fixture.root().join("dist/test12/blobs/sha256");
    let largest = || {
        let mut blobs: Vec<_> = fs::read_dir(&blobs)?.collect::<Result<_, _>>()?;
        blobs.sort_by_key(|blob| blob.metadata().map_or(0, |metadata| metadata.len()));
        blobs.pop().map(|blob| blob.path()).context("no blob")
    };
    let mut bytes = fs::read(largest()?)?;
    bytes[30] ^= 1;
    fs::write(largest()?, bytes)?;
    let archive = fixture.run(&["build", "app", "--archive", "app.tar"]);
    assert_eq!(
        (archive.status, archive.stderr.contains("was damaged and is made again")),
        (0, true),
        "{}",
        archive.text()
    );
    fs::write(&index, &fs::read(&index)?[..40])?;
    assert_eq!(fixture.run(&["digest", "app"]).status, 1);
    let again = fixture.run(&["build"]);
    assert_eq!((again.status, &again.stdout), (0, &first.stdout), "{}", again.text());
    Ok(())
}

#[test]
fn an_archive_is_written_where_there_is_a_folder_for_it() -> Result<()> {
    let fixture = Fixture::locked()?;
    let outcome = fixture.run(&["build", "--archive", "out/images.tar"]);
    assert_eq!(outcome.status, 2, "{}", outcome.text());
    assert!(
        outcome.stderr.contains("there is no folder `out`"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("hint: make the folder first: mkdir -p 'out'"),
        "{}",
        outcome.stderr
    );
    assert!(!fixture.root().join("out").exists() && !fixture.root().join("dist").exists());
    assert_eq!(fixture.run(&["build", "--archive", "images"]).status, 2, "a folder");
    Ok(())
}

#[test]
fn an_image_whose_programs_are_missing_is_not_built() -> Result<()> {
    let fixture = Fixture::new()?;
    let run = "[run]\nuser = '10001:10001'\nentrypoint = ['/usr/sbin/wbe']\n";
    fixture.append("images/app/image.toml", run)?;
    assert_eq!(fixture.run(&["lock"]).status, 0);
    let outcome = fixture.run(&["build"]);
    insta::assert_snapshot!(outcome.text());
    Ok(())
}

#[test]
fn a_key_that_is_none_is_named_before_anything_is_done() -> Result<()> {
    let fixture = Fixture::locked()?;
    fixture.write("images/flavours/keys/archive.asc", "not a key")?;
    for verb in ["lock", "build"] {
        let outcome = fixture.run(&[verb]);
        assert_eq!(outcome.status, 2, "{}", outcome.text());
        assert!(
            outcome.stderr.contains("`images/flavours/keys/archive.asc`"),
            "{}",
            outcome.stderr
        );
    }
    Ok(())
}
