//! What is served.  The route table is here; everything answers from memory.

pub mod api;
pub mod assets;
pub mod edge;
pub mod errors;
pub mod events;
pub mod headers;
pub mod metrics;
pub mod page;
pub mod preferences;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get};
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

use crate::board::Board;
use crate::frames::Frame;
use crate::record::ImageRecord;

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct App {
    /// The knowledge.
    pub board: Arc<Board>,
    /// The last message of the event stream.
    pub frames: watch::Receiver<Arc<Frame>>,
    /// Changes to true when the end begins.
    pub ending: watch::Receiver<bool>,
    /// One permit for each event stream that may be open.
    pub event_permits: Arc<Semaphore>,
    /// How many there are.
    pub event_clients: usize,
    /// Counts event streams, to spread their clients' returns.
    pub event_count: Arc<AtomicU64>,
    /// The record of the image that this runs in.
    pub record: Option<Arc<ImageRecord>>,
    /// When this was started.
    pub started: Timestamp,
}

/// All routes.  Apache passes on `/`, `/qclock/…`, `/api/v1/status`, `/healthz` and `/readyz`; `/metrics` answers on our own port only.
pub fn router(app: App) -> Router {
    Router::new()
        // People.
        .route("/", route(get(page::show)))
        .route("/qclock/assets/{name}", route(get(assets::serve)))
        .route("/qclock/events", route(get(events::stream)))
        .route("/qclock/snapshot", route(get(events::snapshot)))
        // Programs.
        .route("/api/v1/status", route(get(api::status)))
        // Orchestrators.
        .route("/healthz", route(get(api::healthz)))
        .route("/readyz", route(get(api::readyz)))
        // Prometheus.
        .route("/metrics", route(get(metrics::show).route_layer(from_fn(edge::hide))))
        .fallback(errors::not_found)
        .layer(from_fn(headers::add))
        .with_state(app)
}

fn route(methods: MethodRouter<App>) -> MethodRouter<App> {
    methods.fallback(errors::method_not_allowed)
}
