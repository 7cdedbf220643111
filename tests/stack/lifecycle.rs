//! Coming up, coming up again, going away.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;

/// Builds, loads and starts everything from nothing; then once more over the running stack.
pub(crate) fn up_twice(stack: &Stack) -> Result<()> {
    let first = timed(|| stack.run("./scripts/up.sh", &[]))?;
    answers_ok(stack, Duration::from_secs(5))?;
    let second = timed(|| stack.run("./scripts/up.sh", &[]))?;
    answers_ok(stack, Duration::from_secs(5))?;
    stack.wait_until_healthy(Duration::from_secs(5))?;
    println!("    up.sh: first {first:.1?}, again {second:.1?}");
    Ok(())
}

/// `docker compose down -v`, `./scripts/build-all.sh`, `docker compose up -d`, and within a minute 200.
pub(crate) fn classic_runbook(stack: &Stack) -> Result<()> {
    stack.compose(&["down", "-v"])?;
    stack.run("./scripts/build-all.sh", &[])?;
    stack.compose(&["up", "-d"])?;
    answers_ok(stack, Duration::from_secs(60))?;
    // The identity provider's first start is the longest.
    stack.wait_until_healthy(Duration::from_secs(180))?;
    Ok(())
}

/// No container, network or volume of the project survives `down -v`.
pub(crate) fn down_leaves_nothing(stack: &Stack) -> Result<()> {
    stack.compose(&["down", "--volumes"])?;
    let filter = format!("label=com.docker.compose.project={}", stack.project);
    for listing in [
        &["ps", "--all", "--quiet"][..],
        &["network", "ls", "--quiet"],
        &["volume", "ls", "--quiet"],
    ] {
        let mut arguments = listing.to_vec();
        arguments.extend(["--filter", &filter]);
        let left = stack.run("docker", &arguments)?;
        ensure!(
            left.trim().is_empty(),
            "docker {} still lists {left}",
            listing.join(" ")
        );
    }
    Ok(())
}

fn answers_ok(stack: &Stack, deadline: Duration) -> Result<()> {
    wait_for("Apache answers 200", deadline, || match stack.get("/") {
        Ok(answer) if answer.status == 200 => Ok(()),
        Ok(answer) => Err(format!("status {}", answer.status)),
        Err(error) => Err(format!("{error:#}")),
    })?;
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}
