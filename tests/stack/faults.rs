//! Faults, made on purpose, timed from the outside.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use qclock_testkit::client;
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;

const SHOWN_WITHIN: Duration = Duration::from_secs(5);
const HEALED_WITHIN: Duration = Duration::from_secs(10);

pub(crate) fn database_stopped(stack: &Stack) -> Result<()> {
    all_well(stack)?;
    stack.compose(&["stop", "db"])?;
    let shown = stack.wait_for_state("database", &["down"], SHOWN_WITHIN)?;
    ensure!(
        stack.check("php")?["state"] == "operational",
        "php is {}",
        stack.check("php")?
    );
    ensure!(stack.get("/")?.status == 200, "the page is not served any more");
    stack.compose(&["start", "db"])?;
    let healed = stack.wait_for_state("database", &["operational"], HEALED_WITHIN)?;
    println!("    stopped database: shown after {shown:.1?}, healed after {healed:.1?}");
    all_well(stack)
}

pub(crate) fn database_frozen(stack: &Stack) -> Result<()> {
    all_well(stack)?;
    stack.compose(&["pause", "db"])?;
    let outcome = frozen(stack);
    stack.compose(&["unpause", "db"])?;
    let shown = outcome?;
    let healed = stack.wait_for_state("database", &["operational"], HEALED_WITHIN)?;
    println!("    frozen database: shown after {shown:.1?}, healed after {healed:.1?}");
    all_well(stack)
}

/// While the database is frozen: it shows, and every other check goes on being fresh.
fn frozen(stack: &Stack) -> Result<Duration> {
    let shown = stack.wait_for_state("database", &["down"], SHOWN_WITHIN)?;
    for _ in 0..3 {
        let asked = Instant::now();
        let status = stack.status()?;
        ensure!(
            asked.elapsed() < Duration::from_secs(1),
            "the status took {:?}",
            asked.elapsed()
        );
        let checks = status["checks"].as_array().context("checks")?;
        let stale: Vec<_> = checks.iter().filter(|check| check["stale"] == true).collect();
        ensure!(stale.is_empty(), "stale while the database is frozen: {stale:?}");
    }
    Ok(shown)
}

pub(crate) fn fpm_master_killed(stack: &Stack) -> Result<()> {
    all_well(stack)?;
    let fpm = stack.processes("app", "php-fpm")?;
    let master = fpm
        .iter()
        .find(|process| !fpm.iter().any(|other| other.pid == process.parent))
        .context("no FPM master in the container")?;
    master.kill()?;
    let shown = stack.wait_for_state("php-fpm", &["down", "degraded", "unknown"], SHOWN_WITHIN)?;
    let healed = stack.wait_for_state("php-fpm", &["operational"], Duration::from_secs(60))?;
    println!("    killed FPM master: shown after {shown:.1?}, operational again after {healed:.1?}");
    all_well(stack)
}

/// A person has the dashboard open, another waits for a slow page: the page is answered, and the open dashboard holds nothing up.
pub(crate) fn stop_during_request(stack: &Stack) -> Result<()> {
    let open_dashboard = open_event_stream(stack)?;
    stack.write_page("slow.php", "<?php sleep(3); echo 'complete';")?;
    let url = stack.url("/slow.php");
    let request = std::thread::spawn(move || {
        let start = Instant::now();
        client::get(&url, Duration::from_secs(20)).map(|answer| (answer, start.elapsed()))
    });
    // The dashboard asks every two seconds: not having seen the request after as long is no reason to miss the moment.
    let seen = wait_for("the slow request is being worked on", Duration::from_secs(2), || {
        let details = stack.check("php-fpm").map_err(|error| format!("{error:#}"))?["details"].clone();
        match details["active"]
            .as_u64()
            .or_else(|| details["active_processes"].as_u64())
        {
            Some(active) if active >= 1 => Ok(()),
            _ => Err(details.to_string()),
        }
    });
    drop(seen);
    let stopping = Instant::now();
    stack.compose(&["stop", "app"])?;
    let stopped = stopping.elapsed();
    drop(open_dashboard);
    let (answer, took) = request
        .join()
        .map_err(|_| anyhow::anyhow!("the requesting thread panicked"))??;
    ensure!(
        answer.status == 200 && answer.body == "complete",
        "the request ended with {answer:?}"
    );
    ensure!(
        took >= Duration::from_secs(3),
        "the request was cut short after {took:?}"
    );
    ensure!(stopped < Duration::from_secs(15), "the stop took {stopped:.1?}");
    println!("    stopped in {stopped:.1?} with a 3 s request and an open dashboard");
    let exit = stack.inspect("app")?["State"]["ExitCode"].clone();
    ensure!(exit == 0, "a requested stop ended with status {exit}");
    stack.compose(&["start", "app"])?;
    all_well(stack)
}

/// What a browser does that shows the dashboard through Apache.
fn open_event_stream(stack: &Stack) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", stack.http_port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /qclock/events HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut begin = [0; 15];
    stream.read_exact(&mut begin)?;
    ensure!(
        begin == *b"HTTP/1.1 200 OK",
        "the event stream answers {}",
        String::from_utf8_lossy(&begin)
    );
    Ok(stream)
}

pub(crate) fn dashboard_alone(stack: &Stack) -> Result<()> {
    stack.compose(&["stop", "app", "db", "dashboard"])?;
    stack.compose(&["up", "--detach", "--no-deps", "dashboard"])?;
    wait_for("the dashboard serves alone", Duration::from_secs(20), || {
        let page = client::get(&stack.noc_url("/"), Duration::from_secs(2)).map_err(|error| format!("{error:#}"))?;
        if page.status == 200 {
            Ok(())
        } else {
            Err(format!("status {}", page.status))
        }
    })?;
    stack.wait_for_state("database", &["down"], Duration::from_secs(10))?;
    stack.compose(&["up", "--detach"])?;
    all_well(stack)
}

fn all_well(stack: &Stack) -> Result<()> {
    wait_for("the whole stack is operational", Duration::from_secs(60), || {
        let status = stack.status().map_err(|error| format!("{error:#}"))?;
        let fresh = status["checks"]
            .as_array()
            .is_some_and(|checks| checks.iter().all(|check| check["stale"] == false));
        if status["state"] == "operational" && fresh {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })?;
    Ok(())
}
