//! Whether the provider still stands by a session that is used: asked now and then, once at a time, and never at the cost of the page.
//!
//! A question is finished also when the browser that caused it has gone: its answer holds the token for the next one.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::clock::Moment;
use crate::sign_in::SignIn;
use crate::sign_in::audit::{Action, Entry};
use crate::sign_in::provider::{ProviderError, Renewal};
use crate::sign_in::random::Digest;
use crate::sign_in::session::Session;

/// For how long a page waits for the answer; it comes to the next one otherwise.
const PATIENCE: Duration = Duration::from_secs(2);

/// The audit's word for a session that the provider ended.
pub const NOT_CONFIRMED: &str = "not-confirmed";
/// And what it says before the roles that somebody had.
pub const ROLES_BEFORE: &str = "roles-before: ";

/// Asks if it is time to; afterwards the session's standing says what holds, or the session is gone.
pub async fn confirm(sign_in: &Arc<SignIn>, ticket: Digest, session: &Arc<Session>) {
    if !session.standing.is_due(Moment::now().steady) {
        return;
    }
    let (sign_in, session) = (Arc::clone(sign_in), Arc::clone(session));
    let asking = tokio::spawn(async move {
        let turn = session.standing.asking.lock().await;
        // Somebody else may have asked while this one waited for its turn.
        if session.standing.is_due(Moment::now().steady) {
            drop(ask(&sign_in, ticket, &session).await);
        }
        drop(turn);
    });
    drop(timeout(PATIENCE, asking).await);
}

/// Asks at once; whoever calls holds the turn.  Nothing where the provider gave nothing to ask by, or did not stand by the session.
pub(crate) async fn ask(sign_in: &SignIn, ticket: Digest, session: &Session) -> Option<Renewal> {
    let token = session.standing.refresh_token()?;
    let subject = &session.identity.subject;
    let answer = sign_in.provider.renew(&token, session.nonce.reveal(), subject).await;
    let check = sign_in.settings.limits.check;
    let now = Moment::now();
    let renewal = match answer {
        Ok(renewal) => renewal,
        Err(ProviderError::Code(_)) => {
            disown(sign_in, ticket, session, NOT_CONFIRMED, now);
            return None;
        }
        // The provider is away, or there is something wrong between it and us: that says nothing of the person.
        Err(error) => {
            put_off(sign_in, session, &error, now);
            return None;
        }
    };
    if let Some(token) = &renewal.refresh_token {
        session.standing.rotate(token.clone());
    }
    match &renewal.person {
        Ok(told) => {
            let roles = |claims| sign_in.settings.roles.roles(claims);
            let told = told
                .as_ref()
                .map(|(person, token)| (roles(&person.claims), token.clone()));
            let before = session.standing.confirm(told, now, check);
            let after = session.standing.roles();
            if before != after {
                let entry = Entry::new(now.wall, Action::RolesChanged, None).about(&session.identity, after);
                sign_in.trail.note(entry.because(format!("{ROLES_BEFORE}{before}")));
            }
        }
        Err(ProviderError::Token(error)) => {
            disown(sign_in, ticket, session, error.code(), now);
            return None;
        }
        Err(error) => put_off(sign_in, session, error, now),
    }
    Some(renewal)
}

/// It is written down once, and of nobody, so that an outage is one line of the audit page for all who are signed in.
fn put_off(sign_in: &SignIn, session: &Session, error: &ProviderError, now: Moment) {
    if session.standing.put_off(now.steady, sign_in.settings.limits.check) {
        let entry = Entry::new(now.wall, Action::Unconfirmed, None);
        sign_in.trail.note(entry.because(error.code()));
    }
}

fn disown(sign_in: &SignIn, ticket: Digest, session: &Session, reason: &str, now: Moment) {
    if sign_in.sessions.disown(ticket, now.steady).is_some() {
        let entry = Entry::new(now.wall, Action::SignOutByProvider, None);
        sign_in
            .trail
            .note(entry.about(&session.identity, session.standing.roles()).because(reason));
    }
}
