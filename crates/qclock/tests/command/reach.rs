//! Who answers, and who does not: asked of servers that do, that do not, and of a folder.

use anyhow::Result;
use qclock_testkit::http::Fault;

use crate::rpm_support::RpmFixture;
use crate::support::Fixture;

#[test]
fn repositories_that_answer_are_named_with_their_place() -> Result<()> {
    let fixture = RpmFixture::new()?;
    let outcome = fixture.run(&["reach"]);
    assert_eq!(outcome.status, 0, "{}", outcome.text());
    assert_eq!(
        outcome.stdout,
        "baseos: http://mirror/EL9/baseos/x86_64/repodata/repomd.xml answers\n\
         appstream: http://mirror/EL9/appstream/x86_64/repodata/repomd.xml answers\n"
    );
    let debian = Fixture::new()?;
    let outcome = debian.run(&["reach"]);
    assert_eq!(
        (outcome.status, outcome.stdout.lines().count()),
        (0, 2),
        "{}",
        outcome.text()
    );
    Ok(())
}

/// A server that accepts and says nothing is left after the patience that was asked for, and not asked again.
#[test]
fn one_that_is_silent_or_has_nothing_makes_the_answer_no() -> Result<()> {
    let fixture = RpmFixture::new()?;
    let path = "/EL9/appstream/x86_64/repodata/repomd.xml";
    fixture.mirror.server.fail(path, Fault::Silent);
    fixture.mirror.server.asked();
    let outcome = fixture.run(&["reach"]);
    assert_eq!(outcome.status, 1, "{}", outcome.text());
    assert!(outcome.stdout.contains("baseos: http://mirror/"), "{}", outcome.text());
    assert!(
        outcome.stdout.contains("appstream: nobody answers: "),
        "{}",
        outcome.text()
    );
    assert!(outcome.stderr.contains("QCLOCK_TEST_MIRROR"), "{}", outcome.text());
    let asked = fixture.mirror.server.asked();
    assert_eq!(asked.iter().filter(|asked| asked.path == path).count(), 1);

    let empty = fixture.root().display().to_string();
    let outcome = fixture.run_with(&["reach", "--format", "json"], &[("QCLOCK_TEST_MIRROR", &empty)]);
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout)?;
    assert_eq!(outcome.status, 1);
    assert_eq!(document["repositories"][0]["answers"], false);
    let reason = document["repositories"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("there is no file"), "{document}");
    Ok(())
}
