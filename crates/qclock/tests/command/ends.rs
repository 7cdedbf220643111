//! `qclock support`: packages and archives of a lock alike.

use anyhow::{Context as _, Result};

use crate::support::{APP, Fixture};

#[test]
fn an_archive_out_of_support_is_told_like_a_package() -> Result<()> {
    let fixture = Fixture::locked()?;
    let outcome = fixture.run(&["support"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (0, ""), "{}", outcome.text());

    let archive = format!(
        "[[archive]]\nname = 'keycloak'\nversion = '23.0.7'\nlicense = 'Apache-2.0'\nsize = 1\nsha256 = '{}'\n\
         maven = 'org.keycloak:keycloak-quarkus-dist:23.0.7:tar.gz'\ntarget = '/opt/keycloak'\n",
        "a".repeat(64)
    );
    fixture.write("images/app/image.toml", &format!("{APP}{archive}"))?;
    let outcome = fixture.run(&["lock"]);
    assert_eq!(outcome.status, 0, "{}", outcome.text());
    let outcome = fixture.run(&["support"]);
    assert_eq!(outcome.status, 1, "{}", outcome.text());
    assert!(
        outcome
            .stdout
            .starts_with("Keycloak 23 (keycloak 23.0.7): ended on 2024-03-04, "),
        "{}",
        outcome.stdout
    );

    let outcome = fixture.run(&["support", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&outcome.stdout).context("the answer")?;
    assert_eq!(told["supports"][0]["state"], "ended");
    assert_eq!(told["supports"][0]["package"], "keycloak 23.0.7");
    Ok(())
}
