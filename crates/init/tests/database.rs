//! The first start of a real MariaDB, and what may go wrong with it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod fixture;

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use fixture::{Init, PATIENCE, Sandbox, have, messages, pause, told, wait_for};
use qclock_init::protocol::{Connection, ProtocolError};
use rustix::process::Signal;

const SERVER: &str = "/usr/sbin/mariadbd";

const INIT: &str = r#"
[supervisor]
state_file = "@root@/state"
stop_seconds = 30

[[directory]]
path = "@root@/run"
mode = "0700"

[[directory]]
path = "@root@/volume/tmp"
mode = "0700"

[first_start]
kind = "mariadb"
defaults_file = "@root@/my.cnf"
data_directory = "@root@/volume/data"
socket_directory = "@root@/run"
script_directory = "@root@/scripts"
health_user = "@user@"

[[service]]
name = "mariadb"
command = ["/usr/sbin/mariadbd", "--defaults-file=@root@/my.cnf"]
stop_grace_seconds = 25
log = { stderr = "mariadb" }
[service.ready]
mysql = { socket = "@root@/run/mysqld.sock", user = "@user@" }
"#;

const MY_CNF: &str = "
[mariadbd]
datadir = @root@/volume/data
socket = @root@/run/mysqld.sock
pid_file = @root@/run/mysqld.pid
tmpdir = @root@/volume/tmp
plugin_dir = /usr/lib/mysql/plugin
lc_messages_dir = /usr/share/mysql
skip_networking = ON
innodb_buffer_pool_size = 32M
innodb_log_file_size = 8M
innodb_use_native_aio = OFF
performance_schema = OFF
log_bin = binlog
";

const ROOT_PASSWORD: &str = "r'\"\\`é$(x);--";
const APPLICATION_PASSWORD: &str = "a\\'; DROP USER root@localhost; -- €😀";

/// None when the server is not installed.
fn sandbox() -> Option<Sandbox> {
    if !have(&[SERVER, "/usr/share/mysql/mysql_system_tables.sql"]) {
        return None;
    }
    let mut sandbox = Sandbox::new();
    let user = sandbox.user.name.clone();
    sandbox.write("init.toml", &INIT.replace("@user@", &user));
    sandbox.write("my.cnf", MY_CNF);
    sandbox.folder(&sandbox.path("volume"));
    for (variable, file, content) in [
        ("MYSQL_ROOT_PASSWORD_FILE", "root", ROOT_PASSWORD),
        ("MARIADB_PASSWORD_FILE", "application", APPLICATION_PASSWORD),
        ("QCLOCK_MONITOR_PASSWORD_FILE", "monitor", "m"),
    ] {
        let path = sandbox.write(&format!("secrets/{file}"), &format!("{content}\n"));
        sandbox.set(variable, path);
    }
    sandbox.set("MYSQL_DATABASE", "my_shop`s");
    sandbox.set("MYSQL_USER", "o'shop");
    Some(sandbox)
}

fn start(sandbox: &Sandbox) -> Init {
    Init::start(sandbox.command(&["run"]))
}

fn login(sandbox: &Sandbox, user: &str, password: &str) -> Result<Connection<UnixStream>, ProtocolError> {
    let stream = UnixStream::connect(sandbox.path("run/mysqld.sock")).unwrap();
    Connection::login(stream, user, password.as_bytes())
}

/// The server itself compares; there is no result to read.
fn holds(connection: &mut Connection<UnixStream>, condition: &str) {
    let statement = format!("SELECT 1 FROM (SELECT 1) one WHERE IF({condition}, 1, (SELECT 1 UNION SELECT 2))");
    connection
        .run(statement.as_bytes())
        .unwrap_or_else(|error| panic!("{condition}: {error}"));
}

