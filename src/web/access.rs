//! Who may ask for what: one table, and the one place where it is enforced.
//!
//! Every request passes [`guard`] before a handler sees it.  A route that is not in the table is not served, so none can be forgotten.

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::clock::Moment;
use crate::configuration::StatusAccess;
use crate::sign_in::SignIn;
use crate::sign_in::audit::{Action, Entry};
use crate::sign_in::role::{Role, Roles};
use crate::web::App;
use crate::web::account::Account;
use crate::web::edge::came_through_proxy;
use crate::web::errors::{Fault, fault, problem};
use crate::web::origin::comes_from_us;
use crate::web::preferences::Preferences;
use crate::web::sign_in::{Refusal, farewell};
use crate::web::visitor::Visitor;

/// What a route asks of whoever wants it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// To come by our own port and not through Apache.
    OwnPort,
    /// What the status asks: nothing, or a role, as configured.
    Status,
    /// Nothing, where there is signing in; where there is none, neither is this route.
    SignIn,
    /// The same, by our own port.
    SignInByOwnPort,
    /// To be signed in, with or without a role.
    SignedIn,
    /// One of these roles.
    OneOf(&'static [Role]),
}

/// What a route is, which decides how somebody is told no.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A page: whoever is not signed in is sent to sign in.
    Page,
    /// Something that a program asks for.
    Data,
    /// A form that changes something: it must come from our own pages.
    Form,
    /// A message of the provider's, which proves itself.
    Message,
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The route, as the router writes it.
    pub path: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it asks.
    pub need: Need,
}

const fn rule(path: &'static str, kind: Kind, need: Need) -> Rule {
    Rule { path, kind, need }
}

/// The table.  The document docs/reference/dashboard.md shows the same.
pub const TABLE: [Rule; 15] = [
    rule("/", Kind::Page, Need::Status),
    rule("/qclock/assets/{name}", Kind::Data, Need::Nothing),
    rule("/qclock/events", Kind::Data, Need::Status),
    rule("/qclock/snapshot", Kind::Data, Need::Status),
    rule("/qclock/account", Kind::Page, Need::SignedIn),
    rule("/qclock/audit", Kind::Page, Need::OneOf(&[Role::Auditor, Role::Admin])),
    rule("/qclock/sign-in", Kind::Page, Need::SignIn),
    rule("/qclock/sign-in/callback", Kind::Page, Need::SignIn),
    rule("/qclock/sign-out", Kind::Form, Need::SignIn),
    rule("/qclock/sign-out/everywhere", Kind::Form, Need::SignIn),
    rule("/qclock/sign-out/back-channel", Kind::Message, Need::SignInByOwnPort),
    rule("/api/v1/status", Kind::Data, Need::Status),
    rule("/healthz", Kind::Data, Need::Nothing),
    rule("/readyz", Kind::Data, Need::Nothing),
    rule("/metrics", Kind::Data, Need::OwnPort),
];

/// The methods of a kind, as they stand in `Allow`.
pub fn methods(kind: Kind) -> &'static str {
    match kind {
        Kind::Page | Kind::Data => "GET, HEAD",
        Kind::Form | Kind::Message => "POST",
    }
}

/// What the table is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Whether there is signing in.
    pub with_sign_in: bool,
    /// Who may see the status.
    pub status: StatusAccess,
    /// Whether a proxy passed the request on.
    pub through_proxy: bool,
    /// The roles of whoever is signed in.
    pub roles: Option<Roles>,
}

/// What the table says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Yes.
    Allowed,
    /// There is no such thing.
    Absent,
    /// Only for somebody who is signed in.
    Anonymous,
    /// Not for this one.
    Forbidden,
}

/// Asks the table.
pub fn decide(need: Need, circumstances: Circumstances) -> Decision {
    let Circumstances {
        with_sign_in,
        status,
        through_proxy,
        roles,
    } = circumstances;
    let one_of = |wanted: &[Role]| match roles {
        _ if !with_sign_in => Decision::Absent,
        None => Decision::Anonymous,
        Some(roles) if roles.has_one_of(wanted) => Decision::Allowed,
        Some(_) => Decision::Forbidden,
    };
    let present = |is_there: bool| if is_there { Decision::Allowed } else { Decision::Absent };
    match need {
        Need::Nothing => Decision::Allowed,
        Need::OwnPort => present(!through_proxy),
        Need::Status if status == StatusAccess::Public => Decision::Allowed,
        Need::Status => one_of(&[Role::Viewer]),
        Need::SignIn => present(with_sign_in),
        Need::SignInByOwnPort => present(with_sign_in && !through_proxy),
        Need::SignedIn if !with_sign_in => Decision::Absent,
        Need::SignedIn => {
            if roles.is_some() {
                Decision::Allowed
            } else {
                Decision::Anonymous
            }
        }
        Need::OneOf(wanted) => one_of(wanted),
    }
}

