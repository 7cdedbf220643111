//! From a running realm to what its file says, in few requests: the realm's settings, its roles, its clients.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::admin::{Admin, AdminError, escaped};
use crate::compare::{Change, compare, identity, overlay};
use crate::document::{Desired, fill_in, secrets_of};

#[derive(Debug, Error)]
pub enum ApplyError {
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error("`{name}` is to be made, and the secret `{secret}` of it is not known here")]
    NoSecret { name: String, secret: String },
    #[error("the composite role `{name}` is not in the realm")]
    NoRole { name: String },
}

/// What [`apply`] has done.
#[derive(Debug, Default)]
pub struct Applied {
    /// Differences that were there before.
    pub changes: Vec<Change>,
    /// Those that are still there: of kinds that have to be changed by hand, or that Keycloak does not take.
    pub remaining: Vec<Change>,
}

/// Makes the realm as its file says.  `secret` gives what stands for a name in the file when something that has a secret is made;
/// what exists keeps its own.
pub async fn apply(
    admin: &Admin,
    desired: &Desired,
    secret: impl Fn(&str) -> Option<String>,
) -> Result<Applied, ApplyError> {
    let wanted = &desired.representation;
    let actual = admin.export().await?;
    let changes = compare(wanted, &actual);
    let touched = Touched::of(&changes);
    settings(admin, wanted, &actual, &touched).await?;
    roles(admin, wanted, &actual, &touched).await?;
    clients(admin, wanted, &actual, &touched, &secret).await?;
    let remaining = if changes.is_empty() {
        Vec::new()
    } else {
        compare(wanted, &admin.export().await?)
    };
    Ok(Applied { changes, remaining })
}

/// What differs, by what one request is about.
#[derive(Debug, Default, PartialEq, Eq)]
struct Touched {
    settings: BTreeSet<String>,
    roles: BTreeSet<String>,
    clients: BTreeSet<String>,
}

/// Have requests of their own, which are not made here.
const BY_HAND: [&str; 8] = [
    "authenticationFlows",
    "authenticatorConfig",
    "clientScopes",
    "components",
    "defaultRoles",
    "groups",
    "identityProviders",
    "requiredActions",
];

impl Touched {
    fn of(changes: &[Change]) -> Self {
        let mut touched = Self::default();
        for change in changes {
            match &change.path[..] {
                [roles, kind, name, ..] if roles == "roles" && kind == "realm" => {
                    touched.roles.insert(name.clone());
                }
                [clients, name, ..] if clients == "clients" => {
                    touched.clients.insert(name.clone());
                }
                [first, ..] if first != "roles" && first != "clients" && !BY_HAND.contains(&first.as_str()) => {
                    touched.settings.insert(first.clone());
                }
                _ => {}
            }
        }
        touched
    }
}

async fn settings(admin: &Admin, wanted: &Value, actual: &Value, touched: &Touched) -> Result<(), ApplyError> {
    if touched.settings.is_empty() {
        return Ok(());
    }
    // Keycloak leaves alone what a representation does not mention.
    let body: Map<String, Value> = (touched.settings.iter())
        .map(|key| (key.clone(), overlay(&wanted[key], actual.get(key))))
        .collect();
    admin.ask(Method::PUT, "", Some(&Value::Object(body))).await?;
    Ok(())
}

async fn roles(admin: &Admin, wanted: &Value, actual: &Value, touched: &Touched) -> Result<(), ApplyError> {
    let listed = named(&wanted["roles"]["realm"]).filter(|(name, _)| touched.roles.contains(*name));
    let listed: Vec<_> = listed.collect();
    // All of them first: one may be a part of another.
    for (name, role) in &listed {
        let plain = without(role, &["composite", "composites", "containerId", "id"]);
        match find(&actual["roles"]["realm"], name) {
            None => admin.ask(Method::POST, "/roles", Some(&plain)).await?,
            Some(have) => {
                let merged = overlay(&plain, Some(&without(have, &["composites"])));
                let path = format!("/roles/{}", escaped(name));
                admin.ask(Method::PUT, &path, Some(&merged)).await?
            }
        };
    }
    for (name, role) in &listed {
        let Some(parts) = role["composites"]["realm"].as_array() else {
            continue;
        };
        let have = find(&actual["roles"]["realm"], name).map_or(&Value::Null, |have| &have["composites"]["realm"]);
        let texts = |list: &Value| -> BTreeSet<String> {
            let list = list.as_array().into_iter().flatten();
            list.filter_map(|part| part.as_str().map(ToOwned::to_owned)).collect()
        };
        let (parts, have) = (texts(&json!(parts)), texts(have));
        let path = format!("/roles/{}/composites", escaped(name));
        for (method, names) in [
            (Method::POST, parts.difference(&have).collect::<Vec<_>>()),
            (Method::DELETE, have.difference(&parts).collect()),
        ] {
            if !names.is_empty() {
                let body = role_references(admin, &names).await?;
                admin.ask(method, &path, Some(&body)).await?;
            }
        }
    }
    Ok(())
}