fn check_accounts(sandbox: &Sandbox) {
    let mut root = login(sandbox, "root", ROOT_PASSWORD).unwrap();
    let accounts = "SELECT GROUP_CONCAT(User, '@', Host ORDER BY User, Host) FROM mysql.global_priv";
    let expected = format!(
        "mariadb.sys@localhost,o\\'shop@%,qclock_monitor@%,root@localhost,{}@localhost",
        sandbox.user.name
    );
    let mut sorted: Vec<&str> = expected.split(',').collect();
    sorted.sort_by_key(|account| account.replace("\\'", "'"));
    holds(&mut root, &format!("({accounts}) = '{}'", sorted.join(",")));
    holds(
        &mut root,
        "(SELECT COUNT(*) FROM mysql.proxies_priv WHERE Host NOT IN ('localhost', '')) = 0",
    );
    holds(
        &mut root,
        "NOT EXISTS (SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'test')",
    );
    holds(
        &mut root,
        "(SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'sys') >= 100",
    );

    let mut application = login(sandbox, "o'shop", APPLICATION_PASSWORD).unwrap();
    application.run(b"USE `my_shop``s`").unwrap();
    application.run(b"CREATE TABLE IF NOT EXISTS own (id INT)").unwrap();
    for forbidden in [
        "SELECT * FROM mysql.global_priv",
        "CREATE DATABASE `myXshop``s`",
        "SHUTDOWN",
    ] {
        assert!(
            matches!(
                application.run(forbidden.as_bytes()),
                Err(ProtocolError::Refused { .. })
            ),
            "{forbidden}"
        );
    }

    let mut monitor = login(sandbox, "qclock_monitor", "m").unwrap();
    for allowed in [
        "SHOW FULL PROCESSLIST",
        "SHOW MASTER STATUS",
        "SHOW SLAVE STATUS",
        "SHOW GLOBAL STATUS",
    ] {
        monitor.run(allowed.as_bytes()).unwrap();
    }
    assert!(monitor.run(b"SELECT * FROM mysql.global_priv").is_err());

    for (user, password) in [("root", ""), ("o'shop", "x"), ("qclock_monitor", ""), ("", "")] {
        assert!(login(sandbox, user, password).is_err(), "{user} with a wrong password");
    }
    // The account of the health check belongs to the user of the operating system, and may do nothing.
    let health = login(sandbox, &sandbox.user.name, "");
    assert!(health.is_err() || health.unwrap().run(b"SELECT * FROM mysql.user").is_err());
}

fn stop(init: Init) -> Vec<serde_json::Value> {
    init.signal(Signal::TERM);
    let (status, records) = init.end();
    assert_eq!(status.code(), Some(0), "{}", told(&records));
    let text = records.iter().map(ToString::to_string).collect::<String>();
    assert!(
        !text.contains("DROP USER") && !text.contains("$(x)"),
        "a password is in the log"
    );
    records
}

#[test]
fn a_first_start_makes_the_accounts_and_a_second_one_leaves_them_alone() {
    let Some(mut sandbox) = sandbox() else {
        return;
    };
    let init = start(&sandbox);
    init.wait_for_action("container-ready");
    assert_eq!(sandbox.health(), (0, String::new()));
    check_accounts(&sandbox);
    let environment = std::fs::read(format!("/proc/{}/environ", init.pid_of("mariadb"))).unwrap();
    assert!(!String::from_utf8_lossy(&environment).contains("DROP USER"));
    stop(init);
    assert!(!sandbox.path("volume/data.new").exists());
    let upgrade_record = std::fs::read_to_string(sandbox.path("volume/data/mysql_upgrade_info")).unwrap();
    assert!(upgrade_record.ends_with("-MariaDB"), "{upgrade_record}");

    let other = sandbox.write("secrets/other", "another");
    sandbox.set("QCLOCK_MONITOR_PASSWORD_FILE", other);
    let init = start(&sandbox);
    init.wait_for_action("container-ready");
    check_accounts(&sandbox);
    let records = stop(init);
    let changed = records
        .iter()
        .find(|record| record["event.action"] == "secret-changed")
        .unwrap();
    assert!(
        changed["message"]
            .as_str()
            .unwrap()
            .starts_with("`QCLOCK_MONITOR_PASSWORD` is not what it was")
    );
    assert!(!records.iter().any(|record| record["event.action"] == "first-start"));
}

