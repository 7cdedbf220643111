//! The database's first start, disturbed.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;

use crate::rounds;

/// A first start on this machine takes one to three seconds: moments are drawn from a little more than that.
const FIRST_START_MILLISECONDS: u64 = 3_000;

/// Kills the container at random moments of its first start; the next start must complete, with the right accounts.
pub(crate) fn killed_at_random(stack: &Stack) -> Result<()> {
    let seed = seed()?;
    println!("    seed {seed}");
    let mut random = Sequence::new(seed);
    for round in 1..=rounds(3, 10) {
        stack.compose(&["rm", "--stop", "--force", "--volumes", "db"])?;
        let volume = format!("{}_db", stack.project);
        let volumes = stack.run(
            "docker",
            &["volume", "ls", "--quiet", "--filter", &format!("name={volume}")],
        )?;
        for name in volumes.lines() {
            stack.run("docker", &["volume", "rm", name])?;
        }
        let moment = Duration::from_millis(random.next() % FIRST_START_MILLISECONDS);
        stack.compose(&["up", "--detach", "--no-deps", "db"])?;
        pause_until(moment);
        stack.compose(&["kill", "--signal", "KILL", "db"])?;
        stack.compose(&["up", "--detach", "--no-deps", "db"])?;
        healthy(stack).with_context(|| format!("round {round}, killed after {moment:?}, seed {seed}"))?;
        for check in ["database", "php-pdo-mysql", "php-mysqli"] {
            stack
                .wait_for_state(check, &["operational"], Duration::from_secs(20))
                .with_context(|| format!("round {round}, killed after {moment:?}, seed {seed}"))?;
        }
    }
    Ok(())
}

/// Scripts of the init folder run once, in the order of their names, and not again at the next start.
pub(crate) fn init_scripts(stack: &Stack) -> Result<()> {
    stack.write_page(
        "journal.php",
        "<?php $p = trim(file_get_contents(getenv('QCLOCK_DB_PASSWORD_FILE')));\
         $db = new PDO('mysql:host='.getenv('QCLOCK_DB_HOST').';dbname='.getenv('QCLOCK_DB_NAME'), getenv('QCLOCK_DB_USER'), $p);\
         echo implode(',', $db->query('SELECT step FROM journal ORDER BY id')->fetchAll(PDO::FETCH_COLUMN));",
    )?;
    let folder = stack.folder().join("initdb");
    fs_err::create_dir_all(&folder)?;
    fs_err::write(
        folder.join("01-table.sql"),
        "CREATE TABLE journal (id INT AUTO_INCREMENT PRIMARY KEY, step VARCHAR(20)); INSERT INTO journal (step) VALUES ('one');\n",
    )?;
    fs_err::write(
        folder.join("02-routine.sql"),
        "DELIMITER //\nCREATE PROCEDURE note(IN what VARCHAR(20)) BEGIN INSERT INTO journal (step) VALUES (what); END//\n\
         DELIMITER ;\nCALL note('two;');\n",
    )?;
    let over = stack.folder().join("initdb.yml");
    let mount = format!(
        "services:\n  db:\n    volumes:\n      - {}:/docker-entrypoint-initdb.d:ro\n",
        folder.display()
    );
    fs_err::write(&over, mount)?;
    let over = over.display().to_string();
    let with_init = |arguments: &[&str]| {
        let mut all = vec!["-f", "docker-compose.yml", "-f", &over];
        all.extend(arguments);
        stack.compose(&all)
    };
    stack.compose(&["down", "--volumes"])?;
    with_init(&["up", "--detach"])?;
    stack.wait_until_healthy(Duration::from_secs(180))?;
    let journal = stack.get("/journal.php")?;
    ensure!(
        journal.body == "one,two;",
        "after the first start the journal holds {journal:?}"
    );
    with_init(&["restart", "db"])?;
    stack.wait_until_healthy(Duration::from_secs(180))?;
    let journal = stack.get("/journal.php")?;
    ensure!(
        journal.body == "one,two;",
        "after a restart the journal holds {journal:?}"
    );
    Ok(())
}

fn healthy(stack: &Stack) -> Result<()> {
    wait_for("the database is healthy", Duration::from_secs(60), || {
        let state = stack.inspect("db").map_err(|error| format!("{error:#}"))?["State"].clone();
        if state["Health"]["Status"] == "healthy" {
            Ok(())
        } else {
            Err(state.to_string())
        }
    })?;
    Ok(())
}

/// The moment of the kill is the point of the test: here a pause is not a guess at when something is ready.
#[expect(clippy::disallowed_methods, reason = "the random moment is what is tested")]
pub(crate) fn pause_until(moment: Duration) {
    std::thread::sleep(moment);
}

pub(crate) fn seed() -> Result<u64> {
    match std::env::var("QCLOCK_TEST_SEED") {
        Ok(text) => text.parse().context("QCLOCK_TEST_SEED is not a number"),
        Err(_) => Ok(u64::from(std::process::id()) * 2_654_435_761),
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough to spread moments, and repeatable from the printed seed.
pub(crate) struct Sequence(u64);

impl Sequence {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
