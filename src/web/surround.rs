//! What every page has around its contents.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{SET_COOKIE, VARY};
use axum::response::{Html, IntoResponse, Response};

use crate::language::Language;
use crate::record::ImageRecord;
use crate::web::account::Account;
use crate::web::assets::{self, Asset};
use crate::web::preferences::{Preferences, Theme};

/// For the templates.
#[derive(Debug)]
pub struct Surround<'a> {
    /// The reader's language.
    pub language: Language,
    /// The theme, where one was chosen.
    pub theme: Option<&'static str>,
    /// The style sheet's address.
    pub style: String,
    /// The script's.
    pub script: String,
    /// The icon's.
    pub icon: String,
    /// The page's own.
    pub here: &'a str,
    /// Of the image.
    pub record: Option<&'a ImageRecord>,
    /// Who is signed in.
    pub account: &'a Account,
}

impl<'a> Surround<'a> {
    /// Around the page at `here`.
    pub fn new(preferences: &'a Preferences, record: Option<&'a ImageRecord>, here: &'a str) -> Self {
        Self {
            language: preferences.language,
            theme: preferences.theme.map(Theme::code),
            style: assets::path(Asset::Style),
            script: assets::path(Asset::Script),
            icon: assets::path(Asset::Icon),
            here,
            record,
            account: &preferences.account,
        }
    }

    /// The text of the two that is in the page's language.
    pub fn t(&self, en: &'static str, fr: &'static str) -> &'static str {
        self.language.pick(en, fr)
    }
}

/// Answers with a page, and keeps what the reader chose.
pub fn respond(page: &impl Template, preferences: &Preferences) -> Response {
    let Ok(html) = page.render() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = ([(VARY, "Accept-Language, Cookie")], Html(html)).into_response();
    for cookie in preferences.cookies() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
