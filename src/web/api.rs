//! The interface for programs, and the two questions of orchestrators.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::board::{Seen, Snapshot};
use crate::clock::{Moment, rfc3339};
use crate::language::Text;
use crate::record::ImageRecord;
use crate::support;
use crate::web::App;

/// The schema of [`Status`].
pub const SCHEMA: &str = "qclock.status/1";

/// The whole document.
#[derive(Debug, Serialize)]
pub struct Status<'a> {
    schema: &'static str,
    generated_at: String,
    version: &'static str,
    flavour: Option<&'a str>,
    evaluation: Option<bool>,
    state: &'static str,
    since: Option<String>,
    checks: Vec<CheckStatus>,
    /// Of the distribution that the image is made of.
    support: Option<qclock_support::Support>,
    image: Option<&'a ImageRecord>,
}

#[derive(Debug, Serialize)]
struct CheckStatus {
    id: &'static str,
    tier: &'static str,
    state: &'static str,
    stale: bool,
    since: String,
    checked_at: Option<String>,
    latency_ms: Option<f64>,
    summary: Text,
    details: Value,
}

impl<'a> Status<'a> {
    /// The document of a snapshot.
    pub fn new(snapshot: &Snapshot, record: Option<&'a ImageRecord>) -> Self {
        Self {
            schema: SCHEMA,
            generated_at: rfc3339(snapshot.at),
            version: env!("CARGO_PKG_VERSION"),
            flavour: record.map(|record| record.flavour.as_str()),
            evaluation: record.map(|record| record.evaluation),
            state: snapshot.state().key(),
            since: snapshot.since().map(rfc3339),
            checks: (snapshot.checks.iter())
                .map(|seen| CheckStatus::new(seen, snapshot.at))
                .collect(),
            support: record.and_then(|record| support::of_image(record, snapshot.at)),
            image: record,
        }
    }
}

impl CheckStatus {
    fn new(seen: &Seen, now: jiff::Timestamp) -> Self {
        let current = &seen.current;
        let mut details = current.observation.details.clone();
        if let (Value::Object(details), Some(support)) = (&mut details, support::of_check(seen, now)) {
            details.insert("support".to_owned(), json!(support));
        }
        // Microseconds are enough, and read better than a float's tail.
        let milliseconds = |latency: std::time::Duration| (latency.as_secs_f64() * 1e6).round() / 1e3;
        Self {
            id: seen.check.id(),
            tier: seen.check.tier().id(),
            state: current.state.key(),
            stale: seen.stale,
            since: rfc3339(current.since),
            checked_at: current.checked_at.map(rfc3339),
            latency_ms: current.observation.latency.map(milliseconds),
            summary: Snapshot::summary(seen),
            details,
        }
    }
}

/// `GET /api/v1/status`: 200 for as long as the dashboard lives, whatever it says.
pub async fn status(State(app): State<App>) -> Response {
    let snapshot = app.board.snapshot(Moment::now());
    Json(Status::new(&snapshot, app.record.as_deref())).into_response()
}

/// `GET /healthz`: the dashboard lives.  What it watches has no say in this.
pub async fn healthz() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /readyz`: every check was made, and lately.
pub async fn readyz(State(app): State<App>) -> (StatusCode, Json<Value>) {
    if app.board.snapshot(Moment::now()).complete() {
        (StatusCode::OK, Json(json!({ "status": "ready" })))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "not ready" })))
    }
}
