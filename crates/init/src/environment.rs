//! Variables: the ones that set limits, the ones that nobody knows, and what the children get to see.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::Duration;

use thiserror::Error;

use crate::configuration::{Configuration, FirstStart};
use crate::failure::{Class, Failure, closest};
use crate::first_start::{self, SECRET_VARIABLES};

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

/// All that this image reads, if it says so.
pub fn known_variables(configuration: &Configuration) -> Option<Vec<String>> {
    let own = [STOP_SECONDS, STOP_DELAY_SECONDS].map(str::to_owned);
    let mysql = matches!(configuration.first_start, Some(FirstStart::Mysql(_)));
    let first_start = mysql.then(first_start::variables).into_iter().flatten();
    let declared = configuration.known_variables.as_ref()?.iter().cloned();
    Some(declared.chain(own).chain(first_start).collect())
}

/// Variables of one of the families that the image has, but not among them: each with the one that was probably meant.
pub fn unknown_variables<'a>(
    known: &'a [String],
    names: impl Iterator<Item = &'a str>,
) -> Vec<(&'a str, Option<&'a str>)> {
    // Of other families anything may come in, for anybody: `QCLOCK_` is ours, `MYSQL_` means the database's image.
    let family = |name: &str| name.split_once('_').map(|(family, _)| family.to_owned());
    let families: Vec<String> = known.iter().filter_map(|known| family(known)).collect();
    names
        .filter(|name| family(name).is_some_and(|family| families.contains(&family)))
        .filter(|name| !known.iter().any(|known| known == name))
        .map(|name| (name, closest(name, known.iter().map(String::as_str))))
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
    let mut environment = BTreeMap::new();
    environment.extend(container.filter(|(name, _)| !hides(name)));
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
    use crate::configuration::parse;

    fn unknown<'a>(known: &'a [String], names: &[&'a str]) -> Vec<(&'a str, Option<&'a str>)> {
        unknown_variables(known, names.iter().copied())
    }

    #[test]
    fn a_variable_that_nobody_reads_is_told_with_the_likely_one() {
        let service =
            "[environment]\nknown = ['QCLOCK_DB_HOST', 'QCLOCK_DB_PORT']\n[[service]]\nname = 'a'\ncommand = ['/a']\n";
        let known = |text: &str| known_variables(&parse(text, "init.toml".as_ref()).unwrap()).unwrap();
        let names = [
            "QCLOCK_DB_HOTS",
            "QCLOCK_DB_PORT",
            "PATH",
            "QCLOCK_STOP_SECONDS",
            "MYSQL_HOST",
        ];
        assert_eq!(
            unknown(&known(service), &names),
            [("QCLOCK_DB_HOTS", Some("QCLOCK_DB_HOST"))]
        );
        let database = format!("{service}[first_start]\nkind = 'mysql'\ndefaults_file = '/my.cnf'\n");
        let names = [
            "MYSQL_ROOT_PASSWORD_FIEL",
            "MARIADB_DATABSE",
            "MYSQL_USER",
            "MARIADB_PASSWORD_FILE",
            "MYSQL_TCP_PORT",
        ];
        assert_eq!(
            unknown(&known(&database), &names),
            [
                ("MYSQL_ROOT_PASSWORD_FIEL", Some("MYSQL_ROOT_PASSWORD_FILE")),
                ("MARIADB_DATABSE", Some("MARIADB_DATABASE")),
            ]
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
