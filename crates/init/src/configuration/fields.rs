//! What of a TOML value becomes which Rust value.
//!
//! Not through serde: its code for every table, key and kind of value came to a fifth of the program that is in every image.

use std::collections::BTreeMap;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::failure::closest;
use crate::logs::Format;
use crate::signal::Signal;

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// What is wrong, and where in the text.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) offset: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    fn new(offset: usize, message: String) -> Self {
        Self {
            offset,
            message,
            hint: None,
        }
    }

    fn unknown(offset: usize, thing: &str, word: &str, expected: &[&str]) -> Self {
        let listed = || expected.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>();
        let hint = match closest(word, expected.iter().copied()) {
            Some(close) => format!("did you mean `{close}`?"),
            None => format!("use one of {}", listed().join(", ")),
        };
        Self {
            offset,
            message: format!("unknown {thing} `{word}`"),
            hint: Some(hint),
        }
    }
}

/// `key` is only for messages.
pub(super) trait FromToml: Sized {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault>;
}

/// A table with none but known keys.
pub(super) struct Fields<'t> {
    table: &'t DeTable<'t>,
    offset: usize,
}

impl<'t> Fields<'t> {
    pub(super) fn of(key: &str, value: &'t Value<'_>, known: &[&str]) -> Result<Self, Fault> {
        match value.get_ref() {
            DeValue::Table(table) => Self::of_table(table, value.span().start, known),
            _ => Err(kind(key, value, "a table")),
        }
    }

    pub(super) fn of_table(table: &'t DeTable<'_>, offset: usize, known: &[&str]) -> Result<Self, Fault> {
        // The map is sorted by name; the reader of the message goes through the file from above.
        let unknown = table.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            Some(key) => Err(Fault::unknown(key.span().start, "key", key.get_ref(), known)),
            None => Ok(Self { table, offset }),
        }
    }

    pub(super) fn optional<T: FromToml>(&self, key: &str) -> Result<Option<T>, Fault> {
        let value = self.table.get(key);
        value.map(|value| T::from_toml(key, value)).transpose()
    }

    pub(super) fn required<T: FromToml>(&self, key: &str) -> Result<T, Fault> {
        let missing = || Fault::new(self.offset, format!("`{key}` is missing"));
        self.optional(key)?.ok_or_else(missing)
    }
}

fn kind(key: &str, value: &Value<'_>, wanted: &str) -> Fault {
    let found = match value.get_ref() {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Fault::new(value.span().start, format!("`{key}` is {found}, not {wanted}"))
}

fn text<'t>(key: &str, value: &'t Value<'_>) -> Result<&'t str, Fault> {
    value.get_ref().as_str().ok_or_else(|| kind(key, value, "a text"))
}

/// One of some words.
pub(super) fn word<T: Copy>(key: &str, value: &Value<'_>, words: &[(&str, T)], prefix: &str) -> Result<T, Fault> {
    let given = text(key, value)?;
    let short = given.strip_prefix(prefix).unwrap_or(given);
    let found = words.iter().find(|(word, _)| *word == short);
    found.map(|(_, meant)| *meant).ok_or_else(|| {
        let expected: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Fault::unknown(value.span().start, "value", given, &expected)
    })
}

impl<T: FromToml> FromToml for Option<T> {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        T::from_toml(key, value).map(Some)
    }
}

impl<T: FromToml> FromToml for Vec<T> {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        let list = value.get_ref().as_array().ok_or_else(|| kind(key, value, "a list"))?;
        list.iter().map(|item| T::from_toml(key, item)).collect()
    }
}

impl FromToml for BTreeMap<String, String> {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        let table = value.get_ref().as_table().ok_or_else(|| kind(key, value, "a table"))?;
        // Not collected, here and elsewhere: the standard library would sort them first, with much code for each kind of map.
        let mut texts = Self::new();
        for (name, value) in table {
            let name = name.get_ref().as_ref();
            texts.insert(String::from(name), String::from_toml(name, value)?);
        }
        Ok(texts)
    }
}

impl FromToml for String {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        text(key, value).map(str::to_owned)
    }
}

impl FromToml for PathBuf {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        text(key, value).map(Self::from)
    }
}

impl FromToml for bool {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        let found = value.get_ref().as_bool();
        found.ok_or_else(|| kind(key, value, "true or false"))
    }
}

impl FromToml for u64 {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        let DeValue::Integer(integer) = value.get_ref() else {
            return Err(kind(key, value, "an integer"));
        };
        let parsed = Self::from_str_radix(integer.as_str(), integer.radix());
        parsed.map_err(|_| out_of_range(key, value, Self::MAX))
    }
}

impl FromToml for u32 {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        let parsed = Self::try_from(u64::from_toml(key, value)?);
        parsed.map_err(|_| out_of_range(key, value, Self::MAX.into()))
    }
}

fn out_of_range(key: &str, value: &Value<'_>, largest: u64) -> Fault {
    Fault::new(value.span().start, format!("`{key}` is not between 0 and {largest}"))
}

impl FromToml for Signal {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        let words = Self::ALL.map(|signal| (signal.name(), signal));
        word(key, value, &words, "SIG")
    }
}

impl FromToml for Format {
    fn from_toml(key: &str, value: &Value<'_>) -> Result<Self, Fault> {
        let words = Self::ALL.map(|format| (format.name(), format));
        word(key, value, &words, "")
    }
}