/// Lets a request pass, or says no.
pub async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let rule = path
        .as_ref()
        .and_then(|path| TABLE.iter().find(|rule| rule.path == path.as_str()));
    let visitor = Visitor::read(&app, &request);
    let visitor = if rule.is_some_and(|rule| is_confirmed(rule.need, app.status)) {
        visitor.confirmed(&app).await
    } else {
        visitor
    };
    let account = Account::new(app.sign_in.is_some(), &visitor, request.uri());
    request.extensions_mut().insert(account);
    request.extensions_mut().insert(visitor.clone());
    if path.is_none() {
        return next.run(request).await;
    }
    let preferences = Preferences::of(&request);
    let Some(rule) = rule else {
        return fault(Fault::NotFound, &preferences);
    };
    let mut circumstances = Circumstances {
        with_sign_in: app.sign_in.is_some(),
        status: app.status,
        through_proxy: came_through_proxy(request.headers()),
        roles: visitor.roles(),
    };
    let decision = decide(rule.need, circumstances);
    // What exists and is asked in the wrong way is the handler's to say: it changes nothing.
    if decision != Decision::Absent && !takes(rule.kind, request.method()) {
        return next.run(request).await;
    }
    if let Some(sign_in) = &app.sign_in {
        if rule.kind == Kind::Form && !comes_from_us(request.headers(), &sign_in.settings.public) {
            note(sign_in, Action::ForgeryRefused, &visitor, rule.path);
            return refuse(rule.kind, Fault::Foreign, &preferences);
        }
        if visitor.disowned && rule.kind == Kind::Page && is_confirmed(rule.need, StatusAccess::Private) {
            return farewell(sign_in, &preferences, &Refusal::Disowned);
        }
    }
    match decision {
        Decision::Allowed => next.run(request).await,
        Decision::Absent => refuse(rule.kind, Fault::NotFound, &preferences),
        Decision::Anonymous if rule.kind == Kind::Page => sign_in_first(&request),
        Decision::Anonymous => problem(StatusCode::UNAUTHORIZED, "sign_in_required"),
        Decision::Forbidden => {
            circumstances.roles = visitor.session.as_ref().map(|session| session.standing.roles());
            if decide(rule.need, circumstances) == Decision::Allowed {
                return refuse(rule.kind, Fault::Unconfirmed, &preferences);
            }
            if let Some(sign_in) = &app.sign_in {
                note(sign_in, Action::AccessRefused, &visitor, rule.path);
            }
            refuse(rule.kind, Fault::Forbidden, &preferences)
        }
    }
}

/// Whether the provider is asked, now and then, before a session is taken for what it was: where something depends on who it is.
fn is_confirmed(need: Need, status: StatusAccess) -> bool {
    match need {
        Need::SignedIn | Need::OneOf(_) => true,
        Need::Status => status == StatusAccess::Private,
        Need::Nothing | Need::OwnPort | Need::SignIn | Need::SignInByOwnPort => false,
    }
}

fn takes(kind: Kind, method: &Method) -> bool {
    methods(kind).split(", ").any(|name| name == method.as_str())
}

fn refuse(kind: Kind, what: Fault, preferences: &Preferences) -> Response {
    let mut response = match kind {
        Kind::Data | Kind::Message if what != Fault::NotFound => problem(what.status(), what.key()),
        _ => fault(what, preferences),
    };
    if what == Fault::Unconfirmed {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("10"));
    }
    response
}

fn sign_in_first(request: &Request) -> Response {
    let wanted = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let address = crate::web::sign_in::address(wanted);
    let location = HeaderValue::from_str(&address).unwrap_or(HeaderValue::from_static(crate::web::sign_in::PATH));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

fn note(sign_in: &SignIn, action: Action, visitor: &Visitor, path: &str) {
    let mut entry = Entry::new(Moment::now().wall, action, visitor.client).because(path);
    if let Some(session) = &visitor.session {
        entry = entry.about(&session.identity, session.standing.roles());
    }
    sign_in.trail.note(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each need against: nobody, no role, viewer, operator, auditor, admin.  `+` yes, `-` absent, `?` sign in first, `x` forbidden.
    fn row(need: Need, with_sign_in: bool, status: StatusAccess, through_proxy: bool) -> String {
        let roles = [None, Some(Roles::default())]
            .into_iter()
            .chain(Role::ALL.map(|role| Some(Roles::of([role]))));
        let decide = |roles| match decide(
            need,
            Circumstances {
                with_sign_in,
                status,
                through_proxy,
                roles,
            },
        ) {
            Decision::Allowed => '+',
            Decision::Absent => '-',
            Decision::Anonymous => '?',
            Decision::Forbidden => 'x',
        };
        roles.map(decide).collect()
    }

    #[test]
    fn the_table_says_what_it_should() {
        use StatusAccess::{Private, Public};
        for rule in TABLE {
            let expected = match rule.path {
                "/" | "/qclock/events" | "/qclock/snapshot" | "/api/v1/status" => ["++++++", "?x++++"],
                "/qclock/account" => ["?+++++"; 2],
                "/qclock/audit" => ["?xxx++"; 2],
                "/metrics" | "/qclock/sign-out/back-channel" => ["------"; 2],
                _ => ["++++++"; 2],
            };
            assert_eq!(
                [row(rule.need, true, Public, true), row(rule.need, true, Private, true)],
                expected,
                "{}",
                rule.path
            );
            let own_port = if expected[0] == "------" { "++++++" } else { expected[0] };
            assert_eq!(row(rule.need, true, Public, false), own_port, "{}", rule.path);
        }
    }

    #[test]
    fn without_sign_in_there_is_nothing_of_it() {
        for rule in TABLE {
            let absent = ["/qclock/a", "/qclock/sign"]
                .iter()
                .any(|start| rule.path.starts_with(start))
                && !rule.path.contains("assets");
            let expected = if absent { "------" } else { "++++++" };
            assert_eq!(
                row(rule.need, false, StatusAccess::Public, false),
                expected,
                "{}",
                rule.path
            );
        }
    }
}
