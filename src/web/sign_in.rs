//! Signing in: a browser is sent to the provider, and comes back.

use axum::extract::{Extension, State};
use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use openidconnect::url::form_urlencoded;

use crate::clock::Moment;
use crate::sign_in::SignIn;
use crate::sign_in::audit::{Action, Entry};
use crate::sign_in::callback::Callback;
use crate::sign_in::local_path::LocalPath;
use crate::sign_in::pending::Pending;
use crate::sign_in::provider::Grant;
use crate::sign_in::random::Ticket;
use crate::sign_in::session::Session;
use crate::sign_in::standing::Standing;
use crate::web::App;
use crate::web::cookies::{self, Cookies};
use crate::web::edge::host;
use crate::web::preferences::Preferences;
use crate::web::visitor::Visitor;

mod refusal;

pub use refusal::Refusal;

/// Where signing in begins.
pub const PATH: &str = "/qclock/sign-in";
/// Marks an address that was already led to the public one.
const LED: &str = "led";

/// Asks for the page about a session that has ended, and for no new one.
const ENDED: &str = "ended";

/// The address that begins a sign-in and returns to `path`.
pub fn address(path: &str) -> String {
    match LocalPath::parse(path).as_str() {
        "/" => PATH.to_owned(),
        path => {
            let path: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
            format!("{PATH}?return={path}")
        }
    }
}

/// `GET /qclock/sign-in`.
pub async fn start(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    preferences: Preferences,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let Some(sign_in) = &app.sign_in else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let query = uri.query().unwrap_or("");
    let wanted = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "return");
    let back_to = LocalPath::parse(wanted.as_ref().map_or("/", |(_, path)| path));
    if visitor.session.is_some() {
        return see_other(back_to.as_str());
    }
    if form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == ENDED) {
        let why = if visitor.disowned {
            Refusal::Disowned
        } else {
            Refusal::Ended
        };
        return farewell(sign_in, &preferences, &why);
    }
    // The provider sends browsers to the public address; the cookie must be there before.
    let led = form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == LED);
    let public = &sign_in.settings.public;
    if !led && host(&headers) != Some(public.authority()) {
        let path: String = form_urlencoded::byte_serialize(back_to.as_str().as_bytes()).collect();
        return see_other(&format!("{}{PATH}?{LED}=1&return={path}", public.origin()));
    }
    match begin(sign_in, &visitor, &headers, back_to).await {
        Ok(response) => response,
        Err(refusal) => refuse(sign_in, &visitor, &preferences, &refusal),
    }
}

