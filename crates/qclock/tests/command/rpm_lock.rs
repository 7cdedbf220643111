//! `qclock lock` from RPM repositories, when all is well and when the answer is no.

use anyhow::Result;
use fs_err as fs;
use qclock_testkit::http::Fault;
use qclock_testkit::rpm::{File, Rpm};
use qclock_testkit::rpm_mirror::RpmMirror;

use crate::rpm_support::{APPSTREAM, BASEOS, RpmFixture};
use crate::support::stable;

#[test]
fn the_first_lock_lists_everything_and_the_second_finds_it_current() -> Result<()> {
    let fixture = RpmFixture::new()?;
    stable(|| {
        insta::assert_snapshot!(fixture.run(&["lock", "--quiet"]).text());
        insta::assert_snapshot!(fs::read_to_string(fixture.lock_path()).unwrap_or_default());
        insta::assert_snapshot!(fixture.run(&["lock"]).text());
    });
    // Only what changes without notice is asked for again.
    fixture.mirror.server.asked();
    assert_eq!(fixture.run(&["lock", "--check"]).status, 0);
    let asked = fixture.mirror.server.asked();
    assert!(
        asked.iter().all(|asked| asked.path.ends_with("/repomd.xml")),
        "{asked:?}"
    );
    Ok(())
}

#[test]
fn an_update_moves_the_lock_and_newer_metadata_alone_do_not() -> Result<()> {
    let mut fixture = RpmFixture::locked()?;
    let before = fs::read(fixture.lock_path())?;
    fixture.mirror.repository(APPSTREAM)?.revision += 60;
    fixture.mirror.publish()?;
    assert_eq!(fixture.run(&["lock"]).status, 0);
    assert!(fs::read(fixture.lock_path())? == before, "the lock was written again");

    fixture.change(APPSTREAM, "libmod", |package| package.release = "2.el9".to_owned())?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock", "--quiet"]).text()));
    fixture.mirror.repository(APPSTREAM)?.revision -= 600;
    fixture.change(APPSTREAM, "libmod", |package| package.release = "1.el9".to_owned())?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock", "--check"]).text()));
    Ok(())
}

#[test]
fn without_its_stream_the_module_s_package_is_not_chosen_and_a_stream_that_is_not_there_is_named() -> Result<()> {
    let fixture = RpmFixture::new()?;
    let flavour = fixture.read("images/flavours/test9.toml")?;
    fixture.write("images/flavours/test9.toml", &flavour.replace("['php:8.2']", "[]"))?;
    assert_eq!(fixture.run(&["lock"]).status, 0);
    assert!(fixture.read("images/test9.lock")?.contains("\"8.0-1.el9\""));
    fixture.write("images/flavours/test9.toml", &flavour.replace("php:8.2", "php:8.4"))?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock", "--quiet"]).text()));
    fixture.write("images/flavours/test9.toml", &flavour.replace("php:8.2", "php"))?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock", "--quiet"]).text()));
    Ok(())
}

#[test]
fn what_nothing_provides_and_what_nothing_asks_for_are_told() -> Result<()> {
    let mut fixture = RpmFixture::new()?;
    fixture.change(APPSTREAM, "libmod", |package| {
        package.requires.push("libgone".to_owned());
    })?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock", "--quiet"]).text()));
    fixture.change(APPSTREAM, "libmod", |package| drop(package.requires.pop()))?;
    fixture.change(APPSTREAM, "web", |package| {
        package.requires.retain(|name| !name.starts_with("systemd"));
    })?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock", "--quiet"]).text()));
    assert!(!fixture.lock_path().exists());
    Ok(())
}

#[test]
fn an_unreachable_repository_is_named_with_what_to_do_and_nothing_is_written() -> Result<()> {
    let fixture = RpmFixture::new()?;
    stable(|| {
        let outcome = fixture.run_with(&["lock"], &[("QCLOCK_TEST_MIRROR", "")]);
        insta::assert_snapshot!(outcome.text());
    });
    assert!(!fixture.lock_path().exists());
    Ok(())
}

#[test]
fn the_mirror_may_be_a_folder_and_a_vendor_folder_serves_a_machine_without_a_network() -> Result<()> {
    let fixture = RpmFixture::new()?;
    let media = tempfile::tempdir()?;
    fixture.mirror.write_to(media.path())?;
    let folder = media.path().display().to_string();
    let outcome = fixture.run_with(&["lock"], &[("QCLOCK_TEST_MIRROR", &folder)]);
    assert_eq!(outcome.status, 0, "{}", outcome.text());
    assert!(fixture.mirror.server.asked().is_empty());

    // Metadata as they lie below the mirror, packages in a heap.
    let offline = RpmFixture::new()?;
    offline.mirror.write_to(&offline.root().join("vendor"))?;
    let heap = offline.root().join("vendor/heap");
    fs::create_dir_all(&heap)?;
    for repository in [BASEOS, APPSTREAM] {
        for entry in fs::read_dir(offline.root().join("vendor").join(repository).join("getPackage"))? {
            let entry = entry?;
            fs::rename(entry.path(), heap.join(entry.file_name()))?;
        }
    }
    let outcome = offline.run_with(&["lock"], &[("QCLOCK_TEST_MIRROR", "")]);
    assert_eq!(outcome.status, 0, "{}", outcome.text());
    assert!(offline.mirror.server.asked().is_empty());
    Ok(())
}

