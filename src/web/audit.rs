//! The audit page: who signed in and out here, and what the provider says happened there.

use askama::Template;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use openidconnect::url::form_urlencoded;

use crate::clock::rfc3339;
use crate::language::{Language, Text};
use crate::sign_in::SignIn;
use crate::sign_in::audit::{Action, Entry, words};
use crate::sign_in::keycloak::{Event, EventsError, Kind};
use crate::web::App;
use crate::web::account::Account;
use crate::web::preferences::Preferences;
use crate::web::surround::{Surround, respond};
use crate::web::visitor::Visitor;

/// The entries of a page.
const PAGE: usize = 50;
/// The last page that can be asked for.
const LAST: usize = 200;

/// Whose entries are shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Of {
    Dashboard,
    Provider(Kind),
}

impl Of {
    const ALL: [Self; 3] = [
        Self::Dashboard,
        Self::Provider(Kind::Users),
        Self::Provider(Kind::Changes),
    ];

    fn key(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Provider(Kind::Users) => "provider",
            Self::Provider(Kind::Changes) => "changes",
        }
    }

    fn word(self, language: Language) -> &'static str {
        match self {
            Self::Dashboard => language.pick("Dashboard", "Tableau de bord"),
            Self::Provider(Kind::Users) => language.pick("Provider: sign-ins", "Fournisseur : connexions"),
            Self::Provider(Kind::Changes) => language.pick("Provider: changes", "Fournisseur : changements"),
        }
    }
}

/// A line of the page.
struct Line {
    at: String,
    day: String,
    clock: String,
    action: String,
    good: bool,
    who: String,
    /// The name that they sign in with, where it is another one.
    account: String,
    from: String,
    about: String,
    /// Who they are for ever: names may be given anew, and two people may have one.
    subject: String,
    issuer: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage<'a> {
    around: Surround<'a>,
    of: Of,
    lines: Vec<Line>,
    trouble: Option<String>,
    number: usize,
    more: bool,
}

impl AuditPage<'_> {
    fn is(&self, of: Of) -> bool {
        self.of == of
    }
}

/// `GET /qclock/audit`.
pub async fn show(
    State(app): State<App>,
    Extension(_): Extension<Visitor>,
    preferences: Preferences,
    uri: Uri,
) -> Response {
    let Some(sign_in) = &app.sign_in else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (of, number) = asked(uri.query().unwrap_or(""));
    let language = preferences.language;
    let (lines, more, trouble) = match of {
        Of::Dashboard => {
            let (entries, more) = sign_in.trail.page((number - 1) * PAGE, PAGE);
            (
                entries.iter().map(|entry| own_line(entry, language)).collect(),
                more,
                None,
            )
        }
        Of::Provider(kind) => theirs(sign_in, kind, number, language).await,
    };
    let page = AuditPage {
        around: Surround::new(&preferences, app.record.as_deref(), "/qclock/audit"),
        of,
        lines,
        trouble,
        number,
        more: more && number < LAST,
    };
    respond(&page, &preferences)
}

async fn theirs(sign_in: &SignIn, kind: Kind, number: usize, language: Language) -> (Vec<Line>, bool, Option<String>) {
    match sign_in.events.page(kind, (number - 1) * PAGE, PAGE + 1).await {
        Ok(events) => {
            let more = events.len() > PAGE;
            (events.into_iter().take(PAGE).map(their_line).collect(), more, None)
        }
        Err(error) => (Vec::new(), false, Some(trouble(&error).get(language).to_owned())),
    }
}

fn asked(query: &str) -> (Of, usize) {
    let value = |wanted: &str| {
        form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value)
    };
    let of = value("of").and_then(|key| Of::ALL.into_iter().find(|of| of.key() == key));
    let number = value("page").and_then(|number| number.parse().ok()).unwrap_or(1);
    (of.unwrap_or(Of::Dashboard), number.clamp(1, LAST))
}

fn own_line(entry: &Entry, language: Language) -> Line {
    let identity = entry.identity.as_ref();
    let reason = entry
        .reason
        .as_deref()
        .map(|reason| words(reason).get(language).to_owned());
    let times = (entry.times > 1).then(|| format!("{} {}", entry.times, language.pick("times", "fois")));
    let roles = (!entry.roles.is_empty()).then(|| entry.roles.words().get(language).to_owned());
    let none = (entry.action == Action::RolesChanged && entry.roles.is_empty())
        .then(|| language.pick("no role", "aucun rôle").to_owned());
    Line {
        action: entry.action.word(language).to_owned(),
        good: entry.action.is_success(),
        who: identity.map(|identity| identity.name.clone()).unwrap_or_default(),
        account: identity
            .and_then(|identity| identity.account.clone().filter(|account| *account != identity.name))
            .unwrap_or_default(),
        subject: identity
            .map(|identity| qclock_probe::text::shown(&identity.subject))
            .unwrap_or_default(),
        issuer: identity.map(|identity| identity.issuer.clone()).unwrap_or_default(),
        from: entry.client.map(|client| client.to_string()).unwrap_or_default(),
        about: [roles.or(none), reason, times]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" · "),
        ..Line::at(entry.at)
    }
}

fn their_line(event: Event) -> Line {
    let about = [event.error.clone(), Some(event.about)].into_iter().flatten();
    Line {
        action: event.action,
        good: event.error.is_none(),
        subject: if event.who == event.id { String::new() } else { event.id },
        who: event.who,
        from: event.from,
        about: about.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · "),
        ..Line::at(event.at)
    }
}

impl Line {
    fn at(at: jiff::Timestamp) -> Self {
        Self {
            at: rfc3339(at),
            day: at.strftime("%Y-%m-%d").to_string(),
            clock: crate::clock::time_of_day(at),
            action: String::new(),
            good: true,
            who: String::new(),
            account: String::new(),
            from: String::new(),
            about: String::new(),
            subject: String::new(),
            issuer: String::new(),
        }
    }
}

fn trouble(error: &EventsError) -> Text {
    match error {
        EventsError::Unsupported => Text::new(
            "This provider has no events that the dashboard can read: look into its own console.",
            "Ce fournisseur n'a pas d'événements lisibles par le tableau de bord : consultez sa propre console.",
        ),
        EventsError::Forbidden => Text::new(
            "The provider does not let the dashboard read its events: its service account needs the role view-events.",
            "Le fournisseur ne laisse pas le tableau de bord lire ses événements : il faut le rôle view-events à son compte de service.",
        ),
        EventsError::Provider(error) => Text::new(
            format!("The provider does not answer at the moment ({}).", error.code()),
            format!("Le fournisseur ne répond pas pour le moment ({}).", error.code()),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_bounded() {
        assert_eq!(asked(""), (Of::Dashboard, 1));
        assert_eq!(asked("of=changes&page=3"), (Of::Provider(Kind::Changes), 3));
        assert_eq!(asked("of=%3Cscript%3E&page=0"), (Of::Dashboard, 1));
        assert_eq!(asked("page=99999999999999999999999"), (Of::Dashboard, 1));
        assert_eq!(asked("page=1000000").1, LAST);
    }
}
