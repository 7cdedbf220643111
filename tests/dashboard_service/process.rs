//! The program: its log, its end, and what it says of a wrong configuration.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use crate::browser::Events;
use crate::{closed_port, environment};

/// Not `env!("CARGO_BIN_EXE_qclock-dashboard")`: a shell between Cargo and the compiler drops variables with a hyphen.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("qclock-dashboard")
}

#[tokio::test]
async fn it_logs_in_json_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let variables = environment(closed_port().await, closed_port().await, &folder, &[]);
    let mut program = Command::new(program())
        .env_clear()
        .envs(variables)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!(
        (&first["event.action"], &first["service.name"]),
        (&"started".into(), &"qclock-dashboard".into())
    );
    let address = first["message"]
        .as_str()
        .unwrap()
        .rsplit(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let mut events = Events::open(address, "/qclock/events").await;
    events.next().await.unwrap();

    let begun = Instant::now();
    let pid = program.id().unwrap().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .await
            .unwrap()
            .success()
    );
    let status = timeout(Duration::from_secs(5), program.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let mut last = first;
    while let Some(line) = lines.next_line().await.unwrap() {
        last = serde_json::from_str(&line).unwrap();
        assert!(last["@timestamp"].is_string() && last["message"].is_string() && last["ecs.version"].is_string());
    }
    assert_eq!(last["event.action"], "stopped");
}

/// What standard error says: records of the log, and nothing else.
fn complaints(stderr: &[u8]) -> Vec<String> {
    let lines = std::str::from_utf8(stderr).unwrap().lines();
    lines
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            assert!(record["@timestamp"].is_string() && record["service.name"] == "qclock-dashboard");
            ["log.level", "event.action", "message"]
                .map(|key| record[key].as_str().unwrap())
                .join(" ")
        })
        .collect()
}

#[tokio::test]
async fn a_wrong_configuration_is_told_whole_and_ends_with_2() {
    let output = Command::new(program())
        .env_clear()
        .env("QCLOCK_DASHBOARD_LISTEM", "0.0.0.0:8082")
        .env("QCLOCK_APP_STATUS_URL", "https://app")
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(complaints(&output.stderr).join("\n"), @"
    error configuration-refused `QCLOCK_APP_STATUS_URL` has no usable address: `https://app` does not begin with http:// (services are watched on the inner network, without TLS)
    error configuration-refused `QCLOCK_DASHBOARD_LISTEM` is not a setting of the dashboard, did you mean `QCLOCK_DASHBOARD_LISTEN`?
    ");
    assert!(output.stdout.is_empty());
}

#[tokio::test]
async fn a_port_that_is_taken_ends_with_4() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let output = Command::new(program())
        .env_clear()
        .env("QCLOCK_DASHBOARD_LISTEN", &address)
        .output()
        .await
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let complaints = complaints(&output.stderr);
    let expected = format!("error failed cannot listen on `{address}`: ");
    assert!(
        complaints[0].starts_with(&expected) && complaints.len() == 1,
        "{complaints:?}"
    );
}
