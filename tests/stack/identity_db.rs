//! The identity provider's database, in a stack of its own, so that nobody's realm is lost.

mod kill;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;

pub(crate) use kill::killed_at_random;

use crate::part::Part;

const SERVICE: &str = "identity-db";
const HEALTHY_WITHIN: Duration = Duration::from_secs(60);
/// What Docker needs to call a container unhealthy: three looks, 5 s apart, of up to 5 s each, and some patience.
const SHOWN_WITHIN: Duration = Duration::from_secs(45);

/// The database alone, healthy.
fn start(stack: &Stack, name: &str) -> Result<Part> {
    let database = Part::new(stack, name, SERVICE, &[], HEALTHY_WITHIN)?;
    database.up()?;
    Ok(database)
}

/// Keycloak's role owns its database, the monitor sees and changes nothing, the backup reads everything; others stay outside.
pub(crate) fn accounts(stack: &Stack) -> Result<()> {
    let database = start(stack, "accounts")?;
    let mut keycloak = database.connect("keycloak", "keycloak", "identity_db_password")?;
    keycloak.batch_execute("CREATE TABLE t (id INT PRIMARY KEY, text VARCHAR(20)); INSERT INTO t VALUES (1, 'été')")?;
    let encoding: String = keycloak.query_one("SHOW server_encoding", &[])?.get(0);
    ensure!(encoding == "UTF8", "the encoding is {encoding}");
    let lower: String = keycloak.query_one("SELECT lower('ÉTÉ')", &[])?.get(0);
    ensure!(lower == "été", "lower case of other letters than A to Z is {lower}");
    let checksums: String = keycloak.query_one("SHOW data_checksums", &[])?.get(0);
    ensure!(checksums == "on", "pages have no checksums");
    for forbidden in [
        "CREATE ROLE other",
        "CREATE DATABASE other",
        "COPY t TO PROGRAM 'id'",
        "COPY t TO '/tmp/t'",
    ] {
        ensure!(keycloak.batch_execute(forbidden).is_err(), "`keycloak` may {forbidden}");
    }

    // A transaction that has been open for a while, for the monitor to see.
    let mut transaction = keycloak.transaction()?;
    transaction.query("SELECT * FROM t", &[])?;
    monitor(&database)?;
    transaction.rollback()?;
    backup(&database)?;
    refused(&database)?;
    database.stack.remove()
}

fn monitor(database: &Part) -> Result<()> {
    let mut monitor = database.connect("qclock_monitor", "postgres", "identity_db_monitor_password")?;
    let row = monitor.query_one(
        "SELECT (SELECT numbackends FROM pg_stat_database WHERE datname = 'keycloak'), \
         (SELECT count(*) FROM pg_stat_activity WHERE usename = 'keycloak' AND query LIKE 'SELECT%'), \
         (SELECT extract(epoch FROM now() - min(xact_start))::float8 FROM pg_stat_activity WHERE datname = 'keycloak'), \
         current_setting('max_connections')::int, pg_database_size('keycloak')",
        &[],
    )?;
    let (connections, seen): (i32, i64) = (row.get(0), row.get(1));
    let (age, most, size): (Option<f64>, i32, i64) = (row.get(2), row.get(3), row.get(4));
    ensure!(
        connections >= 1 && seen == 1 && age.is_some_and(|age| age >= 0.0) && most == 50 && size > 1 << 20,
        "the monitor sees {connections} connections, {seen} sessions, age {age:?}, limit {most}, size {size}"
    );
    for forbidden in [
        "CREATE TABLE t (id INT)",
        "SELECT pg_reload_conf()",
        "SELECT * FROM pg_authid",
        "SELECT pg_sleep(6)",
    ] {
        ensure!(
            monitor.batch_execute(forbidden).is_err(),
            "`qclock_monitor` may {forbidden}"
        );
    }
    let mut monitor = database.connect("qclock_monitor", "keycloak", "identity_db_monitor_password")?;
    ensure!(
        monitor.batch_execute("SELECT * FROM t").is_err(),
        "the monitor reads Keycloak's tables"
    );
    Ok(())
}

fn backup(database: &Part) -> Result<()> {
    let mut backup = database.connect("qclock_backup", "keycloak", "identity_db_backup_password")?;
    let count: i64 = backup.query_one("SELECT count(*) FROM t", &[])?.get(0);
    ensure!(count == 1, "the backup sees {count} rows");
    ensure!(
        backup.batch_execute("DELETE FROM t").is_err(),
        "the backup changes Keycloak's tables"
    );
    let mut backup = database.connect("qclock_backup", "postgres", "identity_db_backup_password")?;
    backup.batch_execute("SELECT pg_backup_start('test', true); SELECT pg_backup_stop(false)")?;
    let replicates: bool = backup
        .query_one("SELECT rolreplication FROM pg_roles WHERE rolname = current_user", &[])?
        .get(0);
    ensure!(replicates, "the backup's role cannot replicate");
    let others: Vec<String> = backup
        .query("SELECT rolname FROM pg_roles WHERE rolcanlogin ORDER BY rolname", &[])?
        .iter()
        .map(|row| row.get(0))
        .collect();
    ensure!(
        others == ["keycloak", "postgres", "qclock", "qclock_backup", "qclock_monitor"],
        "who can log in: {others:?}"
    );
    Ok(())
}

