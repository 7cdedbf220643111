//! Who asks: by the cookie, and as far as the provider still stands by it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;

use crate::clock::Moment;
use crate::sign_in::confirmation::confirm;
use crate::sign_in::random::Ticket;
use crate::sign_in::role::Roles;
use crate::sign_in::session::Session;
use crate::web::App;
use crate::web::cookies::{self, Cookies};
use crate::web::edge::{Peer, client};

/// Who asks.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// Their session's ticket, where it is good.
    pub ticket: Option<Ticket>,
    /// Their session.
    pub session: Option<Arc<Session>>,
    /// From where.
    pub client: Option<IpAddr>,
    /// They had a session, and the provider no longer stands by it.
    pub disowned: bool,
    roles: Option<Roles>,
}

impl Visitor {
    /// Reads the session cookie.
    pub fn read(app: &App, request: &Request) -> Self {
        let peer = request.extensions().get::<Peer>().copied();
        let nobody = Self {
            client: client(request.headers(), peer),
            ..Self::default()
        };
        let Some(sign_in) = &app.sign_in else { return nobody };
        let name = Cookies::of(&sign_in.settings.public).session;
        let Some(ticket) = cookies::read(request.headers(), name).and_then(Ticket::parse) else {
            return nobody;
        };
        let now = Moment::now().steady;
        // What a page fetches by itself shows nobody's presence.
        let by_itself = matches!(request.uri().path(), "/qclock/events" | "/qclock/snapshot");
        let session = if by_itself {
            sign_in.sessions.glance(ticket.digest(), now)
        } else {
            sign_in.sessions.visit(ticket.digest(), now)
        };
        Self {
            disowned: session.is_none() && sign_in.sessions.was_disowned(ticket.digest()),
            ticket: session.is_some().then_some(ticket),
            session,
            ..nobody
        }
        .with_roles(app)
    }

    /// After the provider was asked whether it stands by them, if it was time to.
    pub async fn confirmed(self, app: &App) -> Self {
        let (Some(sign_in), Some(ticket), Some(session)) = (&app.sign_in, &self.ticket, &self.session) else {
            return self;
        };
        let ticket = ticket.digest();
        confirm(sign_in, ticket, session).await;
        if sign_in.sessions.glance(ticket, Moment::now().steady).is_some() {
            return self.with_roles(app);
        }
        Self {
            disowned: sign_in.sessions.was_disowned(ticket),
            client: self.client,
            ..Self::default()
        }
    }

    /// What they may do.
    pub fn roles(&self) -> Option<Roles> {
        self.roles
    }

    fn with_roles(mut self, app: &App) -> Self {
        let unchecked = app.sign_in.as_ref().map(|sign_in| sign_in.settings.limits.unchecked);
        let session = self.session.as_ref().zip(unchecked);
        self.roles = session.map(|(session, unchecked)| session.standing.roles_at(Moment::now().steady, unchecked));
        self
    }
}
