//! Variables: the ones that set limits, the ones that nobody knows, and what the children get to see.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use thiserror::Error;

use crate::configuration::Configuration;
use crate::failure::{Class, Failure, closest};
use crate::first_start::SECRET_VARIABLES;

pub const STOP_SECONDS: &str = "QCLOCK_STOP_SECONDS";
pub const STOP_DELAY_SECONDS: &str = "QCLOCK_STOP_DELAY_SECONDS";
const LONGEST_SECONDS: u64 = 3600;

#[derive(Debug, Error)]
#[error("`{name}` is `{value}`, not a number of seconds up to {LONGEST_SECONDS}")]
pub struct LimitError {
    name: &'static str,
    value: String,
}

impl Failure for LimitError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// None when the variable is absent or empty.
pub fn seconds(name: &'static str, value: Option<OsString>) -> Result<Option<Duration>, LimitError> {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let parsed = value
        .to_str()
        .and_then(|value| value.parse().ok())
        .filter(|seconds| *seconds <= LONGEST_SECONDS);
    parsed
        .map(|seconds| Some(Duration::from_secs(seconds)))
        .ok_or_else(|| LimitError {
            name,
            value: value.to_string_lossy().into_owned(),
        })
}

/// `QCLOCK_*` variables that the image does not declare, each with the one that was probably meant.
pub fn unknown_variables<'a>(
    known: &'a [String],
    names: impl Iterator<Item = &'a str>,
) -> Vec<(&'a str, Option<&'a str>)> {
    let own = [STOP_SECONDS, STOP_DELAY_SECONDS];
    let is_known = |name: &str| known.iter().map(String::as_str).chain(own).any(|known| known == name);
    names
        .filter(|name| name.starts_with("QCLOCK_") && !is_known(name))
        .map(|name| (name, closest(name, known.iter().map(String::as_str).chain(own))))
        .collect()
}

/// What a service sees: the container's variables, some of them `translated`, and its own.  In an image with a database the passwords that were given as
/// variables stay behind: the server does not need them, and `/proc/PID/environ` shows them.
pub fn of_service(
    configuration: &Configuration,
    own: &BTreeMap<String, String>,
    translated: &BTreeMap<String, String>,
    container: impl Iterator<Item = (OsString, OsString)>,
) -> BTreeMap<OsString, OsString> {
    let hides =
        |name: &OsString| configuration.first_start.is_some() && SECRET_VARIABLES.iter().any(|secret| *secret == name);
    let mut environment: BTreeMap<OsString, OsString> = container.filter(|(name, _)| !hides(name)).collect();
    environment.extend(
        translated
            .iter()
            .chain(own)
            .map(|(name, value)| (name.into(), value.into())),
    );
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_nobody_reads_is_told_with_the_likely_one() {
        let known = ["QCLOCK_DB_HOST".to_owned(), "QCLOCK_DB_PORT".to_owned()];
        let names = ["QCLOCK_DB_HOTS", "QCLOCK_DB_PORT", "PATH", "QCLOCK_STOP_SECONDS"];
        assert_eq!(
            unknown_variables(&known, names.into_iter()),
            [("QCLOCK_DB_HOTS", Some("QCLOCK_DB_HOST"))]
        );
    }

    #[test]
    fn limits_are_numbers_of_seconds() {
        assert_eq!(
            seconds(STOP_SECONDS, Some("7".into())).ok(),
            Some(Some(Duration::from_secs(7)))
        );
        assert_eq!(seconds(STOP_SECONDS, Some("".into())).ok(), Some(None));
        assert!(seconds(STOP_SECONDS, Some("7s".into())).is_err());
        assert!(seconds(STOP_SECONDS, Some("100000".into())).is_err());
    }
}
