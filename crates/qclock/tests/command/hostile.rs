//! Archives that lie and servers that misbehave: refused with a named cause, nothing half-written, and the next run recovers.

use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;
use fs_err as fs;
use qclock_testkit::deb::{Deb, RawEntry};
use qclock_testkit::http::Fault;

use qclock_testkit::mirror::hex;

use crate::support::{Fixture, Outcome, stable};

const IN_RELEASE: &str = "/debian/dists/bookworm/InRelease";

/// Locks with a fault of the server's, checks that nothing came of it, and locks again without.
fn refused(fixture: &Fixture, path: &str, fault: Fault) -> Outcome {
    fixture.mirror.server.fail(path, fault);
    let outcome = fixture.run(&["lock", "--quiet"]);
    assert!(!fixture.lock_path().exists(), "a lock was written: {}", outcome.text());
    fixture.mirror.server.mend();
    let again = fixture.run(&["lock"]);
    assert_eq!(again.status, 0, "{}", again.text());
    outcome
}

/// The path of the main suite's compressed index.
fn index_path(fixture: &Fixture) -> String {
    fixture.run(&["lock"]).stdout.clear();
    let asked = fixture.mirror.server.asked();
    let path = asked
        .into_iter()
        .map(|asked| asked.path)
        .find(|path| path.starts_with("/debian/dists/bookworm/main/"));
    path.unwrap_or_default()
}

#[test]
fn a_flipped_byte_in_the_suite_s_description_is_refused() -> Result<()> {
    let outcome = refused(&Fixture::new()?, IN_RELEASE, Fault::Flip(120));
    stable(|| insta::assert_snapshot!(outcome.text()));
    Ok(())
}

#[test]
fn a_flipped_byte_in_the_index_is_refused() -> Result<()> {
    let path = index_path(&Fixture::new()?);
    // Only the key and the dates are different in another archive made for a test.
    let outcome = refused(&Fixture::new()?, &path, Fault::Flip(40));
    stable(|| insta::assert_snapshot!(outcome.text()));
    Ok(())
}

#[test]
fn a_flipped_byte_in_a_package_is_refused() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let path = fixture.pool("web")?;
    let outcome = refused(&fixture, &path, Fault::Flip(200));
    stable(|| insta::assert_snapshot!(outcome.text()));
    Ok(())
}

#[test]
fn a_package_that_is_longer_or_shorter_than_signed_is_refused() -> Result<()> {
    for fault in [Fault::Longer(5), Fault::Endless, Fault::Shorter(100)] {
        let mut fixture = Fixture::new()?;
        let path = fixture.pool("libmod")?;
        let expected = if matches!(fault, Fault::Shorter(_)) { 4 } else { 3 };
        let outcome = refused(&fixture, &path, fault);
        assert_eq!(outcome.status, expected, "{}", outcome.text());
        assert!(outcome.stderr.contains("libmod 3.1-2"), "{}", outcome.stderr);
    }
    Ok(())
}

#[test]
fn a_description_without_end_is_cut_off() -> Result<()> {
    let outcome = refused(&Fixture::new()?, IN_RELEASE, Fault::Endless);
    stable(|| insta::assert_snapshot!(outcome.text()));
    Ok(())
}

#[test]
fn a_server_that_says_nothing_or_stops_is_given_up_within_a_bound() -> Result<()> {
    for fault in [Fault::Silent, Fault::Stall(100)] {
        let started = Instant::now();
        let outcome = refused(&Fixture::new()?, IN_RELEASE, fault);
        stable(|| insta::assert_snapshot!(outcome.text()));
        assert!(started.elapsed() < Duration::from_secs(30));
    }
    Ok(())
}

#[test]
fn a_server_that_only_drips_is_given_up_within_a_bound() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let package = fixture.pool("libmod")?;
    for path in [IN_RELEASE.to_owned(), package] {
        let started = Instant::now();
        let fixture = Fixture::new()?;
        let outcome = refused(&fixture, &path, Fault::Drip(Duration::from_millis(200)));
        assert_eq!(outcome.status, 4, "{}", outcome.text());
        assert!(outcome.stderr.contains("it is slower than"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("hint: check the network"), "{}", outcome.stderr);
        assert!(started.elapsed() < Duration::from_secs(15));
    }
    Ok(())
}