/// The rules have no place for anybody else, and a wrong password is one.
fn refused(database: &Part) -> Result<()> {
    const BY_THE_RULES: &str = "28000";
    const BY_THE_PASSWORD: &str = "28P01";
    let right = database.secret("identity_db_password")?;
    for (user, name, password, code) in [
        ("keycloak", "keycloak", "wrong", BY_THE_PASSWORD),
        ("keycloak", "keycloak", "", BY_THE_PASSWORD),
        ("keycloak", "postgres", &right, BY_THE_RULES),
        ("postgres", "postgres", &right, BY_THE_RULES),
        ("postgres", "keycloak", "", BY_THE_RULES),
        ("qclock", "postgres", "", BY_THE_RULES),
        ("nobody", "keycloak", &right, BY_THE_RULES),
        ("qclock_monitor", "keycloak", &right, BY_THE_PASSWORD),
        ("qclock_monitor", "template1", &right, BY_THE_RULES),
        ("qclock_backup", "template1", &right, BY_THE_RULES),
        ("pg_monitor", "postgres", &right, BY_THE_RULES),
    ] {
        match database.connect_as(user, name, password) {
            Ok(_) => anyhow::bail!("`{user}` got into `{name}`"),
            Err(error) => {
                let found = error.code().map(postgres::error::SqlState::code);
                // Without any password the client gives up by itself.
                let gave_up = password.is_empty() && found.is_none();
                ensure!(found == Some(code) || gave_up, "`{user}` into `{name}`: {error}");
            }
        }
    }
    Ok(())
}

/// A secret file that has changed is the password from the next start on; a container beside it does not get the files.
pub(crate) fn passwords_and_volume(stack: &Stack) -> Result<()> {
    let database = start(stack, "passwords")?;
    let names = ["identity_db_password", "identity_db_monitor_password"];
    let before: Vec<String> = names.iter().map(|name| database.secret(name)).collect::<Result<_>>()?;
    for name in names {
        fs_err::remove_file(database.stack.folder().join("secrets").join(name))?;
    }
    database.make_secrets()?;
    beside(&database)?;
    // Mounted anew, as the file is another one.
    database
        .stack
        .compose(&["up", "--detach", "--no-deps", "--force-recreate", SERVICE])?;
    database.ready()?;
    for (user, old, name) in [
        ("keycloak", &before[0], names[0]),
        ("qclock_monitor", &before[1], names[1]),
    ] {
        database.connect(user, "keycloak", name)?;
        ensure!(
            database.connect_as(user, "keycloak", old).is_err(),
            "the old password of `{user}` still works"
        );
    }
    let logs = database.stack.logs(SERVICE)?;
    let told = logs.lines().filter(|line| line.contains("secret-changed")).count();
    ensure!(told == 1, "the change was told {told} times");
    // And not again.
    database.stack.compose(&["restart", SERVICE])?;
    database.ready()?;
    let logs = database.stack.logs(SERVICE)?;
    let told = logs.lines().filter(|line| line.contains("secret-changed")).count();
    ensure!(told == 1, "nothing has changed, and it was told: {told}");
    database.connect("qclock_backup", "keycloak", "identity_db_backup_password")?;
    database.stack.remove()
}

/// While the server runs another container with its volume ends with status 4 and has touched nothing.
fn beside(database: &Part) -> Result<()> {
    let mut arguments = vec!["compose", "run", "--rm", "--no-deps", "--no-TTY", SERVICE];
    let start = Instant::now();
    let output = database.stack.output("docker", &arguments)?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.code() == Some(4) && said.contains("another container uses"),
        "a second container ended with {} after {:?}: {said}",
        output.status,
        start.elapsed()
    );
    arguments.clear();
    database
        .connect("keycloak", "keycloak", "identity_db_password")
        .map(drop)
        .or_else(|error| {
            // The secret files are new ones already, and the running server has the old passwords: refused is an answer, too.
            let refused = format!("{error:#}").contains("password authentication failed");
            ensure!(refused, "the first container does not answer any more: {error:#}");
            Ok(())
        })
}

