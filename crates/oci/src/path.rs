//! A path inside an image: relative, clean, and unable to leave the tree.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Longest path, in bytes (`PATH_MAX` less the leading slash and the NUL).
const LONGEST: usize = 4094;
/// Longest name of one component, in bytes (`NAME_MAX`).
const LONGEST_NAME: usize = 255;

/// `usr/bin/env`: no leading or trailing slash, no `.`, `..`, empty component or NUL.  Ordered by bytes, so a directory
/// comes before what it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(String);

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathError {
    #[error("a path in an image cannot be empty")]
    Empty,
    #[error("`{0}` is absolute or ends with a slash")]
    Slash(String),
    #[error("`{0}` has a component that is empty, `.` or `..`")]
    Component(String),
    #[error("`{0}` holds a NUL byte")]
    Nul(String),
    #[error("`{0}…` is longer than a path may be")]
    Long(String),
}

impl TreePath {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }

    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }

    /// The directories that hold this path, outermost first: `usr`, `usr/bin`.
    pub fn ancestors(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }
}

impl FromStr for TreePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.len() > LONGEST || text.split('/').any(|name| name.len() > LONGEST_NAME) {
            return Err(PathError::Long(text.chars().take(80).collect()));
        }
        if text.contains('\0') {
            return Err(PathError::Nul(text.replace('\0', "\\0")));
        }
        if text.starts_with('/') || text.ends_with('/') {
            return Err(PathError::Slash(text.to_owned()));
        }
        if text.split('/').any(|name| matches!(name, "" | "." | "..")) {
            return Err(PathError::Component(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Borrow<str> for TreePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for TreePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_paths_are_refused() {
        let long = "a/".repeat(3000) + "b";
        let name = "n".repeat(256);
        for text in [
            "",
            "/etc",
            "etc/",
            "../etc",
            "etc/../..",
            "a//b",
            "./a",
            "a\0b",
            &long,
            &name,
        ] {
            assert!(text.parse::<TreePath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn ancestors_come_outermost_first() {
        let path: TreePath = "usr/lib/ssl/certs".parse().unwrap();
        assert_eq!(path.ancestors().collect::<Vec<_>>(), ["usr", "usr/lib", "usr/lib/ssl"]);
        assert_eq!(path.parent(), Some("usr/lib/ssl"));
        assert_eq!(path.file_name(), "certs");
    }

    #[test]
    fn a_directory_sorts_before_what_it_holds() {
        let mut paths: Vec<TreePath> = ["a/b", "a-b", "a", "a.b/c", "a.b"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        paths.sort();
        let at = |text: &str| paths.iter().position(|path| path.as_str() == text).unwrap();
        assert!(at("a") < at("a/b") && at("a.b") < at("a.b/c"));
    }
}
