//! What is answered to a request that leads nowhere: a page for people, JSON under `/api/`.

use askama::Template;
use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

use crate::language::Language;
use crate::web::assets::{self, Asset};
use crate::web::preferences::Preferences;

/// What went wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// There is nothing at this address.
    NotFound,
    /// There is, and it can only be read.
    MethodNotAllowed,
    /// As many event streams are open as may be.
    Full,
}

impl Fault {
    fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn title(self, language: Language) -> &'static str {
        match self {
            Self::NotFound => language.pick("There is nothing at this address", "Il n'y a rien à cette adresse"),
            Self::MethodNotAllowed => language.pick("This can only be read", "Ceci ne peut qu'être lu"),
            Self::Full => language.pick("Too many readers at once", "Trop de lecteurs à la fois"),
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    language: Language,
    theme: Option<&'a str>,
    style: &'a str,
    icon: &'a str,
    status: u16,
    title: &'a str,
}

/// The page of a fault.
pub fn fault(fault: Fault, preferences: &Preferences) -> Response {
    let status = fault.status();
    let page = ErrorPage {
        language: preferences.language,
        theme: preferences.theme.map(super::preferences::Theme::code),
        style: &assets::path(Asset::Style),
        icon: &assets::path(Asset::Icon),
        status: status.as_u16(),
        title: fault.title(preferences.language),
    };
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(_) => status.into_response(),
    }
}

/// The answer to an address that is not in the route table.
pub async fn not_found(uri: Uri, preferences: Preferences) -> Response {
    if uri.path().starts_with("/api/") {
        return json(StatusCode::NOT_FOUND, "not_found");
    }
    fault(Fault::NotFound, &preferences)
}

/// The answer to a method other than GET and HEAD.
pub async fn method_not_allowed(preferences: Preferences, request: Request) -> Response {
    let mut response = if request.uri().path().starts_with("/api/") {
        json(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
    } else {
        fault(Fault::MethodNotAllowed, &preferences)
    };
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

fn json(status: StatusCode, error: &str) -> Response {
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        format!("{{\"error\":\"{error}\"}}"),
    )
        .into_response()
}
