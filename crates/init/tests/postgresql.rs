//! PostgreSQL's first start and what comes after it, with the real server.

#![expect(clippy::unwrap_used, reason = "tests")]

mod fixture;

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use fixture::{Init, Sandbox, have, pause, told, wait_for};
use rustix::process::{Signal, kill_process};

const SERVER: &str = "/usr/lib/postgresql/15/bin/postgres";
const INITDB: &str = "/usr/lib/postgresql/15/bin/initdb";
const CLIENT: &str = "/usr/lib/postgresql/15/bin/psql";
const BACKUP: &str = "/usr/lib/postgresql/15/bin/pg_basebackup";

const INIT: &str = r#"
[supervisor]
state_file = "@root@/state"

[[directory]]
path = "@root@/run"
mode = "0700"

[first_start]
kind = "postgresql"
server = "/usr/lib/postgresql/15/bin/postgres"
initdb = "/usr/lib/postgresql/15/bin/initdb"
configuration = "@root@/postgresql.conf"
data_directory = "@root@/volume/15"
run_directory = "@root@/run"
health_user = "@user@"

[[service]]
name = "postgresql"
command = ["/usr/lib/postgresql/15/bin/postgres", "-c", "config_file=@root@/postgresql.conf"]
stop_signal = "INT"
lock = "@root@/volume"
remove_before_start = ["@root@/volume/15/postmaster.pid", "@root@/run/.s.PGSQL.@port@.lock"]
stop_grace_seconds = 20
log = { stderr = "postgresql" }
[service.ready]
postgresql = { socket = "@root@/run/.s.PGSQL.@port@", user = "@user@" }
"#;

const CONFIGURATION: &str = "
data_directory = '@root@/volume/15'
hba_file = '@root@/run/pg_hba.conf'
ident_file = '@root@/pg_ident.conf'
unix_socket_directories = '@root@/run'
listen_addresses = '127.0.0.1'
port = @port@
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m %p %e [%h] %b|'
include = '@root@/run/memory.conf'
";

struct Server {
    sandbox: Sandbox,
    port: u16,
}

impl Server {
    /// None when PostgreSQL is not installed.
    fn new() -> Option<Self> {
        if !have(&[SERVER, INITDB, CLIENT]) {
            return None;
        }
        let mut sandbox = Sandbox::new();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let fill = |text: &str| {
            text.replace("@port@", &port.to_string())
                .replace("@user@", &sandbox.user.name)
        };
        let (init, configuration) = (fill(INIT), fill(CONFIGURATION));
        sandbox.write("init.toml", &init);
        sandbox.write("postgresql.conf", &configuration);
        sandbox.write("pg_ident.conf", "");
        sandbox.folder(&sandbox.path("volume"));
        for (variable, file, content) in [
            ("QCLOCK_IDENTITY_DB_PASSWORD_FILE", "owner", "o'w\\n\"e$r$$"),
            ("QCLOCK_MONITOR_PASSWORD_FILE", "monitor", "m"),
        ] {
            let path = sandbox.write(&format!("secrets/{file}"), &format!("{content}\n"));
            sandbox.set(variable, path);
        }
        Some(Self { sandbox, port })
    }

    fn start(&self) -> Init {
        Init::start(self.sandbox.command(&["run"]))
    }

    fn ready(&self) -> Init {
        let init = self.start();
        init.wait_for_action("container-ready");
        assert_eq!(self.sandbox.health(), (0, String::new()));
        init
    }

    /// What the client prints, or what the server has against it.
    fn ask(&self, user: &str, database: &str, password: &str, query: &str) -> Result<String, String> {
        let output = Command::new(CLIENT)
            .env_clear()
            .env("PGPASSWORD", password)
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                user,
                "-d",
                database,
                "-Atqc",
                query,
            ])
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }

    fn check_accounts(&self) {
        let owner = self.ask("keycloak", "keycloak", "o'w\\n\"e$r$$", "SELECT current_user");
        assert_eq!(owner.as_deref(), Ok("keycloak"));
        let wrong = self.ask("keycloak", "keycloak", "o", "SELECT 1").unwrap_err();
        assert!(wrong.contains("password authentication failed"), "{wrong}");
        let nobody = self
            .ask("postgres", "postgres", "o'w\\n\"e$r$$", "SELECT 1")
            .unwrap_err();
        assert!(nobody.contains("pg_hba.conf rejects"), "{nobody}");
    }

    fn backup_role(&self) -> String {
        let query = "SELECT count(*) FROM pg_roles WHERE rolname = 'qclock_backup'";
        self.ask("qclock_monitor", "postgres", "m", query).unwrap()
    }
}

fn stop(init: Init) -> Vec<serde_json::Value> {
    init.signal(Signal::TERM);
    let (status, records) = init.end();
    assert_eq!(status.code(), Some(0), "{}", told(&records));
    records
}

