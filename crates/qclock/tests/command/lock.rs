//! `qclock lock` when all is well, and when the answer is no.

use anyhow::Result;
use fs_err as fs;
use qclock_testkit::deb::Deb;

use crate::support::{Fixture, stable};

#[test]
fn the_first_lock_lists_everything_and_the_second_finds_it_current() -> Result<()> {
    let fixture = Fixture::new()?;
    stable(|| {
        insta::assert_snapshot!(fixture.run(&["lock"]).text());
        insta::assert_snapshot!(fs::read_to_string(fixture.lock_path()).unwrap_or_default());
        insta::assert_snapshot!(fixture.run(&["lock"]).text());
    });
    // Only the suites are asked for again.
    fixture.mirror.server.asked();
    assert_eq!(fixture.run(&["lock", "--check"]).status, 0);
    let asked: Vec<String> = fixture
        .mirror
        .server
        .asked()
        .into_iter()
        .map(|asked| asked.path)
        .collect();
    assert!(asked.iter().all(|path| path.ends_with("/InRelease")), "{asked:?}");
    Ok(())
}

#[test]
fn an_update_in_another_suite_is_found_shown_and_written() -> Result<()> {
    let mut fixture = Fixture::locked()?;
    let before = fs::read(fixture.lock_path())?;
    let update = Deb::new("web", "1.0-1+deb12u1")
        .field("Depends", "libc6 (>= 2.36), libmod-abi (= 3), perl, extra")
        .file("usr/sbin/web", b"server!");
    let extra = Deb::new("extra", "7").field("Depends", "libc6");
    fixture.mirror.suite("bookworm-security")?.packages = vec![update, extra];
    fixture.mirror.publish()?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock", "--check"]).text()));
    assert_eq!(fs::read(fixture.lock_path())?, before, "--check writes nothing");
    stable(|| {
        insta::assert_snapshot!(fixture.run(&["lock", "--output", "own/test12.lock"]).text());
        insta::assert_snapshot!(fixture.run(&["lock", "--format", "json"]).text());
    });
    assert_eq!(
        fs::read(fixture.lock_path())?,
        fs::read(fixture.root().join("own/test12.lock"))?
    );
    Ok(())
}

#[test]
fn newer_suites_with_the_same_packages_leave_the_lock_as_it_is() -> Result<()> {
    let mut fixture = Fixture::locked()?;
    let before = fs::read(fixture.lock_path())?;
    fixture.mirror.suite("bookworm")?.date += std::time::Duration::from_mins(1);
    fixture.mirror.publish()?;
    assert_eq!(fixture.run(&["lock"]).status, 0);
    assert_eq!(fs::read(fixture.lock_path())?, before);
    fixture.mirror.suite("bookworm")?.date -= std::time::Duration::from_hours(5);
    fixture.mirror.publish()?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock"]).text()));
    Ok(())
}

#[test]
fn a_requirement_that_nothing_meets_is_explained() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.change("libmod", |package| {
        package.fields[0].1 = "libc6, libgone (>= 2)".to_owned();
    })?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock"]).text()));
    assert!(!fixture.lock_path().exists());
    Ok(())
}

#[test]
fn an_omission_that_no_package_asks_for_is_a_mistake() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.change("web", |package| package.fields[0].1 = "libc6, libmod".to_owned())?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock"]).text()));
    Ok(())
}

#[test]
fn mistakes_in_definitions_are_told_with_their_line() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.write(
        "images/app/image.toml",
        "name = 'app'\ntitle = 'App'\ndescription = ''\nparrent = 'base'\n",
    )?;
    insta::assert_snapshot!(fixture.run(&["lock"]).text());
    insta::assert_snapshot!(fixture.run(&["lock", "--flavour", "tset12", "--format", "json"]).text());
    Ok(())
}

#[test]
fn a_mirror_may_be_a_folder() -> Result<()> {
    let fixture = Fixture::new()?;
    let media = tempfile::tempdir()?;
    fixture.mirror.write_to(media.path())?;
    let address = media.path().join("debian");
    let outcome = fixture.run_with(&["lock"], &[("QCLOCK_DEBIAN_MIRROR", &address.display().to_string())]);
    assert_eq!(outcome.status, 0, "{}", outcome.text());
    assert!(fixture.mirror.server.asked().is_empty());
    Ok(())
}

#[test]
fn a_vendor_folder_serves_a_machine_without_a_network() -> Result<()> {
    let fixture = Fixture::new()?;
    let vendor = fixture.root().join("vendor");
    fixture.mirror.write_to(&vendor)?;
    // Packages may lie anywhere, under their own names.
    let heap = vendor.join("packages");
    fs::create_dir_all(&heap)?;
    for entry in fs::read_dir(vendor.join("debian/pool/main"))? {
        let entry = entry?;
        fs::rename(entry.path(), heap.join(entry.file_name()))?;
    }
    let nowhere = [("QCLOCK_DEBIAN_MIRROR", "http://127.0.0.1:1/debian")];
    let locked = fixture.run_with(&["lock"], &nowhere);
    assert_eq!(locked.status, 0, "{}", locked.text());
    fs::remove_dir_all(fixture.cache())?;
    let built = fixture.run_with(&["build"], &nowhere);
    assert_eq!(built.status, 0, "{}", built.text());
    // What lies there is believed no more than what a mirror sends.
    fs::remove_dir_all(fixture.cache())?;
    fs::remove_dir_all(fixture.root().join("dist"))?;
    for entry in fs::read_dir(&heap)? {
        let path = entry?.path();
        let mut bytes = fs::read(&path)?;
        bytes[100] ^= 1;
        fs::write(&path, bytes)?;
    }
    let refused = fixture.run_with(&["build"], &nowhere);
    assert_eq!(refused.status, 3, "{}", refused.text());
    assert!(fixture.mirror.server.asked().is_empty());
    Ok(())
}

#[test]
fn several_runs_share_one_cache() -> Result<()> {
    let fixture = Fixture::new()?;
    let runs: Vec<_> = (0..4)
        .map(|run| {
            fixture
                .command(&["lock", "--quiet", "--output", &format!("{run}.lock")])
                .stdout(std::process::Stdio::null())
                .spawn()
        })
        .collect::<Result<_, _>>()?;
    for mut run in runs {
        assert!(run.wait()?.success());
    }
    let first = fs::read(fixture.root().join("0.lock"))?;
    for run in 1..4 {
        assert_eq!(fs::read(fixture.root().join(format!("{run}.lock")))?, first);
    }
    let left: Vec<_> = fs::read_dir(fixture.cache().join("partial"))?.collect();
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

#[test]
fn an_old_lock_that_cannot_be_read_is_made_anew() -> Result<()> {
    let fixture = Fixture::new()?;
    fixture.write("images/test12.lock", "<<<<<<< ours\nformat = 1\n")?;
    let outcome = fixture.run(&["lock"]);
    assert_eq!(outcome.status, 0, "{}", outcome.text());
    assert!(
        outcome
            .stderr
            .starts_with("note: The lock there is cannot be used: images/test12.lock:1: "),
        "{}",
        outcome.stderr
    );
    Ok(())
}
