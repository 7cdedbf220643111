//! The event stream (server-sent events): a snapshot at once, then each change, and a sign of life in between.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::wrappers::WatchStream;

use crate::clock::Moment;
use crate::configuration::StatusAccess;
use crate::frames::Frame;
use crate::language::Language;
use crate::scheduler::Jitter;
use crate::sign_in::SignIn;
use crate::sign_in::confirmation::confirm;
use crate::sign_in::random::{Digest, Ticket};
use crate::sign_in::role::Role;
use crate::web::App;
use crate::web::edge::came_through_proxy;
use crate::web::errors::{Fault, fault};
use crate::web::preferences::Preferences;
use crate::web::visitor::Visitor;

/// Tells a proxy not to collect what should be passed on at once.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// Whether a stream goes on.
type Allowed = Pin<Box<dyn Future<Output = bool> + Send>>;

/// `GET /qclock/events`.  A client that has fallen behind gets the newest frame, which is whole.
///
/// A stream that came through Apache ends when Apache goes down: an Apache that stops waits for what it is passing on, and would wait
/// for this one in vain.
pub async fn stream(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    preferences: Preferences,
    headers: HeaderMap,
) -> Response {
    let Ok(permit) = Arc::clone(&app.event_permits).try_acquire_owned() else {
        let mut response = fault(Fault::Full, &preferences);
        response
            .headers_mut()
            .insert(RETRY_AFTER, axum::http::HeaderValue::from_static("15"));
        return response;
    };
    let language = preferences.language;
    let number = app.event_count.fetch_add(1, Ordering::Relaxed);
    let first = Arc::new(Frame::new(&app.board, app.frames.borrow().number, "snapshot"));
    let frames = stream::once(async move { first }).chain(WatchStream::from_changes(app.frames.clone()));
    let frames = frames.take_while(leave_a_falling_edge(came_through_proxy(&headers)));
    let frames = frames.take_while(for_as_long_as_allowed(&app, &visitor));
    let retry = retry_after(number);
    let events = frames.enumerate().map(move |(index, frame)| {
        let event = event(&frame, language);
        Ok::<_, Infallible>(if index == 0 { event.retry(retry) } else { event })
    });
    let ending = WatchStream::from_changes(app.ending.clone());
    let events = Held {
        events: Box::pin(events.take_until(ending.into_future())),
        _permit: permit,
    };
    ([UNBUFFERED], Sse::new(events)).into_response()
}

/// `GET /qclock/snapshot`: the same once, for a page that gets no stream.
pub async fn snapshot(State(app): State<App>, preferences: Preferences) -> Response {
    let frame = Frame::new(&app.board, app.frames.borrow().number, "snapshot");
    (
        [(CONTENT_TYPE, "application/json")],
        frame.json(preferences.language).to_owned(),
    )
        .into_response()
}

/// False once Apache is down after having been up, for a stream that came through it.
fn leave_a_falling_edge(through_edge: bool) -> impl FnMut(&Arc<Frame>) -> Ready<bool> {
    let mut was_up = false;
    move |frame| {
        was_up |= !frame.edge_is_down;
        ready(!(through_edge && was_up && frame.edge_is_down))
    }
}

/// False once the session has ended that opened the stream, or has no role any more, where one is needed.  The provider is asked now and
/// then, as it is for a page.
fn for_as_long_as_allowed(app: &App, visitor: &Visitor) -> impl FnMut(&Arc<Frame>) -> Allowed + use<> {
    let needed = app.sign_in.clone().filter(|_| app.status == StatusAccess::Private);
    let ticket = visitor.ticket.as_ref().map(Ticket::digest);
    move |_| {
        let needed = needed.clone();
        Box::pin(async move {
            match needed {
                None => true,
                Some(sign_in) => is_allowed(&sign_in, ticket).await,
            }
        })
    }
}

async fn is_allowed(sign_in: &Arc<SignIn>, ticket: Option<Digest>) -> bool {
    let session = || sign_in.sessions.glance(ticket?, Moment::now().steady);
    if let (Some(ticket), Some(session)) = (ticket, session()) {
        confirm(sign_in, ticket, &session).await;
    }
    session().is_some_and(|session| session.standing.roles().has(Role::Viewer))
}

fn event(frame: &Frame, language: Language) -> Event {
    Event::default()
        .event(frame.kind)
        .id(frame.number.to_string())
        .data(frame.json(language))
}

/// When everybody is thrown out at once, they do not all come back at once: two to five seconds.
fn retry_after(number: u64) -> Duration {
    Duration::from_millis(2000 + Jitter::new(number).draw() % 3000)
}

/// A stream that keeps its permit for as long as it lives.
struct Held<S> {
    events: Pin<Box<S>>,
    _permit: OwnedSemaphorePermit,
}

impl<S: Stream> Stream for Held<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.as_mut().poll_next(context)
    }
}
