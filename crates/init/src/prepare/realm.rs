//! A realm's file with its names filled in: `${NAME}` within a text becomes a value, as text, whatever the value holds.
//!
//! Keycloak fills names in itself, from its environment, where everybody can read them; and a name that is missing there becomes the secret.

use serde_json::Value;
use thiserror::Error;

use crate::template;

/// Far more than a realm without its users fills.
const LARGEST: usize = 4 << 20;

#[derive(Debug, Error)]
pub enum RealmError {
    #[error("it has {0} bytes, more than the {LARGEST} that are read")]
    TooLarge(usize),
    #[error("it is not JSON")]
    Json(#[source] serde_json::Error),
    #[error("it has no text `realm` of letters, digits, `-` and `_`, which is the realm's name")]
    NoName,
    #[error("nothing is known to stand for `${{{0}}}`")]
    Unknown(String),
    #[error("a `${{` has no `}}` behind it")]
    Open,
}

#[derive(Debug)]
pub struct Rendered {
    pub name: String,
    pub text: String,
}

pub fn render<'a>(text: &str, value: impl Fn(&str) -> Option<&'a str>) -> Result<Rendered, RealmError> {
    if text.len() > LARGEST {
        return Err(RealmError::TooLarge(text.len()));
    }
    let mut document: Value = serde_json::from_str(text).map_err(RealmError::Json)?;
    fill_in(&mut document, &value)?;
    let name = document
        .get("realm")
        .and_then(Value::as_str)
        .filter(|name| is_name(name));
    Ok(Rendered {
        name: name.ok_or(RealmError::NoName)?.to_owned(),
        text: document.to_string(),
    })
}

/// It becomes the name of a file.
fn is_name(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    !name.is_empty() && name.len() <= 64 && name.chars().all(plain)
}

/// serde_json bounds how deep a document can be.
fn fill_in<'a>(document: &mut Value, value: &impl Fn(&str) -> Option<&'a str>) -> Result<(), RealmError> {
    match document {
        Value::String(text) if text.contains("${") => {
            *text = template::fill_in(
                text,
                || RealmError::Open,
                |name, to| {
                    to.push_str(value(name).ok_or_else(|| RealmError::Unknown(name.to_owned()))?);
                    Ok(())
                },
            )?;
            Ok(())
        }
        Value::Array(list) => list.iter_mut().try_for_each(|item| fill_in(item, value)),
        Value::Object(map) => map.values_mut().try_for_each(|item| fill_in(item, value)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_filled_in_as_text_whatever_they_hold() {
        let secret = "\"}, \"enabled\": ${URL} \\ é\u{1}";
        let value = |name: &str| match name {
            "URL" => Some("http://localhost:8080"),
            "SECRET" => Some(secret),
            _ => None,
        };
        let text =
            r#"{"realm": "bank", "clients": [{"redirectUris": ["${URL}/back"], "secret": "${SECRET}", "n": 1}]}"#;
        let rendered = render(text, value).unwrap();
        assert_eq!(rendered.name, "bank");
        let document: Value = serde_json::from_str(&rendered.text).unwrap();
        let client = &document["clients"][0];
        assert_eq!(client["redirectUris"][0], "http://localhost:8080/back");
        assert_eq!(client["secret"], secret);
        assert_eq!(client["n"], 1);
    }

    #[test]
    fn a_name_that_nothing_stands_for_is_refused() {
        for (text, expected) in [
            (
                r#"{"realm": "a", "b": "${NONE}"}"#,
                "nothing is known to stand for `${NONE}`",
            ),
            (r#"{"realm": "a", "b": "${NONE"}"#, "a `${` has no `}` behind it"),
            (
                r#"{"realm": "../a"}"#,
                "it has no text `realm` of letters, digits, `-` and `_`, which is the realm's name",
            ),
            (
                r#"{"realm": 1}"#,
                "it has no text `realm` of letters, digits, `-` and `_`, which is the realm's name",
            ),
            ("{", "it is not JSON"),
        ] {
            assert_eq!(render(text, |_| None).unwrap_err().to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn a_secret_comes_out_as_it_went_in(secret in any::<String>()) {
            let rendered = render(r#"{"realm": "a", "secret": "${S}"}"#, |_| Some(&secret)).unwrap();
            let document: Value = serde_json::from_str(&rendered.text).unwrap();
            prop_assert_eq!(document["secret"].as_str(), Some(secret.as_str()));
        }

        #[test]
        fn nothing_makes_it_panic(text in "[{}\\[\\]\"$:a, ]{0,60}") {
            drop(render(&text, |_| Some("x")));
        }
    }
}
