//! Who is signed in, as every page shows it; and the page about it.

use askama::Template;
use axum::extract::{Extension, State};
use axum::http::Uri;
use axum::response::Response;

use crate::clock::rfc3339;
use crate::language::Language;
use crate::sign_in::role::{Role, Roles};
use crate::web::App;
use crate::web::preferences::Preferences;
use crate::web::sign_in;
use crate::web::surround::{Surround, respond};
use crate::web::visitor::Visitor;

/// What the token of our forms is derived for.
pub const FORM: &str = "qclock form";

/// Who is signed in.
#[derive(Clone, Debug, Default)]
pub enum Account {
    /// There is no signing in.
    #[default]
    Off,
    /// Nobody; this is where to.
    Out {
        /// The address of the sign-in.
        address: String,
    },
    /// Somebody.
    In {
        /// What to call them.
        name: String,
        /// What they may do.
        roles: Roles,
        /// Proves that a form is from our page.
        token: String,
    },
}

impl Account {
    /// Of whoever asks.
    pub fn new(with_sign_in: bool, visitor: &Visitor, uri: &Uri) -> Self {
        match (&visitor.session, &visitor.ticket) {
            _ if !with_sign_in => Self::Off,
            (Some(session), Some(ticket)) => Self::In {
                name: session.identity.name.clone(),
                roles: visitor.roles().unwrap_or_default(),
                token: ticket.derive(FORM),
            },
            _ => Self::Out {
                address: sign_in::address(uri.path()),
            },
        }
    }

    /// Whether they may see what is shown to those who are meant to see it: with a role, or where there is no signing in.
    pub fn sees_details(&self) -> bool {
        match self {
            Self::Off => true,
            Self::Out { .. } => false,
            Self::In { roles, .. } => roles.has(Role::Viewer),
        }
    }

    /// Whether they may see the audit page.
    pub fn sees_audit(&self) -> bool {
        matches!(self, Self::In { roles, .. } if roles.has_one_of(&[Role::Auditor, Role::Admin]))
    }

    /// The roles for people.
    pub fn roles_in(&self, language: Language) -> String {
        match self {
            Self::In { roles, .. } if !roles.is_empty() => roles.words().get(language).to_owned(),
            Self::In { .. } => language.pick("no role", "aucun rôle").to_owned(),
            _ => String::new(),
        }
    }
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    around: Surround<'a>,
    name: &'a str,
    account: Option<&'a str>,
    token: String,
    checked: Option<String>,
    check: String,
    subject: &'a str,
    issuer: &'a str,
    roles: Roles,
    begun: String,
    idle: String,
    absolute: String,
}

/// `GET /qclock/account`.
pub async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    preferences: Preferences,
) -> Response {
    let (Some(session), Some(sign_in)) = (&visitor.session, &app.sign_in) else {
        return crate::web::errors::fault(crate::web::errors::Fault::NotFound, &preferences);
    };
    let duration = |time: std::time::Duration| preferences.language.duration(time.as_secs());
    let page = AccountPage {
        around: Surround::new(&preferences, app.record.as_deref(), "/qclock/account"),
        name: &session.identity.name,
        account: session.identity.account.as_deref(),
        token: visitor
            .ticket
            .as_ref()
            .map(|ticket| ticket.derive(FORM))
            .unwrap_or_default(),
        checked: session.standing.checked().map(rfc3339),
        check: duration(sign_in.settings.limits.check),
        subject: &session.identity.subject,
        issuer: &session.identity.issuer,
        roles: visitor.roles().unwrap_or_default(),
        begun: rfc3339(session.begun),
        idle: duration(sign_in.settings.limits.idle),
        absolute: duration(sign_in.settings.limits.absolute),
    };
    respond(&page, &preferences)
}
