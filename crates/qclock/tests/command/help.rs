//! What the command says of itself: a change of it is seen in review.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::support::Fixture;

#[test]
fn the_help_teaches() -> Result<()> {
    let fixture = Fixture::new()?;
    insta::assert_snapshot!("help", fixture.run(&["--help"]).text());
    for command in [
        "lock",
        "build",
        "digest",
        "dockerfile",
        "ledger",
        "reach",
        "resolve",
        "why",
        "slim",
        "support",
        "secrets",
        "realm",
        "cache",
    ] {
        insta::assert_snapshot!(format!("help-{command}"), fixture.run(&[command, "--help"]).text());
    }
    insta::assert_snapshot!("help-cache-prune", fixture.run(&["cache", "prune", "--help"]).text());
    Ok(())
}

#[test]
fn help_is_a_word_too() -> Result<()> {
    let fixture = Fixture::new()?;
    for command in ["lock", "build", "ledger", "secrets"] {
        let said = fixture.run(&["help", command]);
        assert_eq!(
            (said.status, &said.stdout),
            (0, &fixture.run(&[command, "--help"]).stdout)
        );
    }
    assert_eq!(fixture.run(&["help"]).stdout, fixture.run(&["--help"]).stdout);
    assert_eq!(fixture.run(&["help", "biuld"]).status, 2);
    Ok(())
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() -> Result<()> {
    let fixture = Fixture::locked()?;
    assert_eq!(fixture.run(&["build"]).status, 0);
    for arguments in [
        &["digest", "app"][..],
        &["build"],
        &["--format", "json", "build"],
        &["--help"],
        &["--version"],
    ] {
        let full = fs_err::File::options().write(true).open("/dev/full")?;
        let output = fixture.command(arguments).stdout(full.into_parts().0).output()?;
        assert_eq!(output.status.code(), Some(4), "{arguments:?}");
        if !arguments.contains(&"json") {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                said.contains("error: cannot write the result to the standard output"),
                "{said}"
            );
        }
        // Who reads no further has had enough.
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let status = fixture
            .command(arguments)
            .stdout(writer)
            .stderr(std::process::Stdio::null())
            .status()?;
        assert_eq!(status.code(), Some(0), "{arguments:?}");
    }
    Ok(())
}

#[test]
fn a_mistyped_command_or_option_has_status_2() -> Result<()> {
    let fixture = Fixture::new()?;
    assert_eq!(fixture.run(&["biuld"]).status, 2);
    assert_eq!(fixture.run(&["lock", "--outptu"]).status, 2);
    assert_eq!(fixture.run(&[]).status, 2);
    Ok(())
}

/// The words in a text that begin with two hyphens.
fn options(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !(letter.is_ascii_lowercase() || letter == '-'))
        .filter(|word| word.len() > 3 && word.starts_with("--"))
        .collect()
}

/// The words in a text that are variables of ours.
fn variables(text: &str) -> BTreeSet<&str> {
    text.split(|letter: char| !(letter.is_ascii_uppercase() || letter == '_'))
        .filter(|word| word.starts_with("QCLOCK_"))
        .collect()
}

#[test]
fn the_reference_has_every_command_and_option_and_no_other() -> Result<()> {
    let fixture = Fixture::new()?;
    let page = reference("commands.md")?;
    let (general, _) = page.split_once("\n## `qclock ").context("no command in the page")?;
    let help = fixture.run(&["--help"]).stdout;
    assert_eq!(variables(general), variables(&help));
    let shared: BTreeSet<&str> = options(general)
        .into_iter()
        .filter(|option| *option != "--arch")
        .collect();
    let listed = help.split_once("Commands:\n").context(help.clone())?.1;
    let listed = listed.lines().take_while(|line| !line.is_empty());
    let mut commands = 0;
    for command in listed.filter_map(|line| line.split_whitespace().next()) {
        if command == "help" {
            continue;
        }
        commands += 1;
        let head = format!("\n## `qclock {command}");
        let section = page
            .split_once(&head)
            .with_context(|| format!("no section `{command}`"))?
            .1;
        let section = section.split("\n## ").next().unwrap_or_default();
        let said = help_of(&fixture, &[command])?;
        let said: BTreeSet<&str> = options(&said).difference(&shared).copied().collect();
        assert_eq!(options(section), said, "{command}");
    }
    assert_eq!(page.matches("\n## `qclock ").count(), commands);
    Ok(())
}

/// What a command and those below it say, without examples and variables.
fn help_of(fixture: &Fixture, command: &[&str]) -> Result<String> {
    let said = fixture.run(&[command, &["--help"]].concat()).stdout;
    let own = said.split("\nExample").next().unwrap_or_default().to_owned();
    let own = own.split("\nEnvironment:").next().unwrap_or_default().to_owned();
    let below: Vec<String> = match own.split_once("Commands:\n") {
        Some((_, list)) => list
            .lines()
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_whitespace().next())
            .filter(|name| *name != "help")
            .map(str::to_owned)
            .collect(),
        None => Vec::new(),
    };
    let below: Result<Vec<String>> = below
        .iter()
        .map(|name| help_of(fixture, &[command, &[name.as_str()]].concat()))
        .collect();
    Ok(own + &below?.concat())
}

#[test]
fn the_reference_has_every_key_of_a_lock() -> Result<()> {
    let page = reference("lock.md")?;
    let lock = fs_err::read_to_string(project().join("images/debian12.lock"))?;
    let keys = lock
        .lines()
        .filter_map(|line| line.split_once(" = ").map(|(key, _)| key));
    let keys: BTreeSet<&str> = keys.filter(|key| !key.starts_with([' ', '#', '"'])).collect();
    assert!(keys.len() > 10, "{keys:?}");
    for key in keys {
        assert!(page.contains(&format!("`{key}`")), "{key}");
    }
    Ok(())
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn reference(page: &str) -> Result<String> {
    Ok(fs_err::read_to_string(project().join("docs/reference").join(page))?)
}
