//! `@name@` in definitions and in files that end in `.in`.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::failure::closest;

pub type Variables = BTreeMap<String, String>;

#[derive(Debug, Error, PartialEq, Eq)]
#[error("unknown variable `@{name}@`")]
pub struct UnknownVariable {
    pub name: String,
    /// The variable that was probably meant.
    pub suggestion: Option<String>,
}

/// Replaces each `@name@`, where a name is a lower-case letter followed by lower-case letters, digits and underscores.
/// Any other `@` stays.  What is put in is not looked at again.
pub fn render(text: &str, variables: &Variables) -> Result<String, UnknownVariable> {
    let mut rendered = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        rendered.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(name) = name(after) {
            rendered.push_str(variables.get(name).ok_or_else(|| UnknownVariable {
                name: name.to_owned(),
                suggestion: closest(name, variables.keys().map(String::as_str)).map(str::to_owned),
            })?);
            rest = &after[name.len() + 1..];
        } else {
            rendered.push('@');
            rest = after;
        }
    }
    rendered.push_str(rest);
    Ok(rendered)
}

/// The variable's name, when `after` goes on as `name@`.
fn name(after: &str) -> Option<&str> {
    let (name, _) = after.split_once('@')?;
    is_name(name).then_some(name)
}

pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let variables = BTreeMap::from([
            ("php".to_owned(), "8.2".to_owned()),
            ("odd".to_owned(), "@php@".to_owned()),
        ]);
        let rendered = render(text, &variables).map_err(|error| error.name);
        assert_eq!(rendered.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn names_between_ats_are_replaced_and_other_ats_stay() {
        check("/usr/sbin/php-fpm@php@ -F", Ok("/usr/sbin/php-fpm8.2 -F"));
        check(
            "GRANT ALL TO 'a'@'%'; x@example.org, y@example.org",
            Ok("GRANT ALL TO 'a'@'%'; x@example.org, y@example.org"),
        );
        check("@@php@@", Ok("@8.2@"));
        check("@odd@", Ok("@php@"));
        check("@", Ok("@"));
        check("@phq@", Err("phq"));
    }
}