fn actions<'a>(records: &'a [serde_json::Value], action: &str) -> Vec<&'a str> {
    let of_action = records.iter().filter(|record| record["event.action"] == action);
    of_action.map(|record| record["message"].as_str().unwrap()).collect()
}

#[test]
fn a_first_start_makes_the_accounts_and_later_ones_follow_the_secret_files() {
    let Some(mut server) = Server::new() else { return };
    let init = server.ready();
    server.check_accounts();
    assert_eq!(server.backup_role(), "0");
    let records = stop(init);
    assert_eq!(actions(&records, "first-start-done").len(), 1);
    for gone in ["15.new", "15/pg_hba.conf", "15/postgresql.conf"] {
        assert!(!server.sandbox.path("volume").join(gone).exists(), "{gone}");
    }
    let journal = std::fs::read_to_string(server.sandbox.path("volume/15/qclock-first-start.json")).unwrap();
    assert!(
        journal.contains("SCRAM-SHA-256$4096:") && !journal.contains("o'w"),
        "{journal}"
    );

    let records = stop(server.ready());
    assert!(actions(&records, "secret-changed").is_empty() && actions(&records, "first-start").is_empty());

    let journal_file = server.sandbox.path("volume/15/qclock-first-start.json");
    let journal = std::fs::read(&journal_file).unwrap();
    let other = server.sandbox.write("secrets/other", "another one");
    server.sandbox.set("QCLOCK_IDENTITY_DB_PASSWORD_FILE", other);
    let backup = server.sandbox.write("secrets/backup", "b");
    server.sandbox.set("QCLOCK_BACKUP_PASSWORD_FILE", backup);
    let init = server.ready();
    assert_eq!(
        server.ask("keycloak", "keycloak", "another one", "SELECT 1").as_deref(),
        Ok("1")
    );
    assert!(server.ask("keycloak", "keycloak", "o'w\\n\"e$r$$", "SELECT 1").is_err());
    assert_eq!(server.backup_role(), "1");
    assert_eq!(
        server
            .ask("qclock_backup", "keycloak", "b", "SELECT pg_is_in_recovery()")
            .as_deref(),
        Ok("f")
    );
    let records = stop(init);
    assert_eq!(
        actions(&records, "secret-changed"),
        ["secrets are not what they were: the server has the new passwords of `keycloak`, `qclock_backup`"]
    );
    assert!(
        !told(&records).contains("another one") && !told(&records).contains("SCRAM"),
        "{}",
        told(&records)
    );

    // As if it had been killed after the server took the passwords, and before that was written down.
    std::fs::write(&journal_file, journal).unwrap();
    server.sandbox.write("volume/15/postmaster.pid", "1\n");
    let init = server.ready();
    let owner = server.ask("keycloak", "keycloak", "another one", "SELECT 1");
    assert_eq!(owner.as_deref(), Ok("1"));
    assert_eq!(actions(&stop(init), "secret-changed").len(), 1);
    assert!(actions(&stop(server.ready()), "secret-changed").is_empty());
}

#[test]
fn a_first_start_that_is_killed_at_any_moment_is_completed_by_the_next_one() {
    let Some(server) = Server::new() else { return };
    let rounds = if std::env::var_os("QCLOCK_TEST_FULL").is_some() {
        20
    } else {
        3
    };
    let mut seed = [0; 4];
    getrandom::fill(&mut seed).unwrap();
    let mut random = u32::from_ne_bytes(seed) | 1;
    println!("seed {random}, {rounds} rounds");
    let complete = server.sandbox.path("volume/15");
    let mut span = Duration::from_secs(1);
    let mut killed_before_the_end = 0;
    for round in 0..rounds {
        let _ = std::fs::remove_dir_all(&complete);
        let init = server.start();
        let first_start = init.pid_of("first-start");
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let moment =
            Instant::now() + Duration::from_millis(u64::from(random) % u64::try_from(span.as_millis()).unwrap());
        while Instant::now() < moment {
            assert!(
                complete.exists() || server.sandbox.health().0 == 1,
                "healthy without a database"
            );
            pause();
        }
        let there = complete.exists();
        killed_before_the_end += u32::from(!there);
        let postgresql = there.then(|| init.pid_of("postgresql"));
        init.kill_everything(
            &[Some(first_start), postgresql]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>(),
        );

        let begun = Instant::now();
        let init = server.ready();
        span = begun.elapsed() * 5 / 4;
        server.check_accounts();
        let records = stop(init);
        assert!(
            !server.sandbox.path("volume/15.new").exists(),
            "round {round}: {}",
            told(&records)
        );
    }
    println!("{killed_before_the_end} of {rounds} were killed before the database was there");
}

