//! The same database image with MySQL in it, from Debian's unstable suite: what is written for MySQL has met a real one.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use qclock_testkit::stack::Stack;
use serde_json::Value;

use crate::{faults, first_start, images, truth};

/// The `qclock` command's status where the network or the mirror fails.
const ENVIRONMENT: i32 = 4;

pub(crate) fn in_the_databases_place(stack: &Stack) -> Result<()> {
    let mysql = stack.beside("mysql", &[("QCLOCK_DATABASE", "mysql"), ("QCLOCK_IDENTITY", "off")])?;
    if let Some(reason) = unavailable(&mysql)? {
        println!("    left out: the suite cannot be had: {reason}");
        return Ok(());
    }
    mysql.run("./scripts/up.sh", &[])?;
    for check in ["database", "php-pdo-mysql", "php-mysqli"] {
        mysql.wait_for_state(check, &["operational"], Duration::from_secs(20))?;
    }
    let database = mysql.check("database")?;
    ensure!(database["details"]["product"] == "MySQL", "the database is {database}");
    faults::database_stopped(&mysql)?;
    faults::database_frozen(&mysql)?;
    first_start::init_scripts(&mysql)?;
    first_start::killed_at_random(&mysql)?;
    truth::logs_hold_no_secret(&mysql)?;
    nothing_secret_is_left(&mysql)?;
    stops_cleanly(&mysql)
}

/// Why there is no such suite here, if there is none.
fn unavailable(mysql: &Stack) -> Result<Option<String>> {
    let qclock = images::programs()?.join("qclock").display().to_string();
    let lock = mysql.folder().join("debian-sid.lock").display().to_string();
    let output = mysql.output(&qclock, &["--flavour", "debian-sid", "lock", "--output", &lock])?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match output.status.code() {
        Some(0) => Ok(None),
        Some(ENVIRONMENT) => Ok(Some(said)),
        _ => anyhow::bail!("{}: {said}", output.status),
    }
}

/// The file that made the accounts is gone, and the configuration was understood without a warning about it.
fn nothing_secret_is_left(mysql: &Stack) -> Result<()> {
    let listing = mysql.run("docker", &["diff", &mysql.container("db")?])?;
    ensure!(
        listing.trim().is_empty(),
        "the container's own files changed: {listing}"
    );
    let logs = mysql.logs("db")?;
    let deprecated: Vec<&str> = logs
        .lines()
        .filter(|line| line.contains("deprecated") || line.contains("unknown variable"))
        .collect();
    ensure!(
        deprecated.is_empty(),
        "the server complains of its configuration: {deprecated:?}"
    );
    Ok(())
}

fn stops_cleanly(mysql: &Stack) -> Result<()> {
    mysql.compose(&["stop", "db"])?;
    let state: Value = mysql.inspect("db")?["State"].clone();
    ensure!(
        state["ExitCode"] == 0 && state["OOMKilled"] == false,
        "the database ended with {state}"
    );
    let logs = mysql.logs("db")?;
    logs.lines()
        .find(|line| line.contains("Shutdown complete"))
        .context("the server did not shut down cleanly")?;
    Ok(())
}
