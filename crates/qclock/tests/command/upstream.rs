//! Releases that are no packages, and the places that are asked for them.

use anyhow::Result;

use crate::hostile::nothing_is_published;
use crate::support::{APP, Fixture};

#[test]
fn what_nobody_has_is_told_once_and_with_a_way_to_get_it() -> Result<()> {
    let fixture = Fixture::new()?;
    let server = fixture.mirror.server.address();
    let archive = format!(
        "[[archive]]\nname = 'tool'\nversion = '1.5'\nlicense = 'MIT'\nsize = 10\nsha256 = '{}'\n\
         addresses = ['{server}/a/tool.tar.gz', '{server}/b/tool.tar.gz']\nmaven = 'org.example:tool:1.5:tar.gz'\ntarget = '/opt/tool'\n",
        "a".repeat(64)
    );
    fixture.write("images/app/image.toml", &format!("{APP}{archive}"))?;
    let outcome = fixture.run(&["lock"]);
    assert_eq!(outcome.status, 0, "{}", outcome.text());
    // No `mvn` is found there.
    let nowhere = fixture.root().display().to_string();
    let outcome = fixture.run_with(&["build"], &[("PATH", &nowhere)]);
    assert_eq!(outcome.status, 4, "{}", outcome.text());
    for expected in [
        "cannot get the archive `tool` 1.5:",
        "/a/tool.tar.gz: the answer is 404",
        "/b/tool.tar.gz: the answer is 404",
        "org.example:tool:1.5:tar.gz by `mvn`: there is no such program",
        "hint: install Maven (`apt-get install maven`, `dnf install maven`)",
        "QCLOCK_ARCHIVE_TOOL",
    ] {
        assert!(outcome.stderr.contains(expected), "{expected}: {}", outcome.stderr);
    }
    let notices = outcome.stderr.matches("Downloading tool 1.5 (10 B).").count();
    assert_eq!(notices, 1, "{}", outcome.stderr);
    nothing_is_published(&fixture)
}
