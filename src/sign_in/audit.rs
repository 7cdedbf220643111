//! What happens when people sign in and out: into the log, and the last of it kept for the audit page.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::language::{Language, Text};
use crate::log::Log;
use crate::sign_in::role::Roles;
use crate::sign_in::token::Identity;

/// How many entries are kept.
const KEPT: usize = 1000;

/// What happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Somebody signed in.
    SignIn,
    /// Somebody, or something, was not let in.
    SignInRefused,
    /// Somebody signed out.
    SignOut,
    /// The provider ended somebody's session.
    SignOutByProvider,
    /// The provider's word for that was not believed.
    SignOutRefused,
    /// Somebody asked for what is not theirs to see.
    AccessRefused,
    /// A form came from elsewhere.
    ForgeryRefused,
}

impl Action {
    /// The name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::SignInRefused => "sign-in-refused",
            Self::SignOut => "sign-out",
            Self::SignOutByProvider => "sign-out-by-provider",
            Self::SignOutRefused => "sign-out-refused",
            Self::AccessRefused => "access-refused",
            Self::ForgeryRefused => "forgery-refused",
        }
    }

    /// The name on the page.
    pub fn word(self, language: Language) -> &'static str {
        match self {
            Self::SignIn => language.pick("Sign-in", "Connexion"),
            Self::SignInRefused => language.pick("Sign-in refused", "Connexion refusée"),
            Self::SignOut => language.pick("Sign-out", "Déconnexion"),
            Self::SignOutByProvider => language.pick("Sign-out by the provider", "Déconnexion par le fournisseur"),
            Self::SignOutRefused => language.pick("Sign-out message refused", "Message de déconnexion refusé"),
            Self::AccessRefused => language.pick("Access refused", "Accès refusé"),
            Self::ForgeryRefused => language.pick("Foreign form refused", "Formulaire étranger refusé"),
        }
    }

    /// Whether it is good news.
    pub fn is_success(self) -> bool {
        matches!(self, Self::SignIn | Self::SignOut | Self::SignOutByProvider)
    }

    /// The schema's words: category and type.
    fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::SignIn => ("authentication", "start"),
            Self::SignOut | Self::SignOutByProvider => ("authentication", "end"),
            Self::SignInRefused | Self::SignOutRefused => ("authentication", "denied"),
            Self::AccessRefused | Self::ForgeryRefused => ("web", "denied"),
        }
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: Action,
    /// Who, where that is known.
    pub identity: Option<Identity>,
    /// What they may do.
    pub roles: Roles,
    /// From where.
    pub client: Option<IpAddr>,
    /// Why, in a word; for a refused access the path.
    pub reason: Option<String>,
}

impl Entry {
    /// An entry that says only what happened.
    pub fn new(at: Timestamp, action: Action, client: Option<IpAddr>) -> Self {
        Self {
            at,
            action,
            identity: None,
            roles: Roles::default(),
            client,
            reason: None,
        }
    }

    /// About somebody.
    pub fn about(mut self, identity: &Identity, roles: Roles) -> Self {
        self.identity = Some(identity.clone());
        self.roles = roles;
        self
    }

    /// For a reason.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    fn fields(&self) -> Value {
        let (category, kind) = self.action.kind();
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        put("event.action", self.action.name().into());
        put("event.category", json!([category]));
        put("event.type", json!([kind]));
        put(
            "event.outcome",
            if self.action.is_success() { "success" } else { "failure" }.into(),
        );
        if let Some(reason) = &self.reason {
            put("event.reason", reason.as_str().into());
        }
        if let Some(client) = self.client {
            put("source.ip", client.to_string().into());
        }
        if let Some(identity) = &self.identity {
            put("user.id", identity.subject.as_str().into());
            put("user.name", identity.name.as_str().into());
            put("user.domain", identity.issuer.as_str().into());
            put(
                "user.roles",
                self.roles
                    .iter()
                    .map(|role| role.name().into())
                    .collect::<Vec<Value>>()
                    .into(),
            );
        }
        Value::Object(fields)
    }

    fn message(&self) -> String {
        let who = self
            .identity
            .as_ref()
            .map_or("somebody", |identity| identity.name.as_str());
        let what = self.action.word(Language::En).to_lowercase();
        match &self.reason {
            Some(reason) => format!("{what}: {who} ({reason})"),
            None => format!("{what}: {who}"),
        }
    }
}

/// All entries.
#[derive(Debug)]
pub struct Trail {
    entries: Mutex<VecDeque<Entry>>,
    log: Log,
}

impl Trail {
    /// Nothing has happened yet.
    pub fn new(log: Log) -> Self {
        Self {
            entries: Mutex::default(),
            log,
        }
    }

    /// Writes one down.
    pub fn note(&self, entry: Entry) {
        let level = if entry.action.is_success() { "info" } else { "warning" };
        self.log.write_event(entry.at, level, &entry.message(), entry.fields());
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.truncate(KEPT - 1);
        entries.push_front(entry);
    }

    /// A page of them, newest first, and whether there are older ones.
    pub fn page(&self, first: usize, most: usize) -> (Vec<Entry>, bool) {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let page = entries.iter().skip(first).take(most).cloned().collect();
        (page, entries.len() > first.saturating_add(most))
    }
}

/// The reasons that come from us, in words; a reason of the provider's stays as it is.
pub fn words(reason: &str) -> Text {
    let (en, fr) = match reason {
        "no-role" => ("the account has no role here", "le compte n'a aucun rôle ici"),
        "unknown-state" => ("unknown, expired or used before", "inconnue, expirée ou déjà utilisée"),
        "other-browser" => ("begun in another browser", "commencée dans un autre navigateur"),
        "too-many" => ("too many attempts", "trop de tentatives"),
        _ => return Text::same(reason),
    };
    Text::new(en, fr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::role::Role;

    fn entry(action: Action) -> Entry {
        Entry::new(
            "2026-11-25T10:00:00Z".parse().unwrap(),
            action,
            Some(IpAddr::from([10, 0, 0, 7])),
        )
    }

    #[test]
    fn an_entry_has_the_schemas_fields() {
        let identity = Identity {
            issuer: "https://a".to_owned(),
            subject: "4f1c".to_owned(),
            name: "Ann".to_owned(),
        };
        let fields = entry(Action::SignIn)
            .about(&identity, Roles::of([Role::Auditor]))
            .fields();
        assert_eq!(fields["event.category"], json!(["authentication"]));
        assert_eq!(
            (&fields["event.outcome"], &fields["user.id"]),
            (&json!("success"), &json!("4f1c"))
        );
        assert_eq!(fields["user.roles"], json!(["viewer", "auditor"]));
        let refused = entry(Action::SignInRefused).because("token-signature");
        assert_eq!(
            (&refused.fields()["event.outcome"], &refused.fields()["event.reason"]),
            (&json!("failure"), &json!("token-signature"))
        );
        assert_eq!(refused.message(), "sign-in refused: somebody (token-signature)");
    }

    #[test]
    fn the_trail_is_bounded_and_comes_in_pages() {
        let trail = Trail::new(Log::Nowhere);
        for number in 0..KEPT + 20 {
            trail.note(entry(Action::SignOut).because(number.to_string()));
        }
        let (page, more) = trail.page(0, 50);
        assert_eq!((page.len(), page[0].reason.as_deref(), more), (50, Some("1019"), true));
        let (last, more) = trail.page(KEPT - 10, 50);
        assert_eq!((last.len(), more), (10, false));
    }
}
