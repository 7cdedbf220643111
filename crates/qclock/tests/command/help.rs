//! What the command says of itself: a change of it is seen in review.

use anyhow::Result;

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
    ] {
        insta::assert_snapshot!(format!("help-{command}"), fixture.run(&[command, "--help"]).text());
    }
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
