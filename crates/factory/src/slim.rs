//! Which packages of a full closure an image's programs really need: followed through the ELF files' own lists of libraries.
//!
//! What a program loads by name at run time (`dlopen`) is not seen; the definition names those packages as data.

mod names;
mod scan;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use globset::GlobSet;
use qclock_trust::Verified;
use rayon::prelude::*;
use thiserror::Error;

use crate::assemble::{PatternError, glob_set};
use crate::definition::SlimRoots;
use crate::failure::{Class, Failure};
pub use names::{Description, NamesError, descriptions, names_to_omit};
pub use scan::ScanError;
use scan::Scanned;

#[derive(Debug, Error)]
pub enum SlimError {
    #[error("cannot read the package `{package}`")]
    Package {
        package: String,
        #[source]
        source: Box<ScanError>,
    },
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl Failure for SlimError {
    fn class(&self) -> Class {
        match self {
            Self::Package { .. } => Class::Verification,
            Self::Pattern(error) => error.class(),
        }
    }
}

/// What to keep, and why; what can be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    pub kept: BTreeMap<String, Reason>,
    pub omitted: Vec<Omitted>,
    /// Libraries that a kept file needs and no package has: the file, the library.
    pub missing: BTreeSet<(String, String)>,
    /// Globs that match no program, data packages that are not in the closure.
    pub idle: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is in the parent image.
    Parent,
    /// It has a declared program or module.
    Program(String),
    /// It has a library that the file needs.
    Library { library: String, needed_by: String },
    /// It is declared to be kept for its data.
    Data,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omitted {
    pub name: String,
    pub content: Content,
    /// Bytes of its files.
    pub size: u64,
}

/// What a package that can be left out consists of, to be looked at in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// Compiled programs, which nothing here runs.
    Programs,
    /// Libraries that nothing here is linked with.
    Libraries,
    /// No compiled file: scripts, data, or nothing.
    Data,
}

/// `packages` is the whole closure, `parent` the names of those that the parent image has.
pub fn propose(
    packages: &[(String, Verified<Vec<u8>>)],
    parent: &BTreeSet<String>,
    roots: &SlimRoots,
) -> Result<Proposal, SlimError> {
    let mut scanned: Vec<Scanned> = packages
        .par_iter()
        .with_max_len(1)
        .map(|(name, bytes)| {
            scan::scan(name, bytes).map_err(|source| SlimError::Package {
                package: name.clone(),
                source: Box::new(source),
            })
        })
        .collect::<Result<_, _>>()?;
    scanned.sort_by(|left, right| left.name.cmp(&right.name));
    let programs = roots
        .programs
        .iter()
        .map(|glob| glob_set([glob].into_iter()))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(follow(&scanned, parent, roots, &programs))
}

fn follow(packages: &[Scanned], parent: &BTreeSet<String>, roots: &SlimRoots, programs: &[GlobSet]) -> Proposal {
    let libraries = scan::Libraries::of(packages);
    let mut proposal = Proposal::default();
    let mut pending: VecDeque<(&Scanned, &str)> = VecDeque::new();
    for (glob, set) in roots.programs.iter().zip(programs) {
        let found: Vec<_> = packages
            .iter()
            .flat_map(|package| package.elves.keys().map(move |path| (package, path.as_str())))
            .filter(|(_, path)| set.is_match(path))
            .collect();
        if found.is_empty() {
            proposal.idle.push(glob.clone());
        }
        for (package, path) in found {
            proposal
                .kept
                .entry(package.name.clone())
                .or_insert_with(|| Reason::Program(path.to_owned()));
            pending.push_back((package, path));
        }
    }
    let mut seen = BTreeSet::new();
    while let Some((package, path)) = pending.pop_front() {
        if !seen.insert(path) {
            continue;
        }
        let Some(elf) = package.elves.get(path) else { continue };
        for library in elf.needed.iter().chain(&elf.interpreter) {
            let steps = libraries.find(library, elf, path);
            if steps.is_empty() {
                proposal.missing.insert((path.to_owned(), library.clone()));
            }
            // A library's name is often a link of one package, and the file another's.
            for (provider, file) in steps {
                proposal
                    .kept
                    .entry(provider.name.clone())
                    .or_insert_with(|| Reason::Library {
                        library: library.clone(),
                        needed_by: path.to_owned(),
                    });
                pending.push_back((provider, file));
            }
        }
    }
    for name in &roots.data {
        if packages.iter().any(|package| package.name == *name) {
            proposal.kept.entry(name.clone()).or_insert(Reason::Data);
        } else if !parent.contains(name) {
            proposal.idle.push(name.clone());
        }
    }
    for package in packages {
        if parent.contains(&package.name) {
            proposal.kept.insert(package.name.clone(), Reason::Parent);
        } else if !proposal.kept.contains_key(&package.name) {
            proposal.omitted.push(Omitted {
                name: package.name.clone(),
                content: package.content(),
                size: package.size,
            });
        }
    }
    proposal
        .omitted
        .sort_by(|left, right| (left.content, &left.name).cmp(&(right.content, &right.name)));
    proposal
}

#[cfg(test)]
mod tests;
