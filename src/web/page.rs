//! The page: whole from the server, so that it works without a script; the script only keeps it current.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{SET_COOKIE, VARY};
use axum::response::{Html, IntoResponse, Response};

use crate::check::Tier;
use crate::clock::Moment;
use crate::language::Language;
use crate::record::ImageRecord;
use crate::support;
use crate::view::View;
use crate::web::App;
use crate::web::assets::{self, Asset};
use crate::web::preferences::{Preferences, Theme};

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    language: Language,
    theme: Option<&'a str>,
    view: View,
    tiers: [Tier; 3],
    record: Option<&'a ImageRecord>,
    /// Until when the image's distribution is supported.
    support: Option<String>,
    version: &'a str,
    style: &'a str,
    script: &'a str,
    icon: &'a str,
}

impl Page<'_> {
    /// The text of the two that is in the page's language.
    fn t(&self, en: &'static str, fr: &'static str) -> &'static str {
        self.language.pick(en, fr)
    }
}

/// Renders the present knowledge.
pub async fn show(State(app): State<App>, preferences: Preferences) -> Response {
    let now = Moment::now();
    let support = (app.record.as_deref())
        .and_then(|record| support::of_image(record, now.wall))
        .map(|it| {
            format!(
                "{} {} {}",
                it.product,
                it.line,
                support::words(&it).get(preferences.language)
            )
        });
    let page = Page {
        language: preferences.language,
        theme: preferences.theme.map(Theme::code),
        view: View::new(&app.board.snapshot(now), preferences.language),
        tiers: Tier::ALL,
        record: app.record.as_deref(),
        support,
        version: env!("CARGO_PKG_VERSION"),
        style: &assets::path(Asset::Style),
        script: &assets::path(Asset::Script),
        icon: &assets::path(Asset::Icon),
    };
    let Ok(html) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = ([(VARY, "Accept-Language, Cookie")], Html(html)).into_response();
    for cookie in preferences.cookies() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