#[test]
fn a_first_start_that_is_killed_at_any_moment_is_completed_by_the_next_one() {
    let Some(sandbox) = sandbox() else {
        return;
    };
    sandbox.write(
        "scripts/1.sql",
        "CREATE TABLE once (id INT PRIMARY KEY); INSERT INTO once VALUES (1);",
    );
    let full = std::env::var_os("QCLOCK_TEST_FULL").is_some();
    let rounds = if full { 10 } else { 3 };
    let mut seed = [0; 4];
    getrandom::fill(&mut seed).unwrap();
    let mut random = u32::from_ne_bytes(seed) | 1;
    println!("seed {random}, {rounds} rounds");
    let mut killed_before_the_end = 0;
    let mut span = Duration::from_secs(1);
    for round in 0..rounds {
        let _ = std::fs::remove_dir_all(sandbox.path("volume/data"));
        let init = start(&sandbox);
        let first_start = init.pid_of("first-start");
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let moment =
            Instant::now() + Duration::from_millis(u64::from(random) % u64::try_from(span.as_millis()).unwrap());
        while Instant::now() < moment {
            assert!(
                sandbox.path("volume/data").exists() || sandbox.health().0 == 1,
                "healthy without a database"
            );
            pause();
        }
        let complete = sandbox.path("volume/data").exists();
        killed_before_the_end += u32::from(!complete);
        let mariadb = complete.then(|| init.pid_of("mariadb"));
        init.kill_everything(&[Some(first_start), mariadb].into_iter().flatten().collect::<Vec<_>>());

        let begun = Instant::now();
        let init = start(&sandbox);
        init.wait_for_action("container-ready");
        // Sometimes a little later than the end of it.
        span = begun.elapsed() * 5 / 4;
        check_accounts(&sandbox);
        let mut root = login(&sandbox, "root", ROOT_PASSWORD).unwrap();
        holds(&mut root, "(SELECT COUNT(*) FROM `my_shop``s`.once) = 1");
        let records = stop(init);
        assert!(
            !sandbox.path("volume/data.new").exists(),
            "round {round}: {}",
            told(&records)
        );
    }
    println!("{killed_before_the_end} of {rounds} were killed before the database was there");
}

#[test]
fn scripts_run_once_in_the_order_of_their_names_before_the_database_is_official() {
    let Some(sandbox) = sandbox() else {
        return;
    };
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed
        .write_all(b"INSERT INTO t VALUES (2, _binary'\xff\x00;'), (3, 'caf\xc3\xa9');")
        .unwrap();
    sandbox.write("scripts/20.sql.gz", "");
    std::fs::write(sandbox.path("scripts/20.sql.gz"), packed.finish().unwrap()).unwrap();
    sandbox.write(
        "scripts/10-tables.sql",
        "-- the tables; all of them\nCREATE TABLE t (id INT PRIMARY KEY, v VARBINARY(20));\nDELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END//\nDELIMITER ;\nCALL p();\nINSERT INTO t VALUES (1, 'a;b')",
    );
    sandbox.write("scripts/README", "not a script");
    let init = start(&sandbox);
    init.wait_for_action("container-ready");
    let mut root = login(&sandbox, "root", ROOT_PASSWORD).unwrap();
    root.run(b"USE `my_shop``s`").unwrap();
    holds(
        &mut root,
        "(SELECT GROUP_CONCAT(HEX(v) ORDER BY id) FROM t) = '613B62,FF003B,636166C3A9'",
    );
    let records = stop(init);
    let own = messages(&records, "qclock-init");
    let place = |text: &str| {
        own.iter()
            .position(|message| message.contains(text))
            .unwrap_or_else(|| panic!("{own:#?}"))
    };
    let aborted = |record: &&serde_json::Value| record.to_string().contains("Aborted connection");
    assert_eq!(records.iter().find(aborted), None);
    assert!(place("`README` is neither") < place("ran 4 statements of `10-tables.sql`"));
    assert!(place("10-tables.sql") < place("ran 1 statements of `20.sql.gz`"));
    let journal = std::fs::read_to_string(sandbox.path("volume/data/qclock-first-start.json")).unwrap();
    assert!(journal.contains("20.sql.gz") && !journal.contains("DROP USER"));
    assert!(!sandbox.path("volume/data/binlog.000001").exists() || !own.is_empty());
}

