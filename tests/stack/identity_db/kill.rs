//! kill -9, at random moments.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use postgres::Client;
use qclock_testkit::stack::Stack;

use super::{SERVICE, start};
use crate::first_start::{Sequence, pause_until, seed};
use crate::part::Part;
use crate::rounds;

/// A first start takes less than a second: moments are drawn from a little more than that.
const FIRST_START_MILLISECONDS: u64 = 1_500;
const RUNNING_MILLISECONDS: u64 = 600;

pub(crate) fn killed_at_random(stack: &Stack) -> Result<()> {
    let seed = seed()?;
    println!("    seed {seed}");
    let mut random = Sequence::new(seed);
    let database = start(stack, "killed")?;
    for round in 1..=rounds(3, 20) {
        let moment = Duration::from_millis(random.next() % FIRST_START_MILLISECONDS);
        first_start(&database, moment)
            .with_context(|| format!("round {round} of first starts, killed after {moment:?}, seed {seed}"))?;
    }
    let mut written = 0;
    for round in 1..=rounds(3, 20) {
        let moment = Duration::from_millis(random.next() % RUNNING_MILLISECONDS);
        written = running(&database, moment, written)
            .with_context(|| format!("round {round} while running, killed after {moment:?}, seed {seed}"))?;
    }
    println!("    {written} rows that were committed are all there");
    database.stack.remove()
}

/// Afterwards there is a whole database, with its accounts, whatever the kill has left.
fn first_start(database: &Part, moment: Duration) -> Result<()> {
    database.stack.compose(&["rm", "--stop", "--force", SERVICE])?;
    let volume = format!("{}_identity-db", database.stack.project);
    database.stack.run("docker", &["volume", "rm", &volume])?;
    database.stack.compose(&["up", "--detach", "--no-deps", SERVICE])?;
    pause_until(moment);
    database.kill()?;
    database.up()?;
    for (user, name, secret) in [
        ("keycloak", "keycloak", "identity_db_password"),
        ("qclock_monitor", "postgres", "identity_db_monitor_password"),
        ("qclock_backup", "keycloak", "identity_db_backup_password"),
    ] {
        database.connect(user, name, secret)?;
    }
    let mut keycloak = database.connect("keycloak", "keycloak", "identity_db_password")?;
    keycloak.batch_execute("CREATE TABLE journal (id BIGINT PRIMARY KEY)")?;
    Ok(())
}

/// What was acknowledged before the kill is there after it, and nothing is there twice or torn.
fn running(database: &Part, moment: Duration, before: i64) -> Result<i64> {
    let mut keycloak = database.connect("keycloak", "keycloak", "identity_db_password")?;
    let writer = std::thread::spawn(move || write_until_killed(&mut keycloak, before));
    pause_until(moment);
    database.kill()?;
    let acknowledged = writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))?;
    database.up()?;
    let mut keycloak = database.connect("keycloak", "keycloak", "identity_db_password")?;
    let row = keycloak.query_one("SELECT count(*), coalesce(max(id), 0) FROM journal", &[])?;
    let (count, last): (i64, i64) = (row.get(0), row.get(1));
    // One more may have been committed whose answer did not come.
    ensure!(
        count == last && (acknowledged..=acknowledged + 1).contains(&last),
        "{acknowledged} rows were acknowledged; there are {count} up to {last}"
    );
    Ok(last)
}

fn write_until_killed(client: &mut Client, before: i64) -> i64 {
    let mut last = before;
    while client
        .execute("INSERT INTO journal VALUES ($1)", &[&(last + 1)])
        .is_ok()
    {
        last += 1;
    }
    last
}
