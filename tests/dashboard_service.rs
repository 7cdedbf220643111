//! The dashboard as a whole, against fakes of what it watches: what it says of faults, and how soon; what it serves, and to whom.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "dashboard_fakes/app.rs"]
mod app;
#[path = "dashboard_fakes/browser.rs"]
#[expect(dead_code, reason = "shared with tests that need more of it")]
mod browser;
#[path = "dashboard_fakes/database.rs"]
mod database;
#[path = "dashboard_service/faults.rs"]
mod faults;
#[path = "dashboard_service/pages.rs"]
mod pages;
#[path = "dashboard_service/process.rs"]
mod process;
#[path = "dashboard_service/streams.rs"]
mod streams;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use app::App;
use database::Database;
use qclock_dashboard::configuration::Configuration;
use qclock_dashboard::log::Log;
use qclock_dashboard::run::Dashboard;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// A dashboard and the fakes that it watches.
struct Stage {
    app: App,
    database: Database,
    dashboard: Dashboard,
    _folder: TempDir,
}

impl Stage {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(more: &[(&str, &str)]) -> Self {
        let (app, database) = (App::start().await, Database::start().await);
        let (dashboard, folder) = watch(app.address, database.address, more).await;
        Self {
            app,
            database,
            dashboard,
            _folder: folder,
        }
    }

    fn address(&self) -> SocketAddr {
        self.dashboard.address
    }

    /// All checks are operational.
    async fn all_well(&self) {
        for id in [
            "apache",
            "php-fpm",
            "php",
            "php-extensions",
            "php-pdo-mysql",
            "php-mysqli",
            "database",
        ] {
            wait_for(self.address(), id, "operational", Duration::from_secs(10)).await;
        }
    }
}

/// A dashboard that watches these, with a record of an image and a password file.
async fn watch(app: SocketAddr, database: SocketAddr, more: &[(&str, &str)]) -> (Dashboard, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let configuration = Configuration::from_environment(environment(app, database, &folder, more)).unwrap();
    (Dashboard::start(configuration, Log::Nowhere).await.unwrap(), folder)
}

fn environment(
    app: SocketAddr,
    database: SocketAddr,
    folder: &TempDir,
    more: &[(&str, &str)],
) -> Vec<(OsString, OsString)> {
    let record = folder.path().join("image.json");
    let password = folder.path().join("password");
    let contents = r#"{"schema":"qclock.image/1","name":"qclock-dashboard","version":"0.1.0","flavour":"debian12","evaluation":true,
        "lock":"sha256:0123456789abcdef0123456789abcdef","created":"2026-11-22T00:00:00Z","packages":[]}"#;
    std::fs::write(&record, contents).unwrap();
    std::fs::write(&password, "a password\n").unwrap();
    let mut variables: Vec<(OsString, OsString)> = vec![
        ("QCLOCK_DASHBOARD_LISTEN".into(), "127.0.0.1:0".into()),
        ("QCLOCK_APP_STATUS_URL".into(), format!("http://{app}").into()),
        ("QCLOCK_DB_HOST".into(), database.ip().to_string().into()),
        ("QCLOCK_DB_PORT".into(), database.port().to_string().into()),
        ("QCLOCK_MONITOR_PASSWORD_FILE".into(), password.into()),
        ("QCLOCK_DASHBOARD_IMAGE_RECORD".into(), record.into()),
    ];
    variables.extend(more.iter().map(|(name, value)| (name.into(), value.into())));
    variables
}

/// A port that refuses.
async fn closed_port() -> SocketAddr {
    tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

async fn check(address: SocketAddr, id: &str) -> Value {
    let status = browser::get(address, "/api/v1/status").await;
    assert_eq!(status.status, 200);
    let status = status.json();
    status["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["id"] == id)
        .unwrap()
        .clone()
}

/// Waits until a check is in this state; tells how long that took, and fails with the last that was seen.
async fn wait_for(address: SocketAddr, id: &str, state: &str, deadline: Duration) -> Duration {
    let begun = Instant::now();
    loop {
        let seen = check(address, id).await;
        if seen["state"] == state {
            return begun.elapsed();
        }
        assert!(
            begun.elapsed() < deadline,
            "{id} is not {state} within {deadline:?}: {seen}"
        );
        sleep(Duration::from_millis(50)).await;
    }
}