/// Frozen is not healthy; a stop ends sessions and is clean; and nothing that anybody can look at holds a password.
pub(crate) fn frozen_stopped_and_silent(stack: &Stack) -> Result<()> {
    let database = start(stack, "frozen")?;
    frozen(&database)?;
    silent(&database)?;
    let mut session = database.connect("keycloak", "keycloak", "identity_db_password")?;
    session.batch_execute("BEGIN; CREATE TABLE unfinished (id INT)")?;
    let start = Instant::now();
    database.stack.compose(&["stop", SERVICE])?;
    let stopped = start.elapsed();
    let state = database.stack.inspect(SERVICE)?["State"].clone();
    ensure!(
        state["ExitCode"] == 0 && state["OOMKilled"] == false,
        "ended with {state}"
    );
    ensure!(stopped < Duration::from_secs(10), "the stop took {stopped:?}");
    let logs = database.stack.logs(SERVICE)?;
    ensure!(logs.contains("database system is shut down"), "no clean shutdown");
    let start = Instant::now();
    database.stack.compose(&["start", SERVICE])?;
    database.ready()?;
    println!(
        "    stopped with a session open in {stopped:.1?}, healthy again after {:.1?}",
        start.elapsed()
    );
    let logs = database.stack.logs(SERVICE)?;
    ensure!(!logs.contains("was interrupted"), "the stop was not a clean one");
    database.stack.remove()
}

fn frozen(database: &Part) -> Result<()> {
    let container = database.stack.container(SERVICE)?;
    wait_for_docker(database, "healthy")?;
    let servers = database.stack.processes(SERVICE, "postgres")?;
    ensure!(!servers.is_empty(), "no server process");
    let format = "{{.MemUsage}}";
    let used = database
        .stack
        .run("docker", &["stats", "--no-stream", "--format", format, &container])?;
    println!("    idle with {} processes: {}", servers.len(), used.trim());
    let signal = |signal: &str| -> Result<()> {
        let mut arguments = vec![signal.to_owned()];
        arguments.extend(servers.iter().map(|process| process.pid.to_string()));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        database.stack.run("kill", &arguments)?;
        Ok(())
    };
    signal("-STOP")?;
    let asked = Instant::now();
    let answer = database
        .stack
        .output("docker", &["exec", &container, "/usr/bin/qclock-init", "health"]);
    let answered = asked.elapsed();
    let shown = wait_for_docker(database, "unhealthy");
    signal("-CONT")?;
    let shown = shown?;
    let answer = answer?;
    ensure!(
        answer.status.code() == Some(1) && answered < Duration::from_secs(5),
        "health of a frozen database: {} after {answered:?}",
        answer.status
    );
    let healed = database.ready()?;
    println!("    frozen: health says no after {answered:.1?}, Docker after {shown:.1?}, healed after {healed:.1?}");
    Ok(())
}

/// What Docker's own looks say.
fn wait_for_docker(database: &Part, health: &str) -> Result<Duration> {
    let what = format!("Docker calls the database {health}");
    let ((), after) = wait_for(&what, SHOWN_WITHIN, || {
        let state = database.stack.inspect(SERVICE).map_err(|error| format!("{error:#}"))?["State"].clone();
        if state["Health"]["Status"] == health {
            Ok(())
        } else {
            Err(state.to_string())
        }
    })?;
    Ok(after)
}

/// The passwords are in their files and nowhere else.
fn silent(database: &Part) -> Result<()> {
    let mut secrets = BTreeSet::new();
    for entry in fs_err::read_dir(database.stack.folder().join("secrets"))? {
        secrets.insert(fs_err::read_to_string(entry?.path())?.trim().to_owned());
    }
    ensure!(secrets.len() >= 3, "only {} secrets", secrets.len());
    let container = database.stack.container(SERVICE)?;
    let mut places = vec![
        ("the log".to_owned(), database.stack.logs(SERVICE)?.into_bytes()),
        (
            "docker inspect".to_owned(),
            database.stack.run("docker", &["inspect", &container])?.into_bytes(),
        ),
    ];
    for process in database.stack.processes(SERVICE, "")? {
        for file in ["environ", "cmdline"] {
            let path = format!("/proc/{}/{file}", process.pid);
            // It may have ended.
            if let Ok(content) = fs_err::read(&path) {
                places.push((path, content));
            }
        }
    }
    // What the supervisor writes for the server, in the container's memory.
    let server = database.stack.processes(SERVICE, "postgres")?;
    for file in ["memory.conf", "pg_hba.conf"] {
        let pid = server.first().context("no server process")?.pid;
        let path = format!("/proc/{pid}/root/run/postgresql/{file}");
        places.push((path.clone(), fs_err::read(&path)?));
    }
    for folder in ["/tmp", "/var/lib/postgresql/data"] {
        let from = format!("{container}:{folder}");
        let archive = database.stack.output("docker", &["cp", &from, "-"])?;
        places.push((folder.to_owned(), archive.stdout));
    }
    for (place, content) in &places {
        for secret in &secrets {
            let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            ensure!(!found, "{place} holds a password");
        }
    }
    let volume = &places.last().context("no places")?.1;
    ensure!(volume.len() > 1 << 20, "the volume's files could not be read");
    Ok(())
}