#[test]
fn whatever_a_mirror_answers_comes_with_something_to_do() -> Result<()> {
    for (status, hint) in [
        (404, "hint: see that the mirror is one of this distribution"),
        (403, "hint: the server, or a proxy on the way, wants to know who asks"),
        (500, "hint: the server is in trouble: try again later"),
    ] {
        let outcome = refused(&Fixture::new()?, IN_RELEASE, Fault::Status(status));
        assert_eq!(outcome.status, 4, "{}", outcome.text());
        assert!(outcome.stderr.contains(hint), "{}", outcome.stderr);
    }
    Ok(())
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_stopped() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let path = fixture.pool("libc6")?;
    fixture.mirror.server.fail_once(&path, Fault::BreakOff(150));
    let outcome = fixture.run(&["lock"]);
    assert_eq!(outcome.status, 0, "{}", outcome.text());
    let asked = fixture.mirror.server.asked();
    let ranges: Vec<_> = asked
        .into_iter()
        .filter(|asked| asked.path == path)
        .map(|asked| asked.range)
        .collect();
    assert_eq!(ranges, [None, Some("bytes=150-".to_owned())]);
    Ok(())
}

#[test]
fn a_download_that_keeps_breaking_off_is_given_up_and_resumed_by_the_next_run() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let path = fixture.pool("libc6")?;
    let outcome = refused(&fixture, &path, Fault::BreakOff(150));
    stable(|| insta::assert_snapshot!(outcome.text()));
    let asked = fixture.mirror.server.asked();
    let last = asked
        .iter()
        .rfind(|asked| asked.path == path)
        .and_then(|asked| asked.range.clone());
    assert!(last.is_some_and(|range| range.starts_with("bytes=")), "{asked:?}");
    Ok(())
}

#[test]
fn a_server_in_trouble_is_asked_again_and_a_redirection_is_followed() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let path = fixture.pool("web")?;
    fixture.mirror.server.fail_once(&path, Fault::Status(503));
    fixture
        .mirror
        .server
        .fail_once(IN_RELEASE, Fault::Redirect(IN_RELEASE.to_owned()));
    assert_eq!(fixture.run(&["lock"]).status, 0);
    let outcome = refused(&Fixture::new()?, IN_RELEASE, Fault::Redirect(IN_RELEASE.to_owned()));
    stable(|| insta::assert_snapshot!(outcome.text()));
    Ok(())
}

#[test]
fn an_expired_a_foreign_and_a_misnamed_suite_are_refused() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.mirror.suite("bookworm")?.valid_until = Some(SystemTime::now() - Duration::from_mins(30));
    fixture.mirror.publish()?;
    stable(|| insta::assert_snapshot!("expired", fixture.run(&["lock"]).text()));

    let mut fixture = Fixture::new()?;
    fixture.mirror.suite("bookworm")?.codename = "trixie".to_owned();
    fixture.mirror.publish()?;
    stable(|| insta::assert_snapshot!("misnamed", fixture.run(&["lock"]).text()));

    let fixture = Fixture::new()?;
    let other = Fixture::new()?;
    let outcome = fixture.run_with(&["lock"], &[("QCLOCK_DEBIAN_MIRROR", &other.mirror.address())]);
    assert_eq!(outcome.status, 3, "{}", outcome.text());
    assert!(
        outcome.stderr.contains("is not signed as it must be"),
        "{}",
        outcome.stderr
    );

    let fixture = Fixture::new()?;
    fixture.mirror.server.fail(IN_RELEASE, Fault::Shorter(0));
    assert_eq!(fixture.run(&["lock"]).status, 3);
    Ok(())
}

#[test]
fn a_mirror_that_is_not_there_is_named() -> Result<()> {
    let fixture = Fixture::new()?;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let outcome = fixture.run_with(
        &["lock"],
        &[("QCLOCK_DEBIAN_MIRROR", &format!("http://{nobody}/debian"))],
    );
    assert_eq!(outcome.status, 4, "{}", outcome.text());
    let text = outcome.text().replace(&nobody.to_string(), "nobody");
    stable(|| insta::assert_snapshot!(text));
    Ok(())
}

