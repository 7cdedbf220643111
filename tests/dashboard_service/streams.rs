//! The event stream: a snapshot at once, changes at once, a sign of life in between, and no more readers than there may be.

use std::time::Duration;

use tokio::time::Instant;

use crate::Stage;
use crate::browser::{Events, get};

#[tokio::test]
async fn a_reader_gets_a_snapshot_then_changes_then_signs_of_life() {
    let stage = Stage::start().await;
    stage.all_well().await;
    let mut events = Events::open(stage.address(), "/qclock/events?lang=fr").await;
    let (kind, view) = events.next().await.unwrap();
    assert_eq!(kind, "snapshot");
    assert_eq!(
        (view["state"].as_str(), view["verdict"].as_str()),
        (Some("operational"), Some("Tout est opérationnel"))
    );
    assert_eq!(view["tiles"].as_array().unwrap().len(), 7);
    stage.database.freeze(true);
    let begun = Instant::now();
    loop {
        let (kind, view) = events.next().await.unwrap();
        assert!(kind == "change" || kind == "heartbeat", "{kind}");
        if view["state"] == "down" {
            assert_eq!(view["exceptions"][0]["id"], "database");
            assert_eq!(view["changes"][0]["state"], "down");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    while events.next().await.unwrap().0 != "heartbeat" {
        assert!(begun.elapsed() < Duration::from_secs(15));
    }
}

#[tokio::test]
async fn there_are_no_more_readers_than_there_may_be() {
    let stage = Stage::start_with(&[("QCLOCK_DASHBOARD_EVENT_CLIENTS", "2")]).await;
    let mut first = Events::open(stage.address(), "/qclock/events").await;
    let second = Events::open(stage.address(), "/qclock/events").await;
    assert!(first.next().await.is_some());
    let third = get(stage.address(), "/qclock/events").await;
    assert_eq!((third.status, third.header("retry-after")), (503, Some("15")));
    drop(second);
    // Whoever leaves makes room, as soon as that is noticed: at the next thing that is sent.
    let begun = Instant::now();
    while !Events::open(stage.address(), "/qclock/events")
        .await
        .status
        .contains("200")
    {
        assert!(
            begun.elapsed() < Duration::from_secs(12),
            "the place of a reader who left is not given up"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        get(stage.address(), "/qclock/snapshot").await.json()["tiles"][0]["id"],
        "apache"
    );
}

#[tokio::test]
async fn readers_do_not_hold_up_the_end() {
    let stage = Stage::start().await;
    let mut events = Events::open(stage.address(), "/qclock/events").await;
    events.next().await.unwrap();
    let begun = Instant::now();
    stage.dashboard.end().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    while events.next().await.is_some() {}
}

#[tokio::test]
async fn a_stream_through_apache_does_not_hold_up_apache() {
    let stage = Stage::start().await;
    stage.all_well().await;
    let address = stage.address();
    let mut through = Events::open_with(address, "/qclock/events", &[("X-QClock-Edge", "1")]).await;
    let mut direct = Events::open(address, "/qclock/events").await;
    assert!(through.next().await.is_some());
    assert!(direct.next().await.is_some());
    stage.app.stop().await;
    let begun = Instant::now();
    while let Some((_, view)) = through.next().await {
        assert_ne!(view["tiles"][0]["state"], "down", "still open although Apache is down");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    while direct.next().await.unwrap().1["tiles"][0]["state"] != "down" {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