#[test]
fn a_script_that_fails_is_named_with_its_line_and_leaves_no_database() {
    let Some(sandbox) = sandbox() else {
        return;
    };
    for (name, script, status, expected) in [
        (
            "1.sql",
            "CREATE TABLE a (id INT);\n\n-- next\nINSERT INTO b VALUES (1);\n",
            2,
            "1.sql:4: statement `-- next INSERT INTO b VALUES (1)` failed: the server answered 1146 (42S02)",
        ),
        (
            "1.sql",
            "SELECT 1;\nSELECT 'x",
            2,
            "1.sql: line 2: a string that begins here does not end",
        ),
        (
            "1.sql",
            "SET PASSWORD FOR nobody_else@x = 'geheim'",
            2,
            "1.sql:1: statement `SET PASSWORD FOR nobody_else@x =…` failed",
        ),
        (
            "1.sh",
            "#!/bin/sh\n",
            2,
            "1.sh` is a shell script, and there is no shell in this image",
        ),
        (
            "1.sql.xz",
            "",
            2,
            "1.sql.xz` is compressed in a way that cannot be read here",
        ),
    ] {
        let path = sandbox.write(&format!("scripts/{name}"), script);
        let (code, records) = start(&sandbox).end();
        assert_eq!(code.code(), Some(status), "{}", told(&records));
        let failed = records
            .iter()
            .find(|record| record["event.action"] == "first-start-failed")
            .unwrap();
        assert!(failed["message"].as_str().unwrap().contains(expected), "{failed}");
        assert!(!failed.to_string().contains("geheim"));
        assert!(!sandbox.path("volume/data").exists());
        std::fs::remove_file(path).unwrap();
    }
    let init = start(&sandbox);
    init.wait_for_action("container-ready");
    stop(init);
}

#[test]
fn what_is_not_a_database_is_not_touched_and_wrong_settings_are_named() {
    let Some(mut sandbox) = sandbox() else {
        return;
    };
    let precious = sandbox.write("volume/data/precious", "x");
    let (code, records) = start(&sandbox).end();
    assert_eq!(code.code(), Some(4), "{}", told(&records));
    assert!(
        messages(&records, "qclock-init")
            .iter()
            .any(|message| message.contains("is neither empty nor a database"))
    );
    assert!(precious.exists());
    std::fs::remove_file(precious).unwrap();

    sandbox.set("MYSQL_ROOT_PASSWORD", "both");
    let (code, records) = start(&sandbox).end();
    assert_eq!(code.code(), Some(2), "{}", told(&records));
    let expected = "`MYSQL_ROOT_PASSWORD` and `MYSQL_ROOT_PASSWORD_FILE` are both set (hint: keep one of them)";
    assert!(
        messages(&records, "qclock-init")
            .iter()
            .any(|message| message.contains(expected))
    );
}

#[test]
fn a_stop_during_the_first_start_is_a_success_and_leaves_no_database() {
    let Some(sandbox) = sandbox() else {
        return;
    };
    sandbox.write("scripts/1.sql", "SELECT SLEEP(100);");
    let init = start(&sandbox);
    init.wait_for("the temporary server", |record| {
        record["message"]
            .as_str()
            .is_some_and(|message| message.contains("ready for connections"))
    });
    assert_eq!(
        sandbox.health(),
        (1, "starting: waiting for `first-start`\n".to_owned())
    );
    let begun = Instant::now();
    init.signal(Signal::TERM);
    let (code, records) = init.end();
    assert_eq!(code.code(), Some(0), "{}", told(&records));
    assert!(begun.elapsed() < PATIENCE / 2);
    assert!(!sandbox.path("volume/data").exists());
    wait_for("the temporary server to be gone", || {
        UnixStream::connect(sandbox.path("run/first-start.sock"))
            .is_err()
            .then_some(())
    });
}
