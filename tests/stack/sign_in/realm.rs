//! The realm under test: people with generated passwords, their sessions and its keys, by Keycloak's administration interface.

use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use qclock_testkit::client::{self, Answer};
use qclock_testkit::stack::Stack;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);
const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

pub(crate) struct Realm<'a> {
    stack: &'a Stack,
}

/// Somebody who can sign in; gone from the realm when dropped.
pub(crate) struct Person<'a> {
    pub(crate) name: String,
    pub(crate) password: String,
    id: String,
    realm: &'a Realm<'a>,
}

impl<'a> Realm<'a> {
    /// With the client that `qclock realm` uses, through the edge, which lets this machine administrate.
    pub(crate) fn new(stack: &'a Stack) -> Self {
        Self { stack }
    }

    /// Makes somebody with these roles.
    pub(crate) fn person(&'a self, name: &str, roles: &[&str]) -> Result<Person<'a>> {
        let password = random()?;
        // Whoever made such a person before and did not get to take them away is not in the way.
        let name = format!("{name}-{}", &random()?[..8]);
        let person = json!({
            "username": name, "enabled": true,
            "credentials": [{ "type": "password", "value": password, "temporary": false }],
        });
        let made = self.send("POST", "/users", Some(&person))?;
        let place = made.header("location").context("no address of the new person")?;
        let id = place.rsplit('/').next().unwrap_or_default().to_owned();
        let person = Person {
            name,
            password,
            id,
            realm: self,
        };
        let mut given = Vec::new();
        for role in roles {
            given.push(self.send("GET", &format!("/roles/{role}"), None)?.json()?);
        }
        if !given.is_empty() {
            let path = format!("/users/{}/role-mappings/realm", person.id);
            self.send("POST", &path, Some(&Value::Array(given)))?;
        }
        Ok(person)
    }

    /// A new key signs from now on; the one before it is still good.
    pub(crate) fn add_key(&self) -> Result<String> {
        let realm = self.send("GET", "", None)?.json()?;
        let key = json!({
            "name": "rotated", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm["id"],
            "config": { "priority": ["200"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"], "keySize": ["2048"] },
        });
        let made = self.send("POST", "/components", Some(&key))?;
        let place = made.header("location").context("no address of the new key")?;
        Ok(place.rsplit('/').next().unwrap_or_default().to_owned())
    }

    pub(crate) fn remove_key(&self, id: &str) -> Result<()> {
        self.send("DELETE", &format!("/components/{id}"), None).map(drop)
    }

    /// The name of the key that signs.
    pub(crate) fn key(&self) -> Result<String> {
        let keys = self.send("GET", "/keys", None)?.json()?;
        Ok(keys["active"]["RS256"].as_str().context("no key")?.to_owned())
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        let authorization = format!("Bearer {}", self.token()?);
        let address = self.stack.identity_url(&format!("/auth/admin/realms/qclock{path}"));
        let headers = [JSON, ("Authorization", authorization.as_str())];
        let answer = match body {
            Some(body) => client::send(method, &address, &headers, &body.to_string(), PATIENCE)?,
            None => client::request(method, &address, &headers, PATIENCE)?,
        };
        ensure!(
            (200..300).contains(&answer.status),
            "{method} {path}: {} {}",
            answer.status,
            answer.body
        );
        Ok(answer)
    }

    fn token(&self) -> Result<String> {
        let secret = fs_err::read_to_string(self.stack.folder().join("secrets/identity_realm_secret"))?;
        let body = format!(
            "grant_type=client_credentials&client_id=qclock-realm&client_secret={}",
            secret.trim()
        );
        let address = self
            .stack
            .identity_url("/auth/realms/qclock/protocol/openid-connect/token");
        let answer = client::post(&address, &[FORM], &body, PATIENCE)?;
        ensure!(answer.status == 200, "no token: {} {}", answer.status, answer.body);
        Ok(answer.json()?["access_token"].as_str().context("no token")?.to_owned())
    }
}

impl Person<'_> {
    /// How many sessions the provider has of them.
    pub(crate) fn sessions(&self) -> Result<usize> {
        let answer = self.realm.send("GET", &format!("/users/{}/sessions", self.id), None)?;
        Ok(answer.json()?.as_array().context("no list of sessions")?.len())
    }

    /// Gives or takes a role.
    pub(crate) fn change_role(&self, role: &str, given: bool) -> Result<()> {
        let role = self.realm.send("GET", &format!("/roles/{role}"), None)?.json()?;
        let path = format!("/users/{}/role-mappings/realm", self.id);
        let method = if given { "POST" } else { "DELETE" };
        self.realm.send(method, &path, Some(&json!([role]))).map(drop)
    }

    /// The account can no longer be used.
    pub(crate) fn disable(&self) -> Result<()> {
        let path = format!("/users/{}", self.id);
        self.realm
            .send("PUT", &path, Some(&json!({ "enabled": false })))
            .map(drop)
    }

    /// The provider ends all of them, as its console and a person's own account page do.
    pub(crate) fn end_sessions(&self) -> Result<()> {
        let path = format!("/users/{}/logout", self.id);
        self.realm.send("POST", &path, Some(&json!({}))).map(drop)
    }
}

impl Drop for Person<'_> {
    fn drop(&mut self) {
        drop(self.realm.send("DELETE", &format!("/users/{}", self.id), None));
    }
}

/// 128 bits.
pub(crate) fn random() -> Result<String> {
    let mut bytes = [0; 16];
    fs_err::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
