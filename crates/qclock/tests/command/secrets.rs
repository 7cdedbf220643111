//! `qclock secrets`: made once, readable by the containers' account only.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use crate::support::Fixture;

/// What the Compose file mounts, by name.
fn mounted() -> Result<Vec<String>> {
    let compose = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker-compose.yml");
    let text = fs::read_to_string(compose)?;
    let file = |line: &str| {
        let (name, file) = line.trim().split_once(": { file: ")?;
        assert_eq!(file, format!("\"${{QCLOCK_SECRETS_DIR:-./secrets}}/{name}\" }}"));
        Some(name.to_owned())
    };
    Ok(text.lines().filter_map(file).collect())
}

#[test]
fn secrets_are_made_once_for_the_containers_account() -> Result<()> {
    let fixture = Fixture::new()?;
    let folder = fixture.root().join("secrets");
    let is_root = fs::metadata("/proc/self")?.uid() == 0;
    let names = mounted()?;
    let first = fixture.run(&["secrets"]);
    if !is_root {
        // Only root can give files away: it says so, and leaves nothing behind.
        assert_eq!(first.status, 4);
        assert!(
            first.stderr.contains("hint: run it as root: `sudo qclock secrets`"),
            "{}",
            first.stderr
        );
        assert_eq!(fs::read_dir(folder)?.count(), 0);
        return Ok(());
    }
    insta::assert_snapshot!(first.text());
    assert_eq!(fs::metadata(&folder)?.mode() & 0o7777, 0o700);
    let read = || -> Result<Vec<String>> {
        names
            .iter()
            .map(|name| Ok(fs::read_to_string(folder.join(name))?))
            .collect()
    };
    let secrets = read()?;
    assert_eq!(secrets.iter().collect::<BTreeSet<_>>().len(), names.len());
    for name in &names {
        let metadata = fs::metadata(folder.join(name))?;
        assert_eq!(
            (metadata.mode() & 0o7777, metadata.uid(), metadata.gid()),
            (0o600, 10001, 10001)
        );
        assert_eq!(metadata.len(), 43);
    }

    fs::remove_file(folder.join("db_password"))?;
    insta::assert_snapshot!(fixture.run(&["secrets"]).text());
    let again = read()?;
    let replaced = |place: &usize| again[*place] != secrets[*place];
    assert_eq!(
        (0..names.len())
            .filter(replaced)
            .map(|place| names[place].as_str())
            .collect::<Vec<_>>(),
        ["db_password"]
    );
    insta::assert_snapshot!(fixture.run(&["secrets"]).text());
    assert_eq!(fs::read_dir(folder)?.count(), names.len());
    Ok(())
}
