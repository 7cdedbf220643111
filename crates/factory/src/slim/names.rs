//! What a definition has to list so that packages stay out: the names by which the kept ones ask for them.
//!
//! What only packages that are left out ask for never comes in, and listing it would be a mistake.

use std::collections::{BTreeMap, BTreeSet};

use qclock_packages::deb::{Alternatives, Archive, ArchiveError, Package, PackageError};
use thiserror::Error;

use super::{Content, Proposal};
use crate::failure::{Class, Failure};

#[derive(Debug, Error)]
pub enum NamesError {
    #[error("cannot read the package `{name}`")]
    Archive {
        name: String,
        #[source]
        source: Box<ArchiveError>,
    },
    #[error("cannot read what the package `{name}` asks for")]
    Control {
        name: String,
        #[source]
        source: Box<PackageError>,
    },
}

impl Failure for NamesError {
    fn class(&self) -> Class {
        Class::Verification
    }
}

/// The packages' own descriptions, out of their files.
pub fn descriptions<B: AsRef<[u8]>>(files: &[(String, B)]) -> Result<Vec<Package>, NamesError> {
    let describe = |(name, bytes): &(String, B)| {
        let archive = Archive::open(bytes.as_ref()).map_err(|source| NamesError::Archive {
            name: name.clone(),
            source: Box::new(source),
        })?;
        Package::from_control(&archive.control().stanza).map_err(|source| NamesError::Control {
            name: name.clone(),
            source: Box::new(source),
        })
    };
    files.iter().map(describe).collect()
}

/// The names to omit, by what the packages behind them consist of.  `closure` is the whole of it, `parent` what the parent image
/// has: its own omissions are its own affair.
pub fn names_to_omit(
    closure: &[Package],
    parent: &BTreeSet<String>,
    proposal: &Proposal,
) -> BTreeMap<Content, BTreeSet<String>> {
    let omitted: BTreeMap<&str, Content> = proposal
        .omitted
        .iter()
        .map(|omitted| (omitted.name.as_str(), omitted.content))
        .collect();
    let stays = |package: &Package| !omitted.contains_key(package.name.as_str());
    let mut names: BTreeMap<Content, BTreeSet<String>> = BTreeMap::new();
    for package in closure
        .iter()
        .filter(|package| stays(package) && !parent.contains(&package.name))
    {
        for group in package.pre_depends.iter().chain(&package.depends) {
            if let Some((name, content)) = name_to_omit(group, closure, &omitted) {
                names.entry(content).or_default().insert(name.to_owned());
            }
        }
    }
    names
}

/// The first alternative that something of the closure meets, unless something that stays meets one.
fn name_to_omit<'a>(
    group: &'a Alternatives,
    closure: &[Package],
    omitted: &BTreeMap<&str, Content>,
) -> Option<(&'a str, Content)> {
    let mut found = None;
    for relation in group {
        let meets = |package: &&Package| {
            package.name == relation.name || package.provides.iter().any(|provided| provided.name == relation.name)
        };
        for package in closure.iter().filter(meets) {
            let content = *omitted.get(package.name.as_str())?;
            found = found.or(Some((relation.name.as_str(), content)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::Omitted;
    use super::*;

    fn package(name: &str, fields: &str) -> Package {
        Package::from_control(&format!("Package: {name}\nVersion: 1\nArchitecture: amd64\n{fields}")).unwrap()
    }

    #[test]
    fn only_the_names_by_which_kept_packages_ask_are_listed() {
        let closure = [
            package("base", "Depends: awk\n"),
            package("mawk", "Provides: awk\n"),
            package(
                "web",
                "Depends: base, perl, awk, debconf | debconf-2.0, small | large\n",
            ),
            package("perl", "Depends: libdb\n"),
            package("libdb", ""),
            package("debconf", "Provides: debconf-2.0\n"),
            package("small", ""),
        ];
        let omitted = |name: &str, content| Omitted {
            name: name.to_owned(),
            content,
            size: 1,
        };
        let proposal = Proposal {
            omitted: vec![
                omitted("mawk", Content::Programs),
                omitted("perl", Content::Programs),
                omitted("libdb", Content::Libraries),
                omitted("debconf", Content::Data),
            ],
            ..Proposal::default()
        };
        let names = names_to_omit(&closure, &BTreeSet::from(["base".to_owned()]), &proposal);
        let listed = |content| {
            names
                .get(&content)
                .map(|names| names.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(listed(Content::Programs), Some(vec!["awk", "perl"]));
        assert_eq!(listed(Content::Data), Some(vec!["debconf"]));
        assert_eq!(listed(Content::Libraries), None);
    }
}
