//! Two identity providers behind one name, which share who has signed in.

use anyhow::{Context, Result, ensure};
use qclock_testkit::client;
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;

use super::{PATIENCE, READY_WITHIN, SERVICE, callback, new, path_of_sign_in};
use crate::part::Part;

/// Somebody begins to sign in at one of them and goes on at the other, as happens behind a balancer.
pub(crate) fn share_sign_in(stack: &Stack) -> Result<()> {
    let mut identity = new(stack, "several")?;
    identity.stack.set_variable("QCLOCK_IDENTITY_CACHE", "ispn");
    // One makes the tables, and the other waits for nobody.
    identity.up()?;
    identity
        .stack
        .compose(&["up", "--detach", "--no-recreate", "--scale", "identity=2", SERVICE])?;
    let both = addresses(&identity)?;
    let ((), found) = wait_for("both are ready, and one cluster", READY_WITHIN, || {
        together(&identity, &both).map_err(|error| format!("{error:#}"))
    })
    .with_context(|| identity.stack.evidence())?;
    let [first, second] = &both[..] else {
        anyhow::bail!("not two containers: {both:?}")
    };
    for (first, second) in [(first, second), (second, first)].repeat(5) {
        begin_and_go_on(&identity, first, second)?;
    }
    println!("    several: one cluster after {found:.1?}");
    identity.stack.remove()
}

/// By which this machine reaches them.
fn addresses(identity: &Part) -> Result<Vec<String>> {
    let containers = identity.stack.compose(&["ps", "--quiet", SERVICE])?;
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
    let address = |container: &str| -> Result<String> {
        let found = identity
            .stack
            .run("docker", &["inspect", "--format", format, container])?;
        Ok(found.split_whitespace().next().context("no address")?.to_owned())
    };
    containers.lines().map(address).collect()
}

fn together(identity: &Part, addresses: &[String]) -> Result<()> {
    for address in addresses {
        let answer = client::get(&format!("http://{address}:8080/auth/health/ready"), PATIENCE)?;
        ensure!(answer.status == 200, "{address} answers {}", answer.status);
    }
    // Of Infinispan: who belongs to it, and how many they are.
    let logs = identity.stack.compose(&["logs", "--no-color", SERVICE])?;
    let views = logs.lines().filter(|line| line.contains("ISPN000094"));
    ensure!(
        views.clone().any(|line| line.contains("(2) [")),
        "no view of two: {:?}",
        views.collect::<Vec<_>>()
    );
    Ok(())
}

/// The name and the one-time password of the first administrator, given to another one than has made the page.
fn begin_and_go_on(identity: &Part, first: &str, second: &str) -> Result<()> {
    let begin = format!("http://{first}:8080/auth{}", path_of_sign_in(&callback(identity)));
    let page = client::get(&begin, PATIENCE)?;
    ensure!(page.status == 200, "the page of sign-in: {}", page.status);
    let cookies: Vec<&str> = page
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .filter_map(|(_, value)| value.split(';').next())
        .collect();
    let action = page
        .body
        .split("action=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .context("the page has no form")?
        .replace("&amp;", "&");
    let path = &action[action.find("/auth/").context("the form's address")?..];
    let form = format!(
        "username=admin&password={}",
        identity.secret("identity_admin_password")?.trim()
    );
    let answer = client::post(
        &format!("http://{second}:8080{path}"),
        &[
            ("Cookie", &cookies.join("; ")),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ],
        &form,
        PATIENCE,
    )?;
    let target = answer.header("location").unwrap_or_default();
    ensure!(
        answer.status == 302 && target.contains("required-action"),
        "begun at {first}, the sign-in at {second} ended with {} {target}",
        answer.status
    );
    Ok(())
}
