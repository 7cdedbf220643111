//! What is answered to a request that leads nowhere: a page for people, JSON under `/api/`.

use askama::Template;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::language::Language;
use crate::web::access::{self, TABLE};
use crate::web::account::Account;
use crate::web::preferences::Preferences;
use crate::web::surround::{Surround, respond};

/// What went wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// There is nothing at this address.
    NotFound,
    /// There is, and it is not to be had in this way.
    MethodNotAllowed,
    /// As many event streams are open as may be.
    Full,
    /// Not with these roles.
    Forbidden,
    /// Not now, while the provider does not confirm the roles.
    Unconfirmed,
    /// A form that is not from one of our pages.
    Foreign,
}

impl Fault {
    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Full | Self::Unconfirmed => StatusCode::SERVICE_UNAVAILABLE,
            Self::Forbidden | Self::Foreign => StatusCode::FORBIDDEN,
        }
    }

    /// The word for programs.
    pub fn key(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Full => "too_many_readers",
            Self::Forbidden => "forbidden",
            Self::Unconfirmed => "roles_unconfirmed",
            Self::Foreign => "foreign_form",
        }
    }

    fn title(self, language: Language) -> &'static str {
        match self {
            Self::NotFound => language.pick("There is nothing at this address", "Il n'y a rien à cette adresse"),
            Self::MethodNotAllowed => language.pick("This cannot be asked in this way", "Ceci ne se demande pas ainsi"),
            Self::Full => language.pick("Too many readers at once", "Trop de lecteurs à la fois"),
            Self::Forbidden => language.pick("Your roles do not include this", "Vos rôles ne comprennent pas ceci"),
            Self::Unconfirmed => language.pick(
                "The identity provider cannot confirm your roles at the moment: until it answers, you can view the status",
                "Le fournisseur d'identité ne peut confirmer vos rôles pour le moment : d'ici là, la supervision reste lisible",
            ),
            Self::Foreign => language.pick(
                "This form does not come from one of our pages",
                "Ce formulaire ne vient pas de l'une de nos pages",
            ),
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    around: Surround<'a>,
    status: u16,
    title: &'a str,
}

/// The page of a fault.
pub fn fault(fault: Fault, preferences: &Preferences) -> Response {
    let status = fault.status();
    let page = ErrorPage {
        around: Surround::new(preferences, None, "/"),
        status: status.as_u16(),
        title: fault.title(preferences.language),
    };
    let mut response = respond(&page, preferences);
    *response.status_mut() = status;
    response
}

/// The answer to an address that is not in the route table.
pub async fn not_found(uri: Uri, preferences: Preferences) -> Response {
    if uri.path().starts_with("/api/") {
        return problem(StatusCode::NOT_FOUND, "not_found");
    }
    fault(Fault::NotFound, &preferences)
}

/// The answer to a method that a route does not take.
pub async fn method_not_allowed(preferences: Preferences, request: Request) -> Response {
    let mut response = if request.uri().path().starts_with("/api/") {
        problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
    } else {
        fault(Fault::MethodNotAllowed, &preferences)
    };
    let path = request.extensions().get::<MatchedPath>();
    let rule = path.and_then(|path| TABLE.iter().find(|rule| rule.path == path.as_str()));
    let methods = rule.map_or("GET, HEAD", |rule| access::methods(rule.kind));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// The answer to a program.
pub fn problem(status: StatusCode, error: &str) -> Response {
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        format!("{{\"error\":\"{error}\"}}"),
    )
        .into_response()
}
