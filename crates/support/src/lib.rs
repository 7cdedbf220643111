//! Until when what an image is made of is supported, and how long that is.  A table with a source for each line; pure.

use std::sync::LazyLock;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// The table, as it is in the repository.
const TABLE: &str = include_str!("../ends.toml");
static ENTRIES: LazyLock<Result<Vec<Entry>, toml::de::Error>> =
    LazyLock::new(|| toml::from_str(TABLE).map(|table: Table| table.end));

/// Days before an end from which on it is near.
const NEAR: i64 = 90;

#[derive(Debug, thiserror::Error)]
#[error("the table of ends of support is malformed")]
pub struct TableError(#[source] toml::de::Error);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    end: Vec<Entry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    product: String,
    #[serde(default)]
    packages: Vec<String>,
    #[serde(default)]
    flavours: Vec<String>,
    line: String,
    end: Option<toml::value::Date>,
    source: String,
    noted: toml::value::Date,
}

/// A package of a lock or of an image's record.
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    pub name: &'a str,
    /// `[epoch:]version-release`.
    pub version: &'a str,
}

/// What is known of one product's line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Support {
    pub product: String,
    /// `8.2`.
    pub line: String,
    /// The package that brings it; none for the distribution itself.
    pub package: Option<String>,
    /// The last day; none when nobody has announced one.
    pub end: Option<String>,
    /// Until the end of that day; negative afterwards.
    pub days_left: Option<i64>,
    pub state: State,
    pub source: String,
    /// When that was noted.
    pub noted: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Ended,
    /// In less than three months.
    Near,
    Supported,
    /// No end is announced.
    Open,
}

/// What the table says of a flavour and its packages, the most urgent first.  Days are those of UTC.
pub fn supports(flavour: &str, packages: &[Package<'_>], now: SystemTime) -> Result<Vec<Support>, TableError> {
    supports_at(flavour, packages, Timestamp::try_from(now).unwrap_or_default())
}

/// The same for those who have the time in another form.
pub fn supports_at(flavour: &str, packages: &[Package<'_>], now: Timestamp) -> Result<Vec<Support>, TableError> {
    supports_on(flavour, packages, TimeZone::UTC.to_datetime(now).date())
}

fn supports_on(flavour: &str, packages: &[Package<'_>], today: Date) -> Result<Vec<Support>, TableError> {
    let entries = ENTRIES.as_ref().map_err(|error| TableError(error.clone()))?;
    let mut found: Vec<Support> = Vec::new();
    for entry in entries {
        if entry.flavours.iter().any(|name| name == flavour) {
            found.push(support(entry, None, today));
        }
    }
    for package in packages {
        let fitting = entries.iter().filter(|entry| fits(entry, package));
        let Some(entry) = fitting.max_by_key(|entry| entry.line.len()) else {
            continue;
        };
        let is_known = |known: &Support| known.product == entry.product && known.line == entry.line;
        if !found.iter().any(is_known) {
            found.push(support(entry, Some(package), today));
        }
    }
    found.sort_by(|left, right| {
        (left.days_left.unwrap_or(i64::MAX), &left.product).cmp(&(right.days_left.unwrap_or(i64::MAX), &right.product))
    });
    Ok(found)
}

fn fits(entry: &Entry, package: &Package<'_>) -> bool {
    let named = entry.packages.iter().any(|name| match name.strip_suffix('*') {
        Some(start) => package.name.starts_with(start),
        None => package.name == name,
    });
    let version = package
        .version
        .split_once(':')
        .map_or(package.version, |(_, rest)| rest);
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_digit());
    named && version.strip_prefix(entry.line.as_str()).is_some_and(ends)
}

fn support(entry: &Entry, package: Option<&Package<'_>>, today: Date) -> Support {
    let days_left = entry.end.and_then(civil).map(|end| days_between(today, end));
    Support {
        product: entry.product.clone(),
        line: entry.line.clone(),
        package: package.map(|package| format!("{} {}", package.name, package.version)),
        end: entry.end.map(|end| end.to_string()),
        days_left,
        state: match days_left {
            None => State::Open,
            Some(days) if days < 0 => State::Ended,
            Some(days) if days < NEAR => State::Near,
            Some(_) => State::Supported,
        },
        source: entry.source.clone(),
        noted: entry.noted.to_string(),
    }
}

fn civil(date: toml::value::Date) -> Option<Date> {
    let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
    Date::new(i16::try_from(date.year).ok()?, month, day).ok()
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(flavour: &str, packages: &[(&str, &str)], today: &str) -> Vec<Support> {
        let packages: Vec<Package<'_>> = packages
            .iter()
            .map(|&(name, version)| Package { name, version })
            .collect();
        supports_on(flavour, &packages, today.parse().unwrap()).unwrap()
    }

    #[test]
    fn every_line_of_the_table_has_a_source_and_dates_that_exist() {
        let table: Table = toml::from_str(TABLE).unwrap();
        for entry in table.end {
            assert!(entry.source.starts_with("https://"), "{}", entry.product);
            assert!(civil(entry.noted).is_some(), "{}", entry.product);
            assert!(entry.end.is_none_or(|end| civil(end).is_some()), "{}", entry.product);
            assert_ne!(
                entry.packages.is_empty(),
                entry.flavours.is_empty(),
                "{}",
                entry.product
            );
        }
    }

    #[test]
    fn the_last_day_is_a_day_of_support() {
        let days = |today| {
            let found = ask("none", &[("php-fpm", "8.2.28-1.module+el9")], today);
            (found[0].days_left, found[0].state)
        };
        assert_eq!(days("2026-12-31"), (Some(0), State::Near));
        assert_eq!(days("2027-01-01"), (Some(-1), State::Ended));
        assert_eq!(days("2026-01-01"), (Some(364), State::Supported));
    }

    #[test]
    fn lines_are_whole_parts_of_versions_and_products_are_told_once() {
        assert!(ask("none", &[("mysql-server", "8.01-1")], "2026-01-01").is_empty());
        assert!(ask("none", &[("postgresql-server", "150.1-1")], "2026-01-01").is_empty());
        let found = ask(
            "debian12",
            &[
                ("apache2-bin", "2.4.62-1"),
                ("mariadb-server-core", "1:10.11.6-0"),
                ("mariadb-server", "1:10.11.6-0"),
                ("unknown", "1"),
            ],
            "2028-03-01",
        );
        let states: Vec<_> = found.iter().map(|it| (it.product.as_str(), it.state)).collect();
        let expected = [
            ("MariaDB", State::Ended),
            ("Debian", State::Supported),
            ("Apache HTTP Server", State::Open),
        ];
        assert_eq!(states, expected);
    }
}
