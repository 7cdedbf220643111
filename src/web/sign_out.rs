//! Signing out: by the person, here and at the provider; and by the provider, behind the browser's back.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use openidconnect::url::form_urlencoded;

use crate::clock::Moment;
use crate::sign_in::SignIn;
use crate::sign_in::audit::{Action, Entry};
use crate::sign_in::provider::ProviderError;
use crate::sign_in::random::same;
use crate::web::App;
use crate::web::access::Visitor;
use crate::web::account::{Account, FORM};
use crate::web::cookies::Cookies;
use crate::web::errors::{Fault, fault, problem};
use crate::web::preferences::Preferences;
use crate::web::sign_in::see_other;
use crate::web::surround::{Surround, respond};

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage<'a> {
    around: Surround<'a>,
}

/// `POST /qclock/sign-out`.  The guard has seen that the form is from one of our pages; its token shows that it is this session's.
pub async fn sign_out(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    mut preferences: Preferences,
    body: Bytes,
) -> Response {
    let Some(sign_in) = &app.sign_in else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (Some(ticket), Some(session)) = (&visitor.ticket, &visitor.session) else {
        return see_other("/");
    };
    let token = field(&body, "token").unwrap_or_default();
    if !same(&token, &ticket.derive(FORM)) {
        let entry = Entry::new(Moment::now().wall, Action::ForgeryRefused, visitor.client);
        sign_in
            .trail
            .note(entry.about(&session.identity, session.roles).because("form-token"));
        return fault(Fault::Foreign, &preferences);
    }
    sign_in.sessions.end(ticket.digest());
    let entry = Entry::new(Moment::now().wall, Action::SignOut, visitor.client);
    sign_in.trail.note(entry.about(&session.identity, session.roles));
    let mut response = if let Ok(metadata) = sign_in.provider.fresh_metadata().await {
        let address = sign_in.provider.sign_out_address(&metadata, &session.id_token);
        see_other(address.as_ref().map_or("/", |address| address.as_str()))
    } else {
        // Here it is done; there it may go on, and whoever signs out should know.
        let address = crate::web::sign_in::PATH.to_owned();
        preferences.account = Account::Out { address };
        let around = Surround::new(&preferences, app.record.as_deref(), "/");
        respond(&SignedOutPage { around }, &preferences)
    };
    let cookies = Cookies::of(&sign_in.settings.public);
    response
        .headers_mut()
        .extend(cookies.take(cookies.session).map(|cookie| (SET_COOKIE, cookie)));
    response
}

/// `POST /qclock/sign-out/back-channel`: OpenID Connect Back-Channel Logout 1.0 §2.5 and §2.8.
pub async fn back_channel(State(app): State<App>, Extension(visitor): Extension<Visitor>, body: Bytes) -> Response {
    let Some(sign_in) = &app.sign_in else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match end_by_token(sign_in, &body).await {
        Ok(ended) => {
            for session in ended {
                let entry = Entry::new(Moment::now().wall, Action::SignOutByProvider, None);
                sign_in.trail.note(entry.about(&session.identity, session.roles));
            }
            StatusCode::OK.into_response()
        }
        Err(error) => {
            let entry = Entry::new(Moment::now().wall, Action::SignOutRefused, visitor.client);
            sign_in.trail.note(entry.because(error.code()));
            let status = if error.is_outage() {
                StatusCode::SERVICE_UNAVAILABLE
            } else {
                StatusCode::BAD_REQUEST
            };
            problem(status, "invalid_request")
        }
    }
}

async fn end_by_token(
    sign_in: &SignIn,
    body: &[u8],
) -> Result<Vec<std::sync::Arc<crate::sign_in::session::Session>>, ProviderError> {
    let raw = field(body, "logout_token").ok_or(ProviderError::Answer)?;
    let token = sign_in.provider.check_logout_token(&raw).await?;
    sign_in.replays.note(&token.id, Moment::now().steady)?;
    let issuer = sign_in.settings.issuer.as_str();
    Ok(sign_in
        .sessions
        .end_all(issuer, token.sid.as_deref(), token.subject.as_deref()))
}

fn field(body: &[u8], name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(body).filter(|(key, _)| key == name);
    let value = fields.next()?.1.into_owned();
    fields.next().is_none().then_some(value)
}
