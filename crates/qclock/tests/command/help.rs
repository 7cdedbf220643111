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
    ] {
        insta::assert_snapshot!(format!("help-{command}"), fixture.run(&[command, "--help"]).text());
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