#[test]
fn a_package_signed_by_another_key_is_refused() -> Result<()> {
    let fixture = RpmFixture::new()?;
    let other = String::from_utf8(RpmMirror::new()?.key()?)?;
    fixture.write("images/flavours/keys/packages.asc", &other)?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock", "--quiet"]).text()));
    assert!(!fixture.lock_path().exists());
    // A key that was taken back is noticed although no package has changed.
    let fixture = RpmFixture::locked()?;
    fixture.write("images/flavours/keys/packages.asc", &other)?;
    assert_eq!(fixture.run(&["lock", "--check"]).status, 3);
    Ok(())
}

#[test]
fn a_flipped_byte_in_a_package_is_refused() -> Result<()> {
    let mut fixture = RpmFixture::new()?;
    let web = fixture.mirror.repository(APPSTREAM)?.package("web")?.clone();
    fixture
        .mirror
        .server
        .fail(&RpmMirror::package_path(APPSTREAM, &web), Fault::Flip(900));
    stable(|| insta::assert_snapshot!(fixture.run(&["lock", "--quiet"]).text()));
    assert!(!fixture.lock_path().exists());
    fixture.mirror.server.mend();
    assert_eq!(fixture.run(&["lock"]).status, 0);
    Ok(())
}

#[test]
fn a_package_that_is_listed_and_is_not_there_is_named() -> Result<()> {
    let mut fixture = RpmFixture::new()?;
    let web = fixture.mirror.repository(APPSTREAM)?.package("web")?.clone();
    fixture.mirror.server.remove(&RpmMirror::package_path(APPSTREAM, &web));
    stable(|| insta::assert_snapshot!(fixture.run(&["lock", "--quiet"]).text()));
    assert!(!fixture.lock_path().exists());
    Ok(())
}

#[test]
fn metadata_that_lie_about_a_package_are_refused() -> Result<()> {
    let refused = |from: &str, to: &str| -> Result<String> {
        let mut fixture = RpmFixture::new()?;
        fixture.mirror.repository(BASEOS)?.tampered = vec![(from.to_owned(), to.to_owned())];
        let media = tempfile::tempdir()?;
        fixture.mirror.write_to(media.path())?;
        let folder = media.path().display().to_string();
        let outcome = fixture.run_with(&["lock", "--quiet"], &[("QCLOCK_TEST_MIRROR", &folder)]);
        assert!(!fixture.lock_path().exists());
        Ok(outcome.text().replace(&folder, "[media]"))
    };
    let sizes = refused("<size package=\"", "<size package=\"1")?;
    let places = refused("<location href=\"", "<location href=\"../../../etc/")?;
    // The file is whole and rightly signed, but it is another package.
    let names = refused("<name>glibc</name>", "<name>filesystem-2</name>")?;
    let ranges = refused("rpm:header-range start=\"", "rpm:header-range start=\"1")?;
    stable(|| {
        insta::assert_snapshot!(sizes);
        insta::assert_snapshot!(places);
        insta::assert_snapshot!(names);
        insta::assert_snapshot!(ranges);
    });
    Ok(())
}

#[test]
fn metadata_must_be_signed_where_the_flavour_says_so() -> Result<()> {
    let mut fixture = RpmFixture::new()?;
    let flavour = fixture.read("images/flavours/test9.toml")?;
    let demanding = flavour.replace("keys = ", "signed_metadata = true\nkeys = ");
    fixture.write("images/flavours/test9.toml", &demanding)?;
    let unsigned = fixture.run(&["lock", "--quiet"]);
    for repository in &mut fixture.mirror.repositories {
        repository.signed = true;
    }
    fixture.mirror.publish()?;
    fixture
        .mirror
        .server
        .fail(&format!("/{BASEOS}/repodata/repomd.xml"), Fault::Flip(30));
    let changed = fixture.run(&["lock", "--quiet"]);
    stable(|| {
        insta::assert_snapshot!(unsigned.text());
        insta::assert_snapshot!(changed.text());
    });
    fixture.mirror.server.mend();
    assert_eq!(fixture.run(&["lock"]).status, 0);
    assert!(
        fixture
            .read("images/test9.lock")?
            .contains("revision = \"1750000000\"\ndate = ")
    );
    Ok(())
}

