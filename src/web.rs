//! What is served.  The route table is here; everything answers from memory.

pub mod access;
pub mod account;
pub mod api;
pub mod assets;
pub mod audit;
pub mod cookies;
pub mod edge;
pub mod errors;
pub mod events;
pub mod headers;
pub mod metrics;
pub mod origin;
pub mod page;
pub mod preferences;
pub mod sign_in;
pub mod sign_out;
pub mod surround;
pub mod visitor;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

use crate::board::Board;
use crate::configuration::StatusAccess;
use crate::frames::Frame;
use crate::record::ImageRecord;
use crate::sign_in::SignIn;

/// The most bytes of a form.
const LONGEST_BODY: usize = 32 << 10;

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
    /// Signing in, where a provider is configured.
    pub sign_in: Option<Arc<SignIn>>,
    /// Who may see the status.
    pub status: StatusAccess,
}

/// All routes; [`access::TABLE`] says for whom.  Apache passes on `/`, `/qclock/…`, `/api/v1/status`, `/healthz` and `/readyz`.
pub fn router(app: App) -> Router {
    Router::new()
        // People.
        .route("/", route(get(page::show)))
        .route("/qclock/assets/{name}", route(get(assets::serve)))
        .route("/qclock/events", route(get(events::stream)))
        .route("/qclock/snapshot", route(get(events::snapshot)))
        .route("/qclock/account", route(get(account::show)))
        .route("/qclock/audit", route(get(audit::show)))
        // Signing in and out.
        .route(sign_in::PATH, route(get(sign_in::start)))
        .route("/qclock/sign-in/callback", route(get(sign_in::callback)))
        .route("/qclock/sign-out", route(post(sign_out::sign_out)))
        .route("/qclock/sign-out/everywhere", route(post(sign_out::everywhere)))
        .route("/qclock/sign-out/back-channel", route(post(sign_out::back_channel)))
        // Programs.
        .route("/api/v1/status", route(get(api::status)))
        // Orchestrators.
        .route("/healthz", route(get(api::healthz)))
        .route("/readyz", route(get(api::readyz)))
        // Prometheus.
        .route("/metrics", route(get(metrics::show)))
        .fallback(errors::not_found)
        .layer(from_fn_with_state(app.clone(), access::guard))
        .layer(from_fn_with_state(app.clone(), headers::add))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(app)
}

fn route(methods: MethodRouter<App>) -> MethodRouter<App> {
    methods.fallback(errors::method_not_allowed)
}
