//! Signing out: by the person, here and at the provider; and by the provider, behind the browser's back.

use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use openidconnect::url::form_urlencoded;
use qclock_probe::secret::Secret;

use crate::clock::Moment;
use crate::sign_in::SignIn;
use crate::sign_in::audit::{Action, Entry};
use crate::sign_in::confirmation;
use crate::sign_in::provider::ProviderError;
use crate::sign_in::random::{Ticket, same};
use crate::sign_in::session::Session;
use crate::web::App;
use crate::web::account::{Account, FORM};
use crate::web::cookies::Cookies;
use crate::web::errors::{Fault, fault, problem};
use crate::web::preferences::Preferences;
use crate::web::sign_in::see_other;
use crate::web::surround::{Surround, respond};
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage<'a> {
    around: Surround<'a>,
    /// Where one's own session at the provider ends, where it answers.
    address: Option<String>,
}

/// `POST /qclock/sign-out`.  The guard has seen that the form is from one of our pages; its token shows that it is this session's.
pub async fn sign_out(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    preferences: Preferences,
    body: Bytes,
) -> Response {
    let Some(sign_in) = &app.sign_in else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (ticket, session) = match proven(sign_in, &visitor, &preferences, &body) {
        Ok(known) => known,
        Err(response) => return *response,
    };
    sign_in.sessions.end(ticket.digest());
    let entry = Entry::new(Moment::now().wall, Action::SignOut, visitor.client);
    sign_in
        .trail
        .note(entry.about(&session.identity, session.standing.roles()));
    leave(&app, sign_in, &session, preferences, true).await
}

/// `POST /qclock/sign-out/everywhere`: all of this person's sessions, here at once, and then at the provider as far as it lets us.
pub async fn everywhere(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    preferences: Preferences,
    body: Bytes,
) -> Response {
    let Some(sign_in) = &app.sign_in else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (ticket, session) = match proven(sign_in, &visitor, &preferences, &body) {
        Ok(known) => known,
        Err(response) => return *response,
    };
    let identity = &session.identity;
    let ended = sign_in
        .sessions
        .end_all(&identity.issuer, None, Some(&identity.subject));
    let entry = Entry::new(Moment::now().wall, Action::SignOutEverywhere, visitor.client);
    let entry = entry.about(identity, session.standing.roles());
    sign_in.trail.note(entry.because(format!("sessions: {}", ended.len())));
    let others = ended.iter().filter(|other| !Arc::ptr_eq(other, &session));
    let others: Vec<Secret> = others.filter_map(|other| other.standing.refresh_token()).collect();
    // As with any question by this token, it is finished whether the browser waits or not.
    let asking = tokio::spawn({
        let (sign_in, session) = (Arc::clone(sign_in), Arc::clone(&session));
        async move {
            let turn = session.standing.asking.lock().await;
            let renewal = confirmation::ask(&sign_in, ticket.digest(), &session).await;
            drop(turn);
            let access = renewal.map(|renewal| renewal.access_token);
            sign_in.provider.end_others(access.as_ref(), &others).await
        }
    });
    let done = matches!(asking.await, Ok(Ok(())));
    leave(&app, sign_in, &session, preferences, done).await
}

/// The session of a form that it belongs to.
fn proven(
    sign_in: &SignIn,
    visitor: &Visitor,
    preferences: &Preferences,
    body: &[u8],
) -> Result<(Ticket, Arc<Session>), Box<Response>> {
    let (Some(ticket), Some(session)) = (&visitor.ticket, &visitor.session) else {
        return Err(Box::new(see_other("/")));
    };
    let token = field(body, "token").unwrap_or_default();
    if same(&token, &ticket.derive(FORM)) {
        return Ok((ticket.clone(), Arc::clone(session)));
    }
    let entry = Entry::new(Moment::now().wall, Action::ForgeryRefused, visitor.client);
    let entry = entry.about(&session.identity, session.standing.roles());
    sign_in.trail.note(entry.because("form-token"));
    Err(Box::new(fault(Fault::Foreign, preferences)))
}

/// Sends a browser to the provider, to end its session there, too.  Where that, or what was to be done before, is not possible, it is done
/// here and may go on there: whoever signs out should know.
async fn leave(app: &App, sign_in: &SignIn, session: &Session, mut preferences: Preferences, done: bool) -> Response {
    let metadata = sign_in.provider.fresh_metadata().await.ok();
    let answers = metadata.is_some();
    let id_token = session.standing.id_token();
    let address = metadata.and_then(|metadata| sign_in.provider.sign_out_address(&metadata, &id_token));
    let mut response = if answers && done {
        see_other(address.as_ref().map_or("/", |address| address.as_str()))
    } else {
        let out = crate::web::sign_in::PATH.to_owned();
        preferences.account = Account::Out { address: out };
        let page = SignedOutPage {
            around: Surround::new(&preferences, app.record.as_deref(), "/"),
            address: address.map(String::from),
        };
        respond(&page, &preferences)
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
                sign_in
                    .trail
                    .note(entry.about(&session.identity, session.standing.roles()));
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

async fn end_by_token(sign_in: &SignIn, body: &[u8]) -> Result<Vec<Arc<Session>>, ProviderError> {
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