async fn begin(
    sign_in: &SignIn,
    visitor: &Visitor,
    headers: &HeaderMap,
    back_to: LocalPath,
) -> Result<Response, Refusal> {
    let now = Moment::now().steady;
    if visitor
        .client
        .is_some_and(|client| !sign_in.throttle.allows(client, now))
    {
        return Err(Refusal::TooMany);
    }
    let metadata = sign_in.provider.fresh_metadata().await.map_err(Refusal::Provider)?;
    let draw = || Ticket::draw().map_err(|_| Refusal::NoChance);
    let cookies = Cookies::of(&sign_in.settings.public);
    // Two tabs of one browser share its mark; one that we did not give ourselves is not taken.
    let kept = cookies::read(headers, cookies.sign_in).and_then(Ticket::parse);
    let browser = match kept.filter(|mark| sign_in.pending.knows(mark.digest(), now)) {
        Some(mark) => mark,
        None => draw()?,
    };
    let (state, nonce, verifier) = (draw()?, draw()?, draw()?);
    let pending = Pending {
        nonce,
        verifier,
        browser: browser.digest(),
        back_to,
        begun: now,
    };
    let address = sign_in.provider.sign_in_address(&metadata, &state, &pending);
    sign_in.pending.add(state.digest(), pending);
    let mut response = see_other(address.as_str());
    response
        .headers_mut()
        .extend(cookies.give_sign_in(&browser).map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

/// `GET /qclock/sign-in/callback`.
pub async fn callback(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    preferences: Preferences,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let Some(sign_in) = &app.sign_in else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let cookies = Cookies::of(&sign_in.settings.public);
    match finish(sign_in, &headers, uri.query().unwrap_or("")).await {
        Ok((grant, pending)) => {
            // A session that was there before ends: nobody's ticket outlives a sign-in.
            if let Some(ticket) = &visitor.ticket {
                sign_in.sessions.end(ticket.digest());
            }
            welcome(sign_in, &visitor, &preferences, grant, pending)
        }
        Err(refusal) => {
            let mut response = refuse(sign_in, &visitor, &preferences, &refusal);
            response
                .headers_mut()
                .extend(cookies.take(cookies.sign_in).map(|cookie| (SET_COOKIE, cookie)));
            response
        }
    }
}

async fn finish(sign_in: &SignIn, headers: &HeaderMap, query: &str) -> Result<(Grant, Pending), Refusal> {
    let answer = Callback::parse(query).map_err(Refusal::Callback)?;
    let now = Moment::now().steady;
    let pending = sign_in
        .pending
        .take(answer.state.digest(), now)
        .ok_or(Refusal::UnknownState)?;
    let cookies = Cookies::of(&sign_in.settings.public);
    let mark = cookies::read(headers, cookies.sign_in).and_then(Ticket::parse);
    if mark.is_none_or(|mark| mark.digest() != pending.browser) {
        return Err(Refusal::OtherBrowser);
    }
    let announced = sign_in
        .provider
        .known_metadata()
        .is_some_and(|metadata| metadata.names_itself);
    answer
        .check_issuer(&sign_in.settings.issuer, announced)
        .map_err(Refusal::Callback)?;
    let code = answer.outcome.map_err(Refusal::Declined)?;
    let grant = sign_in
        .provider
        .redeem(code, &pending)
        .await
        .map_err(Refusal::Provider)?;
    Ok((grant, pending))
}

fn welcome(sign_in: &SignIn, visitor: &Visitor, preferences: &Preferences, grant: Grant, pending: Pending) -> Response {
    let now = Moment::now();
    let signed_in = grant.signed_in;
    let roles = sign_in.settings.roles.roles(&signed_in.claims);
    let mut entry = Entry::new(now.wall, Action::SignIn, visitor.client).about(&signed_in.identity, roles);
    let check = sign_in.settings.limits.check;
    let session = Session {
        identity: signed_in.identity,
        sid: signed_in.sid,
        nonce: pending.nonce,
        begun: now.wall,
        standing: Standing::new(roles, grant.id_token, grant.refresh_token, now, check),
    };
    let Ok(ticket) = sign_in.sessions.begin(session, now) else {
        return refuse(sign_in, visitor, preferences, &Refusal::NoChance);
    };
    if roles.is_empty() {
        entry = entry.because("no-role");
    }
    sign_in.trail.note(entry);
    let cookies = Cookies::of(&sign_in.settings.public);
    // Whoever has no role would only be refused: their account's page says why.
    let mut response = see_other(if roles.is_empty() {
        "/qclock/account"
    } else {
        pending.back_to.as_str()
    });
    let given = [cookies.give_session(&ticket), cookies.take(cookies.sign_in)];
    for cookie in given.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Tells whoever was signed in that they no longer are, and why; once, since the cookie goes with it.
pub(super) fn farewell(sign_in: &SignIn, preferences: &Preferences, why: &Refusal) -> Response {
    let mut response = why.page(preferences);
    let cookies = Cookies::of(&sign_in.settings.public);
    response
        .headers_mut()
        .extend(cookies.take(cookies.session).map(|cookie| (SET_COOKIE, cookie)));
    response
}

fn refuse(sign_in: &SignIn, visitor: &Visitor, preferences: &Preferences, refusal: &Refusal) -> Response {
    let entry = Entry::new(Moment::now().wall, Action::SignInRefused, visitor.client);
    sign_in.trail.note(entry.because(refusal.reason()));
    let mut response = refusal.page(preferences);
    if refusal.status() == StatusCode::SERVICE_UNAVAILABLE || refusal.status() == StatusCode::TOO_MANY_REQUESTS {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("10"));
    }
    response
}

/// Sends a browser elsewhere.
pub(super) fn see_other(address: &str) -> Response {
    let location = HeaderValue::from_str(address).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}
