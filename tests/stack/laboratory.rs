//! The images of `oraclelinux9`, from the laboratory's packages.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use qclock_testkit::laboratory::{DebianPackages, Laboratory, missing_tools, verdicts};
use qclock_testkit::stack::{IMAGES, Stack};
use serde_json::Value;

use crate::images::{cache, copy_folder, lock_in_use, programs, root};

/// Locks, sees that nothing is built before the scriptlets are reviewed, reviews them, builds, loads and starts.
pub(crate) fn up(stack: &Stack) -> Result<()> {
    missing_tools().context("scripts/test.sh installs what is missing")?;
    let start = Instant::now();
    let debian = DebianPackages::locked(&root().join(lock_in_use()), &cache())?;
    let laboratory = Laboratory::prepare(&debian, &cache())?;
    let prepared = start.elapsed();
    for folder in ["images", "compose"] {
        copy_folder(&root().join(folder), &stack.root().join(folder))?;
    }
    for file in ["docker-compose.yml", ".dockerignore"] {
        fs_err::copy(root().join(file), stack.root().join(file))?;
    }
    laboratory.adopt(stack.root())?;
    stack.use_mirror(laboratory.mirror());

    let start = Instant::now();
    let qclock = programs()?.join("qclock").display().to_string();
    let locked = stack.run(&qclock, &["--quiet", "lock"]);
    locked.context("locking")?;
    review(stack, &qclock)?;
    keeping_names(stack, || stack.run(&qclock, &["--quiet", "build", "--load"]))?;
    let built = start.elapsed();

    stack.run(&qclock, &["--quiet", "secrets"])?;
    stack.compose(&["up", "--detach", "--wait", "--wait-timeout", "300"])?;
    stack.wait_until_healthy(Duration::from_secs(30))?;
    println!("    laboratory prepared in {prepared:.1?}; locked, built and loaded in {built:.1?}");
    Ok(())
}

/// The repository's ledger knows no scriptlet of the laboratory: the build is refused, with status 1, until each has its verdict.
fn review(stack: &Stack, qclock: &str) -> Result<()> {
    let refused = stack.output(qclock, &["--quiet", "build"])?;
    let said = String::from_utf8_lossy(&refused.stderr);
    ensure!(
        refused.status.code() == Some(1) && said.contains("`%pre` of `mysql-server`"),
        "nothing was reviewed, but the build ended with {}: {said}",
        refused.status
    );
    for verdict in verdicts()? {
        let mut arguments = vec!["--quiet", "ledger", "record", &verdict.package, &verdict.script];
        arguments.extend(["--verdict", &verdict.verdict, "--reason", &verdict.reason]);
        if let Some(by) = &verdict.by {
            arguments.extend(["--by", by]);
        }
        stack.run(qclock, &arguments)?;
    }
    let listed = stack.output(qclock, &["--format", "json", "ledger", "list", "--unreviewed"])?;
    let document: Value = serde_json::from_slice(&listed.stdout)?;
    ensure!(
        listed.status.success(),
        "scriptlets without a verdict: {}",
        document["scripts"]
    );
    Ok(())
}

/// What is loaded gets names that people use; these images get this run's tag, and the names go back to whose they were.
fn keeping_names(stack: &Stack, load: impl FnOnce() -> Result<String>) -> Result<()> {
    let names: Vec<String> = IMAGES
        .iter()
        .flat_map(|image| ["latest", env!("CARGO_PKG_VERSION")].map(|tag| format!("qclock-{image}:{tag}")))
        .collect();
    let id = |name: &String| {
        let found = stack.run("docker", &["image", "inspect", "--format", "{{.Id}}", name]);
        found.ok().map(|id| id.trim().to_owned())
    };
    let before: Vec<Option<String>> = names.iter().map(id).collect();
    let outcome = load();
    if outcome.is_ok() {
        for image in IMAGES {
            let (loaded, own) = (
                format!("qclock-{image}:latest"),
                format!("qclock-{image}:{}", stack.tag),
            );
            stack.run("docker", &["tag", &loaded, &own])?;
        }
    }
    for (name, before) in names.iter().zip(before) {
        match before {
            Some(id) => drop(stack.run("docker", &["tag", &id, name])?),
            // Where nothing was loaded there is nothing to take away.
            None => drop(stack.output("docker", &["image", "rm", name])?),
        }
    }
    outcome.map(drop)
}
