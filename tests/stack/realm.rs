//! The realm as code: what its file says, the running realm has.

use std::process::Output;

use anyhow::{Context, Result, ensure};
use qclock_testkit::stack::Stack;
use serde_json::{Value, json};

const FILE: &str = "images/identity/rootfs/etc/qclock/realm/qclock.json";

/// Right after its import there is no difference; one that is made in the file is shown, applied, and taken back.
pub(crate) fn as_code(stack: &Stack) -> Result<()> {
    expect(&realm(stack, "diff", FILE)?, 0, "is as its file says")?;

    let text = fs_err::read_to_string(stack.root().join(FILE))?;
    let mut changed: Value = serde_json::from_str(&text)?;
    changed["failureFactor"] = json!(7);
    let roles = changed["roles"]["realm"].as_array_mut().context("no roles")?;
    roles.push(json!({"name": "noc", "composite": true, "composites": {"realm": ["viewer"]}}));
    let client = changed["clients"].as_array_mut().context("no clients")?;
    let dashboard = client
        .iter_mut()
        .find(|client| client["clientId"] == "qclock-dashboard");
    dashboard.context("no client of the dashboard")?["protocolMappers"][0]["config"]["userinfo.token.claim"] =
        json!("false");
    let file = stack.folder().join("realm.json");
    fs_err::write(&file, changed.to_string())?;
    let file = file.display().to_string();

    let shown = realm(stack, "diff", &file)?;
    for line in [
        "~ failureFactor: 5 -> 7",
        "+ roles.realm.noc",
        "~ clients.qclock-dashboard.protocolMappers.roles",
    ] {
        expect(&shown, 1, line)?;
    }
    expect(&realm(stack, "apply", &file)?, 0, "is as its file says")?;
    expect(&realm(stack, "diff", &file)?, 0, "is as its file says")?;
    expect(&realm(stack, "apply", FILE)?, 0, "~ failureFactor: 7 -> 5")?;
    expect(&realm(stack, "diff", FILE)?, 0, "is as its file says")
}

/// Without a difference.
pub(crate) fn is_as_its_file(stack: &Stack) -> Result<()> {
    expect(&realm(stack, "diff", FILE)?, 0, "is as its file says")
}

fn realm(stack: &Stack, action: &str, file: &str) -> Result<Output> {
    let qclock = crate::images::programs()?.join("qclock").display().to_string();
    let url = format!("http://localhost:{}/auth", stack.identity_port);
    let public = format!("http://localhost:{}", stack.http_port);
    let arguments = [
        "--quiet",
        "realm",
        action,
        "--url",
        &url,
        "--public-url",
        &public,
        "--file",
        file,
    ];
    stack.output(&qclock, &arguments)
}

fn expect(output: &Output, status: i32, text: &str) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.code() == Some(status) && said.contains(text),
        "expected status {status} and `{text}`, not {} and\n{said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
