//! `qclock ledger`: a script is found, read, judged, and found changed.

use anyhow::Result;
use fs_err as fs;

use crate::support::Fixture;

#[test]
fn a_script_is_listed_shown_judged_and_listed_again_when_it_changes() -> Result<()> {
    let mut fixture = Fixture::locked()?;
    fs::remove_file(fixture.root().join("images/test12.ledger.toml"))?;
    let list = fixture.run(&["ledger", "list"]);
    assert_eq!(list.status, 1, "{}", list.text());
    assert!(list.stdout.starts_with("new "), "{}", list.stdout);
    assert!(list.stdout.ends_with(" libc6 postinst\n"), "{}", list.stdout);
    assert_eq!(list.stderr, "1 script is not reviewed.\n");

    let show = fixture.run(&["ledger", "show", "libc6"]);
    assert_eq!((show.status, show.stdout.as_str()), (0, "#!/bin/sh\nldconfig\n"));

    let without_reason = fixture.run(&["ledger", "record", "libc6", "postinst", "--verdict", "not-needed"]);
    assert_eq!(without_reason.status, 2);
    let reason = "refreshes the linker's cache, which there is none of";
    let judge = [
        "ledger",
        "record",
        "libc6",
        "postinst",
        "--verdict",
        "not-needed",
        "--reason",
        reason,
    ];
    let judged = fixture.run(&judge);
    assert_eq!(judged.status, 0, "{}", judged.text());
    let written = fs::read_to_string(fixture.root().join("images/test12.ledger.toml"))?;
    assert!(written.contains(reason), "{written}");
    assert_eq!(fixture.run(&["ledger", "list", "--unreviewed"]).status, 0);

    fixture.change("libc6", |package| {
        package.scripts = vec![("postinst".to_owned(), "#!/bin/sh\nreboot\n".to_owned())];
    })?;
    assert_eq!(fixture.run(&["lock"]).status, 0);
    let changed = fixture.run(&["ledger", "list", "--unreviewed"]);
    assert_eq!(changed.status, 1);
    assert!(changed.stdout.starts_with("changed "), "{}", changed.stdout);
    // A build stops, or says so.
    insta::assert_snapshot!(fixture.run(&["build"]).text());
    assert_eq!(fixture.run(&["digest", "base"]).status, 1, "something was built");
    let warned = fixture.run(&["build", "--unreviewed", "warn"]);
    assert_eq!(warned.status, 0, "{}", warned.text());
    assert!(
        warned.stderr.contains("`postinst` of `libc6`: changed"),
        "{}",
        warned.stderr
    );
    let followed = fixture.run(&["ledger", "record"]);
    assert_eq!((followed.status, followed.stdout.as_str()), (0, "+ libc6 postinst\n"));
    assert!(fixture.run(&["ledger", "list"]).stdout.starts_with("needs review "));
    Ok(())
}

#[test]
fn what_is_not_there_is_told_with_the_remedy() -> Result<()> {
    let unlocked = Fixture::new()?.run(&["ledger", "list"]);
    assert_eq!(unlocked.status, 2);
    assert!(
        unlocked.stderr.contains("hint: run `qclock lock`"),
        "{}",
        unlocked.stderr
    );
    let fixture = Fixture::locked()?;
    let unknown = fixture.run(&["ledger", "show", "libc"]);
    assert_eq!(unknown.status, 2);
    assert!(unknown.stderr.contains("no package `libc`"), "{}", unknown.stderr);
    let scriptless = fixture.run(&["ledger", "show", "libc6", "prerm"]);
    assert_eq!(scriptless.status, 2);
    assert!(scriptless.stderr.contains("no script `prerm`"), "{}", scriptless.stderr);
    Ok(())
}