async fn role_references(admin: &Admin, names: &[&String]) -> Result<Value, ApplyError> {
    let mut references = Vec::new();
    for name in names {
        let role = admin
            .ask(Method::GET, &format!("/roles/{}", escaped(name)), None)
            .await?;
        if !role["id"].is_string() {
            return Err(ApplyError::NoRole { name: (*name).clone() });
        }
        references.push(json!({"id": role["id"], "name": role["name"]}));
    }
    Ok(Value::Array(references))
}

async fn clients(
    admin: &Admin,
    wanted: &Value,
    actual: &Value,
    touched: &Touched,
    secret: &impl Fn(&str) -> Option<String>,
) -> Result<(), ApplyError> {
    for (name, client) in named(&wanted["clients"]).filter(|(name, _)| touched.clients.contains(*name)) {
        let Some(have) = find(&actual["clients"], name) else {
            let mut client = client.clone();
            fill_in(&mut client, secret);
            let mut unknown = Vec::new();
            secrets_of(&client, &mut unknown);
            if let Some(secret) = unknown.pop() {
                let name = name.to_owned();
                return Err(ApplyError::NoSecret { name, secret });
            }
            admin.ask(Method::POST, "/clients", Some(&client)).await?;
            continue;
        };
        let Some(id) = have["id"].as_str() else { continue };
        let path = format!("/clients/{}", escaped(id));
        // A representation with a masked secret would make the mask the secret.
        let hidden = ["secret", "protocolMappers"];
        let merged = overlay(&without(client, &hidden), Some(&without(have, &hidden)));
        admin.ask(Method::PUT, &path, Some(&merged)).await?;
        mappers(admin, &path, client, have).await?;
    }
    Ok(())
}

/// A client's own address does not take its mappers.
async fn mappers(admin: &Admin, client_path: &str, client: &Value, have: &Value) -> Result<(), ApplyError> {
    let path = format!("{client_path}/protocol-mappers/models");
    for (name, mapper) in named(&client["protocolMappers"]) {
        match find(&have["protocolMappers"], name) {
            None => {
                admin.ask(Method::POST, &path, Some(mapper)).await?;
            }
            Some(existing) if !compare(mapper, existing).is_empty() => {
                let id = existing["id"].as_str().unwrap_or_default();
                let merged = overlay(mapper, Some(existing));
                admin
                    .ask(Method::PUT, &format!("{path}/{}", escaped(id)), Some(&merged))
                    .await?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn named(list: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|item| Some((identity(item)?, item)))
}

fn find<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    named(list)
        .find(|(candidate, _)| *candidate == name)
        .map(|(_, item)| item)
}

fn without(value: &Value, keys: &[&str]) -> Value {
    let mut value = value.clone();
    if let Value::Object(map) = &mut value {
        map.retain(|key, _| !keys.contains(&key.as_str()));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_gathered_by_the_request_that_makes_them() {
        let change = |path: &[&str]| Change {
            path: path.iter().map(ToString::to_string).collect(),
            desired: Value::Null,
            actual: None,
        };
        let touched = Touched::of(&[
            change(&["passwordPolicy"]),
            change(&["browserSecurityHeaders", "xFrameOptions"]),
            change(&["roles", "realm", "viewer", "description"]),
            change(&["clients", "a", "redirectUris"]),
            change(&["clients", "a", "protocolMappers", "roles"]),
            change(&["components", "x"]),
        ]);
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
        assert_eq!(touched.settings, set(&["passwordPolicy", "browserSecurityHeaders"]));
        assert_eq!(touched.roles, set(&["viewer"]));
        assert_eq!(touched.clients, set(&["a"]));
    }
}
