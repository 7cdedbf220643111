//! Which files of packages stay out.

use std::sync::atomic::{AtomicBool, Ordering};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use thiserror::Error;

use crate::definition::Prune;
use crate::failure::{Class, Failure};

/// The rules of an image and its ancestors.  `*` stays within one component, `**` does not; a pattern that matches a
/// directory covers what is in it.  What any rule keeps is kept.
#[derive(Debug)]
pub struct Pruner {
    prune: GlobSet,
    keep: GlobSet,
    /// Beside each pattern of `prune`: whether it has matched.
    patterns: Vec<(String, AtomicBool)>,
}

#[derive(Debug, Error)]
#[error("`{pattern}` is not a pattern of paths")]
pub struct PatternError {
    pattern: String,
    #[source]
    source: globset::Error,
}

impl Failure for PatternError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

impl Pruner {
    pub fn new<'a>(rules: impl Iterator<Item = &'a Prune> + Clone) -> Result<Self, PatternError> {
        let paths = rules.clone().flat_map(|rule| &rule.paths);
        Ok(Self {
            prune: glob_set(paths.clone())?,
            keep: glob_set(rules.flat_map(|rule| &rule.keep))?,
            patterns: paths.map(|pattern| (pattern.clone(), AtomicBool::new(false))).collect(),
        })
    }

    pub fn prunes(&self, path: &str) -> bool {
        let mut pruned = false;
        for part in with_ancestors(path) {
            if self.keep.is_match(part) {
                return false;
            }
            for pattern in self.prune.matches(part) {
                pruned = true;
                self.patterns[pattern].1.store(true, Ordering::Relaxed);
            }
        }
        pruned
    }

    /// Patterns that have matched nothing so far.
    pub fn idle(&self) -> impl Iterator<Item = &str> {
        let idle = self.patterns.iter().filter(|(_, used)| !used.load(Ordering::Relaxed));
        idle.map(|(pattern, _)| pattern.as_str())
    }
}

pub(crate) fn glob_set<'a>(patterns: impl Iterator<Item = &'a String>) -> Result<GlobSet, PatternError> {
    let mut builder = GlobSetBuilder::new();
    let mut last = String::new();
    for pattern in patterns {
        last.clone_from(pattern);
        builder.add(glob(pattern)?);
    }
    builder.build().map_err(|source| PatternError { pattern: last, source })
}

fn glob(pattern: &str) -> Result<Glob, PatternError> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|source| PatternError {
            pattern: pattern.to_owned(),
            source,
        })
}

/// `usr`, `usr/share`, `usr/share/doc`.
fn with_ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).chain([path])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_covers_what_is_in_it_and_what_is_kept_stays() {
        let rules = [
            Prune {
                flavours: None,
                paths: vec![
                    "usr/share/doc/*".to_owned(),
                    "etc/cron*".to_owned(),
                    "**/*.a".to_owned(),
                ],
                keep: vec!["usr/share/doc/*/copyright".to_owned()],
                reason: "test".to_owned(),
            },
            Prune {
                flavours: None,
                paths: vec!["usr/lib/php/*".to_owned(), "nothing/here".to_owned()],
                keep: vec!["usr/lib/php/opcache.so".to_owned()],
                reason: "test".to_owned(),
            },
        ];
        let pruner = Pruner::new(rules.iter()).unwrap();
        for (path, expected) in [
            ("usr/share/doc", false),
            ("usr/share/doc/apache2", true),
            ("usr/share/doc/apache2/examples/x.gz", true),
            ("usr/share/doc/apache2/copyright", false),
            ("etc/cron.daily/apache2", true),
            ("usr/lib/x/libfoo.a", true),
            ("usr/lib/php/opcache.so", false),
            ("usr/lib/php/other.so", true),
            ("usr/lib/phpx", false),
        ] {
            assert_eq!(pruner.prunes(path), expected, "{path}");
        }
        assert_eq!(pruner.idle().collect::<Vec<_>>(), ["nothing/here"]);
    }
}
