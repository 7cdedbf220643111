//! What a definition has to list so that packages stay out: the names by which the kept ones ask for them.
//!
//! What only packages that are left out ask for never comes in, and listing it would be a mistake.

use std::collections::{BTreeMap, BTreeSet};

use qclock_packages::deb::{self, Package, PackageError};
use qclock_packages::rpm::{self, tag};
use thiserror::Error;

use super::{Content, Proposal};
use crate::failure::{Class, Failure};

#[derive(Debug, Error)]
pub enum NamesError {
    #[error("cannot read the package `{name}`")]
    Archive {
        name: String,
        #[source]
        source: Box<deb::ArchiveError>,
    },
    #[error("cannot read what the package `{name}` asks for")]
    Control {
        name: String,
        #[source]
        source: Box<PackageError>,
    },
    #[error("cannot read the package `{name}`")]
    Rpm {
        name: String,
        #[source]
        source: Box<rpm::ArchiveError>,
    },
    #[error("cannot read what the package `{name}` asks for")]
    Header {
        name: String,
        #[source]
        source: rpm::HeaderError,
    },
}

impl Failure for NamesError {
    fn class(&self) -> Class {
        Class::Verification
    }
}

/// What a package says of itself, as far as requirements go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Description {
    pub name: String,
    /// Besides its name.
    pub provides: BTreeSet<String>,
    /// Each is met by any of its names.
    pub requires: Vec<Vec<String>>,
    /// Whether requirements name files and libraries, so that the packages behind them say more.
    pub by_capability: bool,
}

/// The packages' own descriptions, out of their files.
pub fn descriptions<B: AsRef<[u8]>>(files: &[(String, B)]) -> Result<Vec<Description>, NamesError> {
    let describe = |(name, bytes): &(String, B)| {
        let bytes = bytes.as_ref();
        if bytes.starts_with(b"!<arch>\n") {
            describe_deb(name, bytes)
        } else {
            describe_rpm(name, bytes)
        }
    };
    files.iter().map(describe).collect()
}

fn describe_deb(name: &str, bytes: &[u8]) -> Result<Description, NamesError> {
    let archive = deb::Archive::open(bytes).map_err(|source| NamesError::Archive {
        name: name.to_owned(),
        source: Box::new(source),
    })?;
    let package = Package::from_control(&archive.control().stanza).map_err(|source| NamesError::Control {
        name: name.to_owned(),
        source: Box::new(source),
    })?;
    let groups = package.pre_depends.iter().chain(&package.depends);
    let names = |group: &deb::Alternatives| group.iter().map(|relation| relation.name.clone()).collect();
    Ok(Description {
        provides: package.provides.iter().map(|provided| provided.name.clone()).collect(),
        requires: groups.map(names).collect(),
        name: package.name,
        by_capability: false,
    })
}

/// Rich requirements are passed over: what they lead to is seen when it is solved again.
fn describe_rpm(name: &str, bytes: &[u8]) -> Result<Description, NamesError> {
    let archive = rpm::Archive::open(bytes).map_err(|source| NamesError::Rpm {
        name: name.to_owned(),
        source: Box::new(source),
    })?;
    let texts = |tag| {
        let texts = archive.container().header.texts(tag);
        texts.map_err(|source| NamesError::Header {
            name: name.to_owned(),
            source,
        })
    };
    let files = archive.files().iter().map(|file| format!("/{}", file.path));
    let own = texts(tag::PROVIDE_NAME)?;
    let required: BTreeSet<&str> = texts(tag::REQUIRE_NAME)?.into_iter().collect();
    let plain = required
        .into_iter()
        .filter(|text| !text.starts_with(['(']) && !text.starts_with("rpmlib("));
    Ok(Description {
        name: name.to_owned(),
        provides: own.into_iter().map(str::to_owned).chain(files).collect(),
        requires: plain.map(|text| vec![text.to_owned()]).collect(),
        by_capability: true,
    })
}

/// The names to omit, by what the packages behind them consist of.  `closure` is the whole of it, `parent` what the parent image
/// has: its own omissions are its own affair.
pub fn names_to_omit(
    closure: &[Description],
    parent: &BTreeSet<String>,
    proposal: &Proposal,
) -> BTreeMap<Content, BTreeSet<String>> {
    let omitted: BTreeMap<&str, Content> = proposal
        .omitted
        .iter()
        .map(|omitted| (omitted.name.as_str(), omitted.content))
        .collect();
    let stays = |package: &Description| !omitted.contains_key(package.name.as_str());
    let mut names: BTreeMap<Content, BTreeSet<String>> = BTreeMap::new();
    for package in closure
        .iter()
        .filter(|package| stays(package) && !parent.contains(&package.name))
    {
        for group in &package.requires {
            if let Some((name, content)) = name_to_omit(group, closure, &omitted) {
                names.entry(content).or_default().insert(name.to_owned());
            }
        }
    }
    names
}

/// The first alternative that something of the closure meets, unless something that stays meets one.
fn name_to_omit<'a>(
    group: &'a [String],
    closure: &'a [Description],
    omitted: &BTreeMap<&str, Content>,
) -> Option<(&'a str, Content)> {
    let mut found = None;
    for name in group {
        let meets = |package: &&Description| package.name == *name || package.provides.contains(name);
        for package in closure.iter().filter(meets) {
            let content = *omitted.get(package.name.as_str())?;
            let name = if package.by_capability { &package.name } else { name };
            found = found.or(Some((name.as_str(), content)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::Omitted;
    use super::*;

    fn package(name: &str, fields: &str) -> Description {
        let file = crate::assemble::tests::deb(name, fields, &[]);
        descriptions(&[(name.to_owned(), file)]).unwrap().remove(0)
    }

    #[test]
    fn what_rpm_packages_ask_for_by_library_or_path_is_listed_by_package() {
        let package = |rpm: qclock_testkit::rpm::Rpm| (rpm.name.clone(), rpm.build());
        let file = |path: &str| vec![qclock_testkit::rpm::File::new(path, b"x")];
        let new = |name: &str, path: &str| qclock_testkit::rpm::Rpm::new(name, file(path));
        let web = new("web", "/usr/sbin/web");
        let files = [
            package(
                web.requires("libdb.so.5()(64bit)")
                    .requires("/usr/bin/perl")
                    .requires("(a if b)"),
            ),
            package(new("libdb", "/usr/lib64/libdb.so.5").provides("libdb.so.5()(64bit)")),
            package(new("perl-interpreter", "/usr/bin/perl")),
        ];
        let omitted = |name: &str, content| Omitted {
            name: name.to_owned(),
            content,
            size: 1,
        };
        let proposal = Proposal {
            omitted: vec![
                omitted("libdb", Content::Libraries),
                omitted("perl-interpreter", Content::Programs),
            ],
            ..Proposal::default()
        };
        let names = names_to_omit(&descriptions(&files).unwrap(), &BTreeSet::new(), &proposal);
        let expected = [(Content::Programs, "perl-interpreter"), (Content::Libraries, "libdb")];
        let expected = expected.map(|(content, name)| (content, BTreeSet::from([name.to_owned()])));
        assert_eq!(names, BTreeMap::from(expected));
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
