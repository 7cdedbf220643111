//! What happens when people sign in and out: into the log, and the last of it kept for the audit page.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::clock::seconds_between;
use crate::language::{Language, Text};
use crate::log::Log;
use crate::sign_in::confirmation::ROLES_BEFORE;
use crate::sign_in::role::Roles;
use crate::sign_in::token::Identity;

/// How many entries are kept.
const KEPT: usize = 1000;
/// What strangers do again and again is counted in one entry, so that they cannot push the others out: as long as it is among so many.
const LOOKED_AT: usize = 64;
/// And began no longer ago than this, in seconds.
const COUNTED_TOGETHER: u64 = 600;

/// What happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Somebody signed in.
    SignIn,
    /// Somebody, or something, was not let in.
    SignInRefused,
    /// Somebody signed out.
    SignOut,
    /// Somebody ended all their sessions.
    SignOutEverywhere,
    /// The provider says that somebody may do more or less than before.
    RolesChanged,
    /// The provider did not say whether it stands by a session.
    Unconfirmed,
    /// The provider ended somebody's session, or no longer stands by it.
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
            Self::SignOutEverywhere => "sign-out-everywhere",
            Self::RolesChanged => "roles-changed",
            Self::Unconfirmed => "session-unconfirmed",
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
            Self::SignOutEverywhere => language.pick("Sign-out everywhere", "Déconnexion partout"),
            Self::Unconfirmed => language.pick("Session not confirmed", "Session non confirmée"),
            Self::RolesChanged => language.pick("Roles changed", "Rôles modifiés"),
            Self::SignOutByProvider => language.pick("Sign-out by the provider", "Déconnexion par le fournisseur"),
            Self::SignOutRefused => language.pick("Sign-out message refused", "Message de déconnexion refusé"),
            Self::AccessRefused => language.pick("Access refused", "Accès refusé"),
            Self::ForgeryRefused => language.pick("Foreign form refused", "Formulaire étranger refusé"),
        }
    }

    /// Whether it is good news.
    pub fn is_success(self) -> bool {
        matches!(
            self,
            Self::SignIn | Self::SignOut | Self::SignOutEverywhere | Self::RolesChanged | Self::SignOutByProvider
        )
    }

    /// The schema's words: category and type.
    fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::SignIn => ("authentication", "start"),
            Self::SignOut | Self::SignOutEverywhere | Self::SignOutByProvider => ("authentication", "end"),
            Self::RolesChanged => ("iam", "change"),
            Self::Unconfirmed => ("authentication", "info"),
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
    /// How often, the last time at `at`.
    pub times: u32,
    /// When for the first time.
    since: Timestamp,
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
            times: 1,
            since: at,
        }
    }

    /// Whether a stranger did this once more.
    fn is_again(&self, earlier: &Self) -> bool {
        let same = (&self.action, &self.client, &self.reason) == (&earlier.action, &earlier.client, &earlier.reason);
        let strangers = self.identity.is_none() && earlier.identity.is_none();
        same && strangers && seconds_between(earlier.since, self.at) < COUNTED_TOGETHER
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
            put(
                "user.name",
                identity.account.as_ref().unwrap_or(&identity.name).as_str().into(),
            );
            put("user.full_name", identity.name.as_str().into());
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

    /// Writes one down.  The log has each by itself.
    pub fn note(&self, mut entry: Entry) {
        let level = if entry.action.is_success() { "info" } else { "warning" };
        self.log.write_event(entry.at, level, &entry.message(), entry.fields());
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = entries.iter().take(LOOKED_AT).position(|other| entry.is_again(other));
        if let Some(earlier) = earlier.and_then(|place| entries.remove(place)) {
            entry.times = earlier.times.saturating_add(1);
            entry.since = earlier.since;
        }
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
    if let Some(roles) = reason.strip_prefix(ROLES_BEFORE) {
        let none = |word: &'static str| if roles.is_empty() { word } else { roles };
        return Text::new(
            format!("before: {}", none("no role")),
            format!("avant : {}", none("aucun rôle")),
        );
    }
    let (en, fr) = match reason {
        "no-role" => ("the account has no role here", "le compte n'a aucun rôle ici"),
        "unknown-state" => ("unknown, expired or used before", "inconnue, expirée ou déjà utilisée"),
        "other-browser" => ("begun in another browser", "commencée dans un autre navigateur"),
        "not-confirmed" => (
            "the provider no longer confirms it",
            "le fournisseur ne la confirme plus",
        ),
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
            account: Some("ann".to_owned()),
        };
        let fields = entry(Action::SignIn)
            .about(&identity, Roles::of([Role::Auditor]))
            .fields();
        assert_eq!(fields["event.category"], json!(["authentication"]));
        assert_eq!(
            (&fields["event.outcome"], &fields["user.id"]),
            (&json!("success"), &json!("4f1c"))
        );
        assert_eq!(
            (&fields["user.name"], &fields["user.full_name"], &fields["user.domain"]),
            (&json!("ann"), &json!("Ann"), &json!("https://a"))
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
    fn what_strangers_repeat_is_counted() {
        let trail = Trail::new(Log::Nowhere);
        let after = |seconds: i64, reason: &str| {
            let mut entry = entry(Action::SignInRefused).because(reason);
            entry.at += std::time::Duration::from_secs(seconds.unsigned_abs());
            entry.since = entry.at;
            entry
        };
        trail.note(entry(Action::SignOut));
        for second in 0..2000 {
            trail.note(after(
                second % 500,
                if second % 2 == 0 { "unknown-state" } else { "too-many" },
            ));
        }
        trail.note(after(700, "too-many"));
        let (page, _) = trail.page(0, 50);
        let seen: Vec<_> = page
            .iter()
            .map(|entry| (entry.reason.as_deref(), entry.times))
            .collect();
        assert_eq!(
            seen,
            [
                (Some("too-many"), 1),
                (Some("too-many"), 1000),
                (Some("unknown-state"), 1000),
                (None, 1)
            ]
        );
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
