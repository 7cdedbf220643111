//! Faults: each is shown within seconds, nothing that is well is blamed, and each heals.

use std::time::{Duration, Instant};

use crate::{Stage, browser, check, closed_port, wait_for, watch};

const SHOWN_WITHIN: Duration = Duration::from_secs(5);
const HEALED_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test]
async fn with_everything_down_it_serves_and_says_so() {
    let (dashboard, _folder) = watch(closed_port().await, closed_port().await, &[]).await;
    let address = dashboard.address;
    wait_for(address, "apache", "down", SHOWN_WITHIN).await;
    wait_for(address, "database", "down", SHOWN_WITHIN).await;
    // What stands behind Apache cannot be asked, and that is what is said.
    for id in ["php-fpm", "php", "php-extensions", "php-pdo-mysql", "php-mysqli"] {
        let seen = check(address, id).await;
        assert_eq!(seen["state"], "unknown", "{seen}");
    }
    assert_eq!(check(address, "apache").await["summary"]["fr"], "connexion refusée");
    let page = browser::get(address, "/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("2\u{a0}down · 5\u{a0}unknown"), "{}", page.body);
    assert_eq!(browser::get(address, "/healthz").await.status, 200);
    assert_eq!(browser::get(address, "/readyz").await.status, 200);
    dashboard.end().await;
}

#[tokio::test]
async fn without_its_password_file_only_the_database_is_unknown() {
    let stage = Stage::start_with(&[("QCLOCK_MONITOR_PASSWORD_FILE", "/nonexistent")]).await;
    wait_for(stage.address(), "php", "operational", SHOWN_WITHIN).await;
    let seen = check(stage.address(), "database").await;
    assert_eq!(
        (seen["state"].as_str(), seen["latency_ms"].as_f64()),
        (Some("unknown"), None)
    );
}

#[tokio::test]
async fn a_frozen_database_is_down_and_comes_back_and_php_stays() {
    let stage = Stage::start().await;
    stage.all_well().await;
    stage.database.freeze(true);
    stage.app.set(|faults| faults.php_database_hangs = true);
    wait_for(stage.address(), "database", "down", SHOWN_WITHIN).await;
    wait_for(stage.address(), "php-pdo-mysql", "down", SHOWN_WITHIN).await;
    assert_eq!(check(stage.address(), "php").await["state"], "operational");
    assert_eq!(check(stage.address(), "php-fpm").await["state"], "operational");
    assert_eq!(
        check(stage.address(), "database").await["summary"]["en"],
        "no answer within 1.5\u{a0}s"
    );
    stage.database.freeze(false);
    stage.app.set(|faults| faults.php_database_hangs = false);
    wait_for(stage.address(), "database", "operational", HEALED_WITHIN).await;
    wait_for(stage.address(), "php-pdo-mysql", "operational", HEALED_WITHIN).await;
    // PDO and MySQLi hold one worker each, however long they hang.
    assert_eq!(stage.app.hanging.lock().unwrap().most, 2);
}

#[tokio::test]
async fn a_lost_pool_is_down_and_apache_is_not_blamed() {
    let stage = Stage::start().await;
    stage.all_well().await;
    stage.app.set(|faults| faults.fpm_gone = true);
    wait_for(stage.address(), "php-fpm", "down", SHOWN_WITHIN).await;
    wait_for(stage.address(), "php", "down", SHOWN_WITHIN).await;
    wait_for(stage.address(), "php-extensions", "unknown", SHOWN_WITHIN).await;
    assert_eq!(check(stage.address(), "apache").await["state"], "operational");
    assert_eq!(check(stage.address(), "database").await["state"], "operational");
    stage.app.set(|faults| faults.fpm_gone = false);
    wait_for(stage.address(), "php", "operational", HEALED_WITHIN).await;
}

#[tokio::test]
async fn a_pool_that_was_restarted_between_two_looks_is_noticed() {
    let stage = Stage::start().await;
    stage.all_well().await;
    stage.app.set(|faults| faults.fpm_started = Instant::now());
    wait_for(stage.address(), "php-fpm", "degraded", SHOWN_WITHIN).await;
    let summary = check(stage.address(), "php-fpm").await["summary"]["en"].to_string();
    assert!(summary.contains("restarted"), "{summary}");
    wait_for(stage.address(), "php-fpm", "operational", Duration::from_secs(25)).await;
}

#[tokio::test]
async fn a_missing_extension_is_named() {
    let stage = Stage::start().await;
    stage.app.set(|faults| faults.missing = Some("intl"));
    wait_for(stage.address(), "php-extensions", "down", SHOWN_WITHIN).await;
    let seen = check(stage.address(), "php-extensions").await;
    assert_eq!(seen["summary"]["en"], "missing: intl");
    assert_eq!(seen["details"]["critical"][3]["state"], "missing");
    assert_eq!(check(stage.address(), "php").await["state"], "operational");
}

#[tokio::test]
async fn an_application_that_goes_away_is_down_at_the_edge_and_unknown_behind() {
    let Stage {
        app,
        dashboard,
        database: _database,
        _folder,
    } = Stage::start().await;
    wait_for(dashboard.address, "php", "operational", SHOWN_WITHIN).await;
    app.stop().await;
    wait_for(dashboard.address, "apache", "down", SHOWN_WITHIN).await;
    wait_for(dashboard.address, "php", "unknown", SHOWN_WITHIN).await;
    assert_eq!(
        browser::get(dashboard.address, "/api/v1/status").await.json()["state"],
        "down"
    );
}

#[tokio::test]
async fn announced_maintenance_is_a_state_of_its_own() {
    let stage = Stage::start_with(&[("QCLOCK_DASHBOARD_MAINTENANCE", "database")]).await;
    stage.database.freeze(true);
    wait_for(stage.address(), "php", "operational", SHOWN_WITHIN).await;
    wait_for(stage.address(), "database", "maintenance", SHOWN_WITHIN).await;
}
