//! What the dashboard, the edge and the logs say is what is.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use qclock_testkit::client;
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;
use serde_json::Value;

const CRITICAL_EXTENSIONS: [&str; 9] = [
    "pdo_mysql",
    "mysqli",
    "mbstring",
    "intl",
    "curl",
    "openssl",
    "json",
    "xml",
    "opcache",
];

/// `/api/v1/status` through Apache: the document of the reference, every check operational, the facts inside.
pub(crate) fn status_document(stack: &Stack) -> Result<()> {
    for id in [
        "apache",
        "php-fpm",
        "php",
        "php-extensions",
        "php-pdo-mysql",
        "php-mysqli",
        "database",
    ] {
        stack.wait_for_state(id, &["operational"], Duration::from_secs(30))?;
    }
    stack.wait_for_state("identity-db", &["operational"], Duration::from_secs(30))?;
    if stack.flavour.is_evaluation() {
        stack.wait_for_state("identity", &["operational"], Duration::from_secs(30))?;
    }
    let status = stack.get("/api/v1/status")?.json()?;
    ensure!(status["schema"] == "qclock.status/1", "schema is {}", status["schema"]);
    ensure!(status["state"] == "operational", "overall state is {}", status["state"]);
    ensure!(
        status["flavour"] == stack.flavour.name(),
        "flavour is {}",
        status["flavour"]
    );
    ensure!(
        status["evaluation"] == stack.flavour.is_evaluation(),
        "evaluation is {}",
        status["evaluation"]
    );
    for check in status["checks"].as_array().context("checks")? {
        for key in ["id", "tier", "state", "since", "checked_at"] {
            ensure!(check[key].is_string(), "{key} of {check}");
        }
        for language in ["en", "fr"] {
            ensure!(
                check["summary"][language].as_str().is_some_and(|text| !text.is_empty()),
                "summary of {check}"
            );
        }
        ensure!(
            check["details"].is_object() && check["stale"] == false,
            "details or stale of {check}"
        );
    }
    let php = details(&status, "php")?;
    ensure!(
        php["version"]
            .as_str()
            .is_some_and(|version| version.starts_with("8.2.")),
        "PHP details {php}"
    );
    ensure!(
        php["sapi"] == "fpm-fcgi" && !php["opcache"].is_null(),
        "PHP details {php}"
    );
    let extensions = details(&status, "php-extensions")?.to_string();
    for extension in CRITICAL_EXTENSIONS {
        ensure!(extensions.contains(extension), "{extension} is not in {extensions}");
    }
    let database = details(&status, "database")?;
    ensure!(
        database["version"]
            .as_str()
            .is_some_and(|version| version.starts_with("10.11.")),
        "details {database}"
    );
    Ok(())
}

/// The routing table of the edge, seen from outside.
pub(crate) fn edge_routes(stack: &Stack) -> Result<()> {
    stack.write_page("hello.php", "<?php echo 'hello ', PHP_VERSION, ' ', PHP_SAPI;")?;
    stack.write_page(".secret", "not for anybody")?;
    let hello = stack.get("/hello.php")?;
    ensure!(
        hello.status == 200 && hello.body.starts_with("hello 8.2."),
        "PHP page: {hello:?}"
    );
    let page = stack.get("/")?;
    ensure!(
        page.status == 200 && page.body.contains("QClock"),
        "front page: {}",
        page.status
    );
    for (path, allowed) in [
        ("/metrics", &[404][..]),
        ("/.secret", &[403, 404]),
        ("/server-status", &[403, 404]),
        ("/fpm-status", &[403, 404]),
        ("/probe", &[403, 404]),
        ("/no-such-page", &[404]),
        ("/../etc/passwd", &[400, 403, 404]),
    ] {
        let status = stack.get(path)?.status;
        ensure!(allowed.contains(&status), "{path} answered {status}");
    }
    let trace = client::request("TRACE", &stack.url("/"), &[], Duration::from_secs(5))?;
    ensure!(matches!(trace.status, 403 | 405), "TRACE answered {}", trace.status);
    let server = page.header("server").unwrap_or_default();
    ensure!(!server.contains('/'), "the Server header tells a version: {server}");
    ensure!(
        page.header("content-security-policy").is_some(),
        "no content security policy: {:?}",
        page.headers
    );
    let metrics = client::get(&stack.noc_url("/metrics"), Duration::from_secs(5))?;
    ensure!(
        metrics.status == 200 && metrics.body.contains("qclock_check_state"),
        "metrics: {}",
        metrics.status
    );
    Ok(())
}

/// Every line that the containers wrote is a JSON object with a time, and none holds a password.
pub(crate) fn logs(stack: &Stack) -> Result<()> {
    logs_hold_no_secret(stack)?;
    // The container may be younger than the requests of earlier scenarios.
    stack.get("/hello.php")?;
    wait_for(
        "the request for /hello.php is in the log",
        Duration::from_secs(10),
        || {
            let access = stack.logs("app").map_err(|error| format!("{error:#}"))?;
            let seen = access.lines().any(|line| line.contains("/hello.php"));
            if seen { Ok(()) } else { Err("not in it".to_owned()) }
        },
    )?;
    Ok(())
}

/// Every line of every service is one JSON object, and none of this stack's passwords is in any.
pub(crate) fn logs_hold_no_secret(stack: &Stack) -> Result<()> {
    let mut secrets = Vec::new();
    for entry in fs_err::read_dir(stack.folder().join("secrets"))? {
        secrets.push(fs_err::read_to_string(entry?.path())?.trim().to_owned());
    }
    ensure!(
        secrets.len() >= 3,
        "expected at least three secrets, found {}",
        secrets.len()
    );
    // A stack may have been told to leave services out.
    let services = stack.compose(&["ps", "--all", "--services"])?;
    for service in ["app", "db", "dashboard"] {
        ensure!(
            services.lines().any(|line| line == service),
            "{service} is not among {services}"
        );
    }
    for service in services.lines() {
        let text = stack.logs(service)?;
        ensure!(text.lines().count() > 0, "{service} logs nothing");
        for line in text.lines() {
            let value: Value = serde_json::from_str(line).with_context(|| format!("{service}: not JSON: {line}"))?;
            ensure!(
                value["@timestamp"].is_string() && value["message"].is_string(),
                "{service}: {line}"
            );
            ensure!(
                secrets.iter().all(|secret| !line.contains(secret)),
                "{service} logs a secret"
            );
        }
    }
    Ok(())
}

fn details<'a>(status: &'a Value, id: &str) -> Result<&'a Value> {
    let checks = status["checks"].as_array().context("checks")?;
    let check = checks
        .iter()
        .find(|check| check["id"] == id)
        .with_context(|| format!("no check {id}"))?;
    Ok(&check["details"])
}