#[test]
fn packages_with_hostile_paths_are_refused_when_they_are_built() -> Result<()> {
    let entry = |path: &str, kind: u8| RawEntry {
        path: path.to_owned(),
        kind,
        mode: 0o644,
        target: "x".to_owned(),
        contents: Vec::new(),
    };
    for (path, kind) in [
        ("./../outside", b'0'),
        ("/etc/outside", b'0'),
        ("./dev/outside", b'3'),
        ("./dev/outside", b'4'),
        ("./run/outside", b'6'),
        ("./usr/../../outside", b'2'),
        ("./usr/outside", b'1'),
    ] {
        let mut fixture = Fixture::new()?;
        fixture.change("web", |package| package.entries.push(entry(path, kind)))?;
        assert_eq!(fixture.run(&["lock"]).status, 0);
        let outcome = fixture.run(&["build"]);
        assert_eq!(outcome.status, 3, "{path}: {}", outcome.text());
        assert!(
            outcome.stderr.contains("web") && outcome.stderr.contains("outside"),
            "{}",
            outcome.stderr
        );
        assert!(!fixture.root().join("outside").exists());
        nothing_is_published(&fixture)?;
        // The package is mended in the archive; the next run recovers.
        fixture.change("web", |package| {
            *package = Deb {
                version: "1.0-2".to_owned(),
                entries: Vec::new(),
                ..package.clone()
            }
        })?;
        assert_eq!(fixture.run(&["lock"]).status, 0);
        let outcome = fixture.run(&["build"]);
        assert_eq!(outcome.status, 0, "{}", outcome.text());
    }
    Ok(())
}

/// The image has no name there, and what lies there is whole.
pub(crate) fn nothing_is_published(fixture: &Fixture) -> Result<()> {
    let layout = fixture.root().join("dist/test12");
    let index = fs::read_to_string(layout.join("index.json")).unwrap_or_default();
    assert!(!index.contains("qclock-app"), "{index}");
    let Ok(blobs) = fs::read_dir(layout.join("blobs/sha256")) else {
        return Ok(());
    };
    for blob in blobs {
        let path = blob?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        assert_eq!(hex(&fs::read(&path)?), name);
    }
    Ok(())
}

/// The lock is good, and what comes afterwards is not.
#[test]
fn a_build_refuses_what_is_not_what_was_locked_and_the_next_one_recovers() -> Result<()> {
    for (fault, status, cause) in [
        (Fault::Flip(200), 3, "sha256"),
        (Fault::Longer(5), 3, "bytes"),
        (Fault::Shorter(100), 4, "bytes"),
        (Fault::BreakOff(150), 4, "broke off"),
        (Fault::Stall(100), 4, "it stalled"),
    ] {
        let mut fixture = Fixture::locked()?;
        fs::remove_dir_all(fixture.cache())?;
        let path = fixture.pool("libmod")?;
        fixture.mirror.server.fail(&path, fault.clone());
        let outcome = fixture.run(&["build"]);
        assert_eq!(outcome.status, status, "{fault:?}: {}", outcome.text());
        assert!(outcome.stderr.contains("libmod 3.1-2"), "{fault:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(cause), "{fault:?}: {}", outcome.stderr);
        nothing_is_published(&fixture)?;
        fixture.mirror.server.mend();
        let outcome = fixture.run(&["build"]);
        assert_eq!(outcome.status, 0, "{fault:?}: {}", outcome.text());
        let whole = fixture.run(&["digest", "app"]).stdout;
        fs::remove_dir_all(fixture.root().join("dist"))?;
        fs::remove_dir_all(fixture.cache())?;
        assert_eq!(fixture.run(&["build", "--quiet"]).status, 0);
        assert_eq!(fixture.run(&["digest", "app"]).stdout, whole, "{fault:?}");
    }
    Ok(())
}

#[test]
fn a_file_that_is_no_package_is_refused_by_the_lock() -> Result<()> {
    let mut fixture = Fixture::new()?;
    fixture.change("web", |package| {
        package.scripts.push((
            "control".to_owned(),
            "Package: other\nVersion: 1\nArchitecture: amd64\n".to_owned(),
        ));
    })?;
    let outcome = fixture.run(&["lock"]);
    assert_eq!(outcome.status, 3, "{}", outcome.text());
    assert!(!fs::exists(fixture.lock_path())?);
    Ok(())
}
