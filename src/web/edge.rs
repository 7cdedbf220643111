//! What came through Apache is not shown what is for our own port only.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::web::errors::{Fault, fault};
use crate::web::preferences::Preferences;

/// Set by our Apache; and by any proxy that says what it is.
const MARKS: [&str; 6] = [
    "x-qclock-edge",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "forwarded",
    "via",
];

/// Answers 404 to a request that a proxy passed on.
pub async fn hide(request: Request, next: Next) -> Response {
    if came_through_proxy(request.headers()) {
        return fault(Fault::NotFound, &Preferences::read(request.uri(), request.headers())).into_response();
    }
    next.run(request).await
}

/// Whether a proxy passed this on.
pub fn came_through_proxy(headers: &HeaderMap) -> bool {
    MARKS.iter().any(|mark| headers.contains_key(*mark))
}
