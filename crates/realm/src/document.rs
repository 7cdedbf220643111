//! The realm's file: a realm's representation as Keycloak imports it, with `${NAME}` in place of what differs between installations.

use serde_json::Value;
use thiserror::Error;

use crate::compare::{Change, compare};

/// Far more than a realm without its users fills.
const LARGEST: usize = 4 << 20;

#[derive(Debug, Error)]
pub enum DocumentError {
    #[error("the realm's file has {size} bytes, more than the {LARGEST} that are read")]
    TooLarge { size: usize },
    #[error("the realm's file is not JSON")]
    Json(#[source] serde_json::Error),
    #[error("the realm's file has no text `realm`, which is the realm's name")]
    NoName,
    #[error("the realm's name `{name}` is not made of letters, digits, `-`, `_` and `.`")]
    Name { name: String },
}

/// What the realm should be.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The realm's name.
    pub name: String,
    pub(crate) representation: Value,
}

impl Desired {
    /// Reads a realm's file.  `value` gives what stands for the names that are no secrets; what it does not know stays as it is, and
    /// is a secret.
    pub fn parse(text: &str, value: impl Fn(&str) -> Option<String>) -> Result<Self, DocumentError> {
        if text.len() > LARGEST {
            return Err(DocumentError::TooLarge { size: text.len() });
        }
        let mut representation: Value = serde_json::from_str(text).map_err(DocumentError::Json)?;
        fill_in(&mut representation, &value);
        let name = representation["realm"]
            .as_str()
            .ok_or(DocumentError::NoName)?
            .to_owned();
        // It becomes a part of addresses.
        let plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(DocumentError::Name { name });
        }
        Ok(Self { name, representation })
    }

    /// How a realm differs that [`Admin::export`](crate::Admin::export) gave.
    pub fn differences(&self, actual: &Value) -> Vec<Change> {
        compare(&self.representation, actual)
    }
}

/// Replaces `${NAME}` in every text.  serde_json bounds how deep a document can be.
pub(crate) fn fill_in(value: &mut Value, known: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) if text.contains("${") => *text = filled_in(text, known),
        Value::Array(list) => list.iter_mut().for_each(|item| fill_in(item, known)),
        Value::Object(map) => map.values_mut().for_each(|item| fill_in(item, known)),
        _ => {}
    }
}

fn filled_in(text: &str, known: &impl Fn(&str) -> Option<String>) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        result.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            result.push_str("${");
            rest = after;
            continue;
        };
        match known(name) {
            Some(value) => result.push_str(&value),
            None => result.push_str(&format!("${{{name}}}")),
        }
        rest = behind;
    }
    result + rest
}

/// Names that are still to be filled in.
pub(crate) fn secrets_of(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let mut rest = text.as_str();
            while let Some((name, behind)) = rest.split_once("${").and_then(|(_, after)| after.split_once('}')) {
                names.push(name.to_owned());
                rest = behind;
            }
        }
        Value::Array(list) => list.iter().for_each(|item| secrets_of(item, names)),
        Value::Object(map) => map.values().for_each(|item| secrets_of(item, names)),
        _ => {}
    }
}

/// Whether a text holds something that is still to be filled in: nobody can compare it.
pub(crate) fn is_secret(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("${"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known(name: &str) -> Option<String> {
        (name == "URL").then(|| "http://localhost".to_owned())
    }

    #[test]
    fn what_is_known_is_filled_in_and_the_rest_is_secret() {
        let text = r#"{"realm": "bank", "clients": [{"clientId": "a", "rootUrl": "${URL}/x", "secret": "${SECRET}"}]}"#;
        let desired = Desired::parse(text, known).unwrap();
        let client = &desired.representation["clients"][0];
        assert_eq!(client["rootUrl"], "http://localhost/x");
        assert!(is_secret(&client["secret"]));
        let mut names = Vec::new();
        secrets_of(&desired.representation, &mut names);
        assert_eq!(names, ["SECRET"]);
    }

    #[test]
    fn a_name_that_would_change_an_address_is_refused() {
        for name in ["", "..", "a/b", "a b", "ä"] {
            let text = serde_json::json!({ "realm": name }).to_string();
            assert!(Desired::parse(&text, known).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn filling_in_never_fails(text in "[${}A-Z ]{0,40}") {
            let filled = filled_in(&text, &|_| None);
            prop_assert_eq!(filled, text);
        }
    }
}
