//! The roles that there are, what each includes, and how they are read from a token's claims.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::language::{Language, Text};

/// The most names that a claim may hold; somebody in more groups than that is looked at no further.
const MOST_NAMES: usize = 512;

/// What somebody may do.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Sees the state of everything.
    Viewer,
    /// Works on it.
    Operator,
    /// Sees who did what.
    Auditor,
    /// All of these.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Auditor, Self::Admin];

    /// The name in tokens and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The name on the page.
    pub fn word(self, language: Language) -> &'static str {
        match self {
            Self::Viewer => language.pick("viewer", "lecture"),
            Self::Operator => language.pick("operator", "exploitation"),
            Self::Auditor => language.pick("auditor", "audit"),
            Self::Admin => language.pick("administrator", "administration"),
        }
    }

    /// What it includes beside itself.  A provider that has said so already does no harm.
    fn included(self) -> &'static [Self] {
        match self {
            Self::Viewer => &[],
            Self::Operator | Self::Auditor => &[Self::Viewer],
            Self::Admin => &[Self::Viewer, Self::Operator, Self::Auditor],
        }
    }
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Roles(u8);

impl Roles {
    /// These and what they include.
    pub fn of(roles: impl IntoIterator<Item = Role>) -> Self {
        let bit = |role: Role| 1 << role as u8;
        let with_included = |role: Role| std::iter::once(role).chain(role.included().iter().copied());
        Self(
            roles
                .into_iter()
                .flat_map(with_included)
                .fold(0, |bits, role| bits | bit(role)),
        )
    }

    /// Whether this one is among them.
    pub fn has(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }

    /// Whether one of these is.
    pub fn has_one_of(self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.has(*role))
    }

    /// Only these, where they are among them.
    pub fn limited_to(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.has(*role))
    }

    /// For people: those that no other one includes.
    pub fn words(self) -> Text {
        Text::each(|language| {
            let highest = self
                .iter()
                .filter(|role| !self.iter().any(|other| other.included().contains(role)));
            highest.map(|role| role.word(language)).collect::<Vec<_>>().join(", ")
        })
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.iter().map(Role::name).collect::<Vec<_>>().join(","))
    }
}

/// Where a provider puts roles, and what it calls them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RoleRule {
    /// The claim: its name, or a path with dots.
    pub claim: String,
    /// The provider's names; where there are any, only they count.
    pub names: BTreeMap<String, Role>,
}

impl RoleRule {
    /// The roles that these claims give.  Whatever is not understood gives none.
    pub fn roles(&self, claims: &Map<String, Value>) -> Roles {
        let names: Vec<&str> = match self.find(claims) {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().take(MOST_NAMES).filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        Roles::of(names.into_iter().filter_map(|name| self.role(name)))
    }

    fn role(&self, name: &str) -> Option<Role> {
        if self.names.is_empty() {
            return Role::from_name(name);
        }
        self.names.get(name).copied()
    }

    /// A claim's name may hold dots itself (`https://example.org/roles`), so the whole is tried first.
    fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        if let Some(value) = claims.get(&self.claim) {
            return Some(value);
        }
        let mut steps = self.claim.split('.');
        let first = claims.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.as_object()?.get(step))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn roles(claim: &str, names: &[(&str, Role)], claims: &Value) -> String {
        let names = names.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect();
        let claim = claim.to_owned();
        RoleRule { claim, names }.roles(claims.as_object().unwrap()).to_string()
    }

    #[test]
    fn roles_include_what_they_should() {
        assert_eq!(Roles::of([Role::Operator]).to_string(), "viewer,operator");
        assert_eq!(Roles::of([Role::Admin]).to_string(), "viewer,operator,auditor,admin");
        assert_eq!(Roles::of([Role::Admin]).words().fr, "administration");
        assert_eq!(
            Roles::of([Role::Auditor, Role::Operator]).words().en,
            "operator, auditor"
        );
        assert!(Roles::default().is_empty() && !Roles::of([Role::Auditor]).has(Role::Operator));
    }

    #[test]
    fn a_claim_is_found_by_name_or_by_path() {
        let claims = json!({
            "roles": ["auditor", "offline_access"],
            "resource_access": { "qclock-dashboard": { "roles": ["admin"] } },
            "https://example.org/roles": "viewer",
        });
        assert_eq!(roles("roles", &[], &claims), "viewer,auditor");
        assert_eq!(
            roles("resource_access.qclock-dashboard.roles", &[], &claims),
            "viewer,operator,auditor,admin"
        );
        assert_eq!(roles("https://example.org/roles", &[], &claims), "viewer");
    }

    #[test]
    fn what_is_not_understood_gives_nothing() {
        for claims in [
            json!({}),
            json!({"roles": 7}),
            json!({"roles": [["admin"], {"a": "admin"}, null]}),
            json!({"roles": "Admin"}),
        ] {
            assert_eq!(roles("roles", &[], &claims), "", "{claims}");
        }
        assert_eq!(roles("", &[], &json!({"roles": ["admin"]})), "");
        assert_eq!(roles("roles.deeper.still", &[], &json!({"roles": ["admin"]})), "");
    }

    #[test]
    fn with_a_map_only_the_map_counts() {
        let names = [("noc", Role::Operator), ("4f1c-guid", Role::Auditor)];
        assert_eq!(
            roles("groups", &names, &json!({"groups": ["noc", "admin"]})),
            "viewer,operator"
        );
        assert_eq!(roles("groups", &names, &json!({"groups": ["admin"]})), "");
    }
}
