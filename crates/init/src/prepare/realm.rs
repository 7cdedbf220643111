//! A realm's file with its names filled in: `${NAME}` within a text becomes a value, as text, whatever the value holds.
//!
//! Keycloak fills names in itself, from its environment, where everybody can read them; and a name that is missing there becomes the secret.

use serde_json::Value;
use thiserror::Error;

use crate::logs::write_string;
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
    let document: Value = serde_json::from_slice(text.as_bytes()).map_err(RealmError::Json)?;
    let filled = fill_in(text, &value)?;
    let name = document.get("realm").and_then(Value::as_str);
    let name = match name {
        Some(name) => filled_in(name, &value)?,
        None => return Err(RealmError::NoName),
    };
    if !is_name(&name) {
        return Err(RealmError::NoName);
    }
    Ok(Rendered { name, text: filled })
}

/// It becomes the name of a file.
fn is_name(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    !name.is_empty() && name.len() <= 64 && name.chars().all(plain)
}

/// All but the texts stays byte for byte: numbers as they were written, and the order of keys.  `text` is JSON.
fn fill_in<'a>(text: &str, value: &impl Fn(&str) -> Option<&'a str>) -> Result<String, RealmError> {
    let mut filled = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('"') {
        let (before, quoted) = rest.split_at(start);
        let (quoted, behind) = quoted.split_at(length(quoted));
        filled.extend_from_slice(before.as_bytes());
        let is_key = behind.trim_start().starts_with(':');
        match serde_json::from_slice(quoted.as_bytes()).map_err(RealmError::Json)? {
            Value::String(text) if !is_key && text.contains("${") => {
                write_string(&mut filled, filled_in(&text, value)?.as_bytes());
            }
            _ => filled.extend_from_slice(quoted.as_bytes()),
        }
        rest = behind;
    }
    filled.extend_from_slice(rest.as_bytes());
    Ok(String::from_utf8_lossy(&filled).into_owned())
}

/// Of a text with its quotes.  A backslash is always followed by another character.
fn length(quoted: &str) -> usize {
    let mut bytes = quoted.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at + 1,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    quoted.len()
}

fn filled_in<'a>(text: &str, value: &impl Fn(&str) -> Option<&'a str>) -> Result<String, RealmError> {
    template::fill_in(
        text,
        || RealmError::Open,
        |name, to| {
            to.push_str(value(name).ok_or_else(|| RealmError::Unknown(name.to_owned()))?);
            Ok(())
        },
    )
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
    fn all_but_the_values_of_texts_stays_as_it_is() {
        let text = "{ \"realm\" : \"a\",\n\t\"${KEY}\" : 1.10e2, \"z\\\\\": \"\\\"${A}\\\\\", \"${A}\"\n:[\"\\u0024{A}\", \"\\u00e9\", 12345678901234567890123]}\n";
        let rendered = render(text, |name| (name == "A").then_some("\"${A}")).unwrap();
        let expected = text
            .replace("\"\\\"${A}\\\\\"", "\"\\\"\\\"${A}\\\\\"")
            .replace("\"\\u0024{A}\"", "\"\\\"${A}\"");
        assert_eq!(rendered.text, expected);
        assert!(serde_json::from_str::<Value>(&rendered.text).is_ok());
        assert_eq!(render("{\"realm\":\"${A}\"}", |_| Some("bank")).unwrap().name, "bank");
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
