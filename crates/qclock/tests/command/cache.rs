//! `qclock cache prune`: what it removes is fetched again by who needs it.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use fs_err as fs;

use crate::support::Fixture;

/// As if nobody had used anything for a hundred days.
fn age(folder: &std::path::Path) -> Result<()> {
    let then = SystemTime::now() - Duration::from_secs(100 * 24 * 3600);
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            age(&path)?;
        } else {
            fs::File::options().write(true).open(&path)?.file().set_modified(then)?;
        }
    }
    Ok(())
}

#[test]
fn what_a_lock_names_stays_and_what_has_gone_is_fetched_again() -> Result<()> {
    let fixture = Fixture::locked()?;
    let built = fixture.run(&["build"]);
    assert_eq!(built.status, 0, "{}", built.text());
    let prune = |arguments: &[&str]| -> Result<serde_json::Value> {
        let said = fixture.run(&[&["--format", "json", "cache", "prune"], arguments].concat());
        assert_eq!(said.status, 0, "{}", said.text());
        serde_json::from_str(&said.stdout).context(said.text())
    };
    // All of it is in use.
    assert_eq!(prune(&["--at-most", "0"])?["removed"]["files"], 0);

    age(&fixture.cache())?;
    let would = prune(&["--dry-run"])?;
    let did = prune(&[])?;
    assert_eq!(would["removed"], did["removed"]);
    // Indexes go, the locked packages stay.
    assert!(did["removed"]["files"].as_u64() > Some(0) && did["kept"]["files"].as_u64() > Some(0));
    fs::remove_dir_all(fixture.root().join("dist"))?;
    fixture.mirror.server.asked();
    assert_eq!(fixture.run(&["build"]).stdout, built.stdout);
    assert!(fixture.mirror.server.asked().is_empty());

    age(&fixture.cache())?;
    assert_eq!(prune(&["--locked"])?["kept"]["files"], 0);
    fs::remove_dir_all(fixture.root().join("dist"))?;
    assert_eq!(fixture.run(&["build"]).stdout, built.stdout);
    assert!(!fixture.mirror.server.asked().is_empty());

    assert_eq!(fixture.run(&["cache", "prune", "--at-most", "much"]).status, 2);
    Ok(())
}