/// As after a disaster: the files of the backup, another installation's secrets.
#[test]
fn a_base_backup_is_a_database_that_starts_elsewhere_with_the_passwords_of_there() {
    let (Some(mut server), Some(elsewhere)) = (Server::new(), Server::new()) else {
        return;
    };
    if !have(&[BACKUP]) {
        return;
    }
    let backup = server.sandbox.write("secrets/backup", "b");
    server.sandbox.set("QCLOCK_BACKUP_PASSWORD_FILE", backup);
    let init = server.ready();
    let table = "CREATE TABLE kept (id INT); INSERT INTO kept VALUES (42)";
    server.ask("keycloak", "keycloak", "o'w\\n\"e$r$$", table).unwrap();
    let target = elsewhere.sandbox.path("volume/15");
    let copied = Command::new(BACKUP)
        .env_clear()
        .env("PGPASSWORD", "b")
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &server.port.to_string(),
            "-U",
            "qclock_backup",
            "-c",
            "fast",
            "-D",
        ])
        .arg(&target)
        .output()
        .unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    stop(init);
    elsewhere.sandbox.own_everything(&target);
    elsewhere.sandbox.write("secrets/owner", "the other's");
    let init = elsewhere.ready();
    let kept = elsewhere.ask("keycloak", "keycloak", "the other's", "SELECT id FROM kept");
    assert_eq!(kept.as_deref(), Ok("42"));
    let records = stop(init);
    assert_eq!(actions(&records, "secret-changed").len(), 1);
    assert!(actions(&records, "first-start").is_empty());
}

#[test]
fn a_killed_server_leaves_its_pid_file_and_the_next_one_starts_all_the_same() {
    let Some(server) = Server::new() else { return };
    let init = server.ready();
    let pid = init.pid_of("postgresql");
    init.kill_everything(&[pid]);
    let pid_file = server.sandbox.path("volume/15/postmaster.pid");
    assert!(pid_file.exists());
    // As in a new container: the number is that of somebody else who is alive.
    let text = std::fs::read_to_string(&pid_file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    std::fs::write(&pid_file, format!("{}\n{rest}", std::process::id())).unwrap();
    let init = server.ready();
    server.check_accounts();
    stop(init);
}

#[test]
fn nobody_else_gets_the_volume_while_one_of_the_servers_processes_lives() {
    let Some(server) = Server::new() else { return };
    let first = server.ready();
    let second = server.start();
    let (status, records) = second.end();
    assert_eq!(status.code(), Some(4), "{}", told(&records));
    assert!(
        told(&records).contains("another container uses the volume"),
        "{}",
        told(&records)
    );
    server.check_accounts();
    stop(first);
}

#[test]
fn a_frozen_server_is_not_healthy_and_a_stop_does_not_wait_for_sessions() {
    let Some(server) = Server::new() else { return };
    let init = server.ready();
    let pid = init.pid_of("postgresql");
    kill_process(pid, Signal::STOP).unwrap();
    let asked = Instant::now();
    let (status, said) = server.sandbox.health();
    let answered = asked.elapsed();
    kill_process(pid, Signal::CONT).unwrap();
    assert_eq!(status, 1);
    assert!(said.contains("the server does not answer"), "{said}");
    assert!(answered < Duration::from_secs(4), "{answered:?}");
    wait_for("health", || (server.sandbox.health().0 == 0).then_some(()));

    let mut session = Command::new(CLIENT)
        .env_clear()
        .env("PGPASSWORD", "o'w\\n\"e$r$$")
        .args([
            "-h",
            "127.0.0.1",
            "-p",
            &server.port.to_string(),
            "-U",
            "keycloak",
            "-d",
            "keycloak",
        ])
        .args(["-Atqc", "BEGIN; SELECT pg_sleep(100)"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    wait_for("the session", || {
        (server.ask("qclock_monitor", "postgres", "m", sessions).as_deref() == Ok("1")).then_some(())
    });
    let begun = Instant::now();
    let records = stop(init);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(told(&records).contains("database system is shut down"));
    assert!(!session.wait().unwrap().success());
}

#[test]
fn what_is_wrong_is_told_before_anything_is_made() {
    let Some(mut server) = Server::new() else { return };
    let refused = |server: &Server| {
        let (status, records) = server.start().end();
        (status.code().unwrap(), told(&records))
    };
    let empty = server.sandbox.write("secrets/empty", "\n");
    server.sandbox.set("QCLOCK_MONITOR_PASSWORD_FILE", empty);
    let (status, said) = refused(&server);
    assert!(
        status == 2
            && said.contains("the file that `QCLOCK_MONITOR_PASSWORD_FILE` names, ")
            && said.contains(", is empty"),
        "{status}: {said}"
    );
    server.sandbox.set("QCLOCK_IDENTITY_DB_NETWORKS", "everywhere");
    let (status, said) = refused(&server);
    assert!(status == 2 && said.contains("`everywhere`"), "{status}: {said}");
    server.sandbox.set("QCLOCK_IDENTITY_DB_NETWORKS", "127.0.0.1");
    server.sandbox.write("volume/13/PG_VERSION", "13\n");
    let (status, said) = refused(&server);
    assert!(
        status == 4 && said.contains("a cluster of another version"),
        "{status}: {said}"
    );
    assert!(!server.sandbox.path("volume/15.new").exists() && !server.sandbox.path("volume/15").exists());
}
