//! TOML files that people write: a mistake is told with its file, line and remedy.

use std::path::{Path, PathBuf};

use fs_err as fs;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::failure::{Class, Failure, closest};

/// More than any definition or lock needs; keeps a device or a mistaken path from filling the memory.
const LARGEST_DOCUMENT: u64 = 16 << 20;

#[derive(Debug, Error)]
pub enum DocumentError {
    #[error("cannot read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` is larger than {LARGEST_DOCUMENT} bytes", path.display())]
    TooLarge { path: PathBuf },
    #[error("{}:{line}: {message}", path.display())]
    Syntax {
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        message: String,
        hint: Option<String>,
    },
}

impl Failure for DocumentError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { hint, .. } => hint.clone(),
            Self::Read { .. } | Self::TooLarge { .. } => None,
        }
    }
}

/// Reads and parses; `shown` is the path as messages give it.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, shown: &Path) -> Result<(T, String), DocumentError> {
    let failed = |source| DocumentError::Read {
        path: shown.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(failed)?.len() > LARGEST_DOCUMENT {
        return Err(DocumentError::TooLarge { path: shown.to_owned() });
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    parse(&text, shown).map(|document| (document, text))
}

pub(crate) fn parse<T: DeserializeOwned>(text: &str, shown: &Path) -> Result<T, DocumentError> {
    toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map_or(1, |before| before.matches('\n').count() + 1);
        let (message, hint) = explain(error.message());
        DocumentError::Syntax {
            path: shown.to_owned(),
            line,
            message,
            hint,
        }
    })
}

/// Turns serde's "unknown field `instal`, expected one of `install`, `omit`" into a message and a suggestion.
fn explain(message: &str) -> (String, Option<String>) {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let kind = ["unknown field `", "unknown variant `"]
        .into_iter()
        .position(|start| message.starts_with(start));
    let (Some(kind), Some(unknown)) = (kind, quoted.next()) else {
        let line = message.lines().collect::<Vec<_>>().join(" ");
        return (in_words(&line).unwrap_or(line), None);
    };
    let expected: Vec<&str> = quoted.collect();
    let thing = ["key", "value"][kind];
    let hint = closest(unknown, expected.iter().copied()).map_or_else(
        || (!expected.is_empty()).then(|| format!("use one of {}", listed(&expected))),
        |close| Some(format!("did you mean `{close}`?")),
    );
    (format!("unknown {thing} `{unknown}`"), hint)
}

/// Serde speaks of fields, sequences and structs; whoever writes the file sees keys, lists and tables.
fn in_words(message: &str) -> Option<String> {
    if let Some(field) = message.strip_prefix("missing field ") {
        return Some(format!("the key {field} is missing"));
    }
    let (found, expected) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))
        .or_else(|| message.strip_prefix("invalid length "))?
        .split_once(", expected ")?;
    let found = match found {
        "sequence" => "a list",
        "map" => "a table",
        length if length.bytes().all(|byte| byte.is_ascii_digit()) => "a list",
        other => other,
    };
    let expected = match expected {
        "a sequence" => "a list",
        "a map" => "a table",
        "a boolean" => "`true` or `false`",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative, nor too large",
        other if other.starts_with("struct ") || other.starts_with("map") => "a table",
        other => other,
    };
    Some(format!("{expected} is expected here, not {found}"))
}

fn listed(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definition;

    fn error(text: &str) -> (String, Option<String>) {
        let error = parse::<Definition>(text, Path::new("images/app/image.toml")).unwrap_err();
        (error.to_string(), error.hint())
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line_and_the_right_key() {
        let (message, hint) = error("name = 'app'\ntitle = ''\ndescription = ''\n[packages.debian12]\ninstal = []\n");
        assert_eq!(message, "images/app/image.toml:5: unknown key `instal`");
        assert_eq!(hint.unwrap(), "did you mean `install`?");
    }

    #[test]
    fn a_key_that_resembles_none_lists_what_there_is() {
        let (message, hint) = error("name = 'app'\ntitle = ''\ndescription = ''\n[[link]]\nxyzzy = ''\n");
        assert_eq!(message, "images/app/image.toml:5: unknown key `xyzzy`");
        assert_eq!(hint.unwrap(), "use one of `flavours`, `path`, `target`, `replaces`");
    }

    #[test]
    fn what_serde_says_is_told_in_the_words_of_the_file() {
        let head = "name = 'app'\ntitle = ''\n";
        let table = [
            ("", "1: the key `description` is missing"),
            ("description = 5\n", "3: a string is expected here, not integer `5`"),
            (
                "description = ''\nprune = 'x'\n",
                "4: a list is expected here, not string \"x\"",
            ),
            (
                "description = ''\nrun = []\n",
                "4: a table is expected here, not a list",
            ),
            (
                "description = ''\n[run]\nports = [70000]\n",
                "5: a whole number that is not negative, nor too large is expected here, not integer `70000`",
            ),
        ];
        for (rest, expected) in table {
            assert_eq!(
                error(&format!("{head}{rest}")).0,
                format!("images/app/image.toml:{expected}")
            );
        }
    }

    #[test]
    fn a_syntax_error_has_its_line() {
        let (message, hint) = error("name = 'app'\ntitle = \n");
        assert!(message.starts_with("images/app/image.toml:2: "), "{message}");
        assert_eq!(hint, None);
    }
}
