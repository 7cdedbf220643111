//! Which flavour the scripts take where nobody has said so.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use qclock_testkit::stack::Stack;

use crate::images::{programs, root};

/// A mirror that answers is taken, one that is silent is left within five seconds, and what there is already decides before both.
pub(crate) fn choice(stack: &Stack) -> Result<()> {
    let mirror = tempfile::tempdir()?;
    for repository in ["OL9/baseos/latest/x86_64", "OL9/appstream/x86_64"] {
        let folder = mirror.path().join(repository).join("repodata");
        fs_err::create_dir_all(&folder)?;
        fs_err::write(folder.join("repomd.xml"), "<repomd/>")?;
    }
    let answering = mirror.path().display().to_string();
    // Takes connections, and never says anything.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let silent = format!("http://{}/", listener.local_addr()?);
    let nowhere = "http://127.0.0.1:9/".to_owned();
    let another = format!("{}-elsewhere", stack.project);

    let (flavour, said) = choose(&another, &answering, None)?;
    ensure!(
        flavour == "oraclelinux9" && said.contains("its repositories answer"),
        "{flavour}: {said}"
    );
    let start = Instant::now();
    let (flavour, said) = choose(&another, &silent, None)?;
    ensure!(
        start.elapsed() < Duration::from_secs(7),
        "it took {:?}",
        start.elapsed()
    );
    ensure!(
        flavour == "debian12" && said.contains("cannot be had here"),
        "{flavour}: {said}"
    );
    let (flavour, said) = choose(&another, &nowhere, None)?;
    ensure!(
        flavour == "debian12" && said.contains("ol9_") && said.contains("QCLOCK_ORACLELINUX_MIRROR"),
        "{flavour}: {said}"
    );
    let (flavour, said) = choose(&another, &answering, Some("debian12"))?;
    ensure!(
        flavour == "debian12" && said.contains("as QCLOCK_FLAVOUR says"),
        "{flavour}: {said}"
    );
    // This stack has data, of a server that another flavour's could not read.
    let (flavour, said) = choose(&stack.project, &answering, None)?;
    ensure!(
        flavour == stack.flavour.name() && said.contains("database was made"),
        "{flavour}: {said}"
    );
    Ok(())
}

/// The flavour that the scripts take, and what they say.
fn choose(project: &str, mirror: &str, flavour: Option<&str>) -> Result<(String, String)> {
    let script = ". scripts/lib/setup.sh; programs=$1; choose_flavour; printf %s \"$QCLOCK_FLAVOUR\"";
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", script, "bash"])
        .arg(programs()?)
        .current_dir(root())
        .env("COMPOSE_PROJECT_NAME", project)
        .env("QCLOCK_TAG", project.replace("qclock-test-", "test-"))
        .env("QCLOCK_ORACLELINUX_MIRROR", mirror)
        .env_remove("QCLOCK_FLAVOUR")
        .stdin(Stdio::null());
    if let Some(flavour) = flavour {
        command.env("QCLOCK_FLAVOUR", flavour);
    }
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{}: {said}", output.status);
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), said))
}