#[test]
fn two_images_with_different_versions_of_a_package_are_refused() -> Result<()> {
    let mut fixture = RpmFixture::new()?;
    let old = Rpm {
        version: "0.9".to_owned(),
        architecture: "x86_64".to_owned(),
        ..Rpm::new("libmod", vec![File::new("/usr/lib64/libmod.so", b"old")])
    };
    fixture.mirror.repository(APPSTREAM)?.packages.push(old);
    fixture.mirror.publish()?;
    let other = "name = 'other'\ntitle = 'Other'\ndescription = 'o'\nparent = 'base'\n[packages.test9]\ninstall = ['libmod-0.9']\n";
    fixture.write("images/other/image.toml", other)?;
    stable(|| insta::assert_snapshot!(fixture.run(&["lock", "--quiet"]).text()));
    Ok(())
}

#[test]
fn packages_told_by_other_digests_are_locked_by_their_sha256() -> Result<()> {
    let mut fixture = RpmFixture::new()?;
    let locked = |fixture: &RpmFixture| -> Result<String> {
        let outcome = fixture.run(&["lock"]);
        assert_eq!(outcome.status, 0, "{}", outcome.text());
        // What `repomd.xml` is changes with the digests that are in it.
        let lock = fs::read_to_string(fixture.lock_path())?;
        Ok(lock
            .lines()
            .filter(|line| !line.starts_with("repomd = "))
            .collect::<Vec<_>>()
            .join("\n"))
    };
    let expected = locked(&fixture)?;
    fixture.review()?;
    for kind in ["sha384", "sha512"] {
        fs::remove_file(fixture.lock_path())?;
        fs::remove_dir_all(fixture.cache())?;
        for repository in &mut fixture.mirror.repositories {
            repository.digests = kind;
        }
        fixture.mirror.publish()?;
        assert_eq!(locked(&fixture)?, expected, "{kind}");
        fixture.mirror.server.asked();
        fs::remove_file(fixture.lock_path())?;
        assert_eq!(locked(&fixture)?, expected, "{kind}, from the cache");
        let outcome = fixture.run(&["build"]);
        assert_eq!(outcome.status, 0, "{}", outcome.text());
        let asked = fixture.mirror.server.asked();
        let packages = asked.iter().filter(|asked| asked.path.contains("/getPackage/")).count();
        assert_eq!(packages, 0, "what is in the cache is fetched again");
    }
    // Another file than its digest says is refused, whatever the digest's kind.
    fs::remove_dir_all(fixture.cache())?;
    fs::remove_file(fixture.lock_path())?;
    let package = fixture.mirror.repository(APPSTREAM)?.package("libmod")?.clone();
    let digest = {
        use sha2::Digest as _;
        let bytes = fixture.mirror.signed(&package)?;
        let digest = sha2::Sha512::digest(&bytes);
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let tampered = vec![(digest.clone(), digest.chars().rev().collect())];
    fixture.mirror.repository(APPSTREAM)?.tampered = tampered;
    fixture.mirror.publish()?;
    let outcome = fixture.run(&["lock"]);
    assert_eq!(outcome.status, 3, "{}", outcome.text());
    assert!(outcome.stderr.contains("expected sha512"), "{}", outcome.text());
    assert!(!fixture.lock_path().exists());
    Ok(())
}

#[test]
fn a_definition_may_ask_for_a_stream_s_profile_and_its_children_keep_the_stream() -> Result<()> {
    let mut fixture = RpmFixture::new()?;
    let appstream = fixture.mirror.repository(APPSTREAM)?;
    let modules = appstream.modules.take().unwrap_or_default();
    let profiled = modules.replace(
        "  artifacts:",
        "  profiles:\n    common:\n      rpms: [php-fpm]\n  artifacts:",
    );
    appstream.modules = Some(profiled);
    fixture.mirror.publish()?;
    let edit = |path: &str, from: &str, to: &str| fixture.write(path, &fixture.read(path)?.replace(from, to));
    edit("images/flavours/test9.toml", "['php:8.2']", "[]")?;
    edit("images/base/image.toml", "'glibc', ", "'glibc', '@php:8.2/common', ")?;
    edit("images/app/image.toml", "'web', 'php-fpm'", "'web'")?;
    let outcome = fixture.run(&["lock"]);
    assert_eq!(outcome.status, 0, "{}", outcome.text());
    assert!(fixture.read("images/test9.lock")?.contains("\"8.2-1.el9\""));

    edit("images/base/image.toml", "@php:8.2/common", "@php:8.2/most")?;
    let outcome = fixture.run(&["lock"]);
    assert_eq!(outcome.status, 2, "{}", outcome.text());
    assert!(
        outcome.stderr.contains("has no profile `most`; it has common") && outcome.stderr.contains("`@php:8.2/common`"),
        "{}",
        outcome.text()
    );
    Ok(())
}
