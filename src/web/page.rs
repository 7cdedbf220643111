//! The page: whole from the server, so that it works without a script; the script only keeps it current.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::check::Tier;
use crate::clock::Moment;
use crate::support;
use crate::view::View;
use crate::web::App;
use crate::web::account::Account;
use crate::web::preferences::Preferences;
use crate::web::surround::{Surround, respond};

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    around: Surround<'a>,
    view: View,
    tiers: Vec<Tier>,
    /// Until when the image's distribution is supported.
    support: Option<String>,
    version: &'a str,
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
    let view = View::new(&app.board.snapshot(now), preferences.language);
    let page = Page {
        around: Surround::new(&preferences, app.record.as_deref(), "/"),
        tiers: Tier::ALL
            .into_iter()
            .filter(|tier| view.tiles_of(tier).next().is_some())
            .collect(),
        view,
        support,
        version: env!("CARGO_PKG_VERSION"),
    };
    respond(&page, &preferences)
}
