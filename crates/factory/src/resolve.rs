//! Asks the solver about repositories, wherever they are: of RPM packages in a folder or at an address, of Debian's in a folder.
//!
//! `repomd.xml` is read every time; what it names is read once and kept, by its checksum, in a form that loads in milliseconds.

pub(crate) mod debian;
mod error;

use std::collections::BTreeSet;

use qclock_packages::rpm::Comps;
pub use qclock_solver::rpm::Assumed;
use qclock_solver::rpm::{Reason, SolveError, solve};
use serde::Serialize;

pub use error::ResolveError;

pub use crate::repository::{Means, Place, Source};
use crate::repository::{Repository, check_all, keep_all, load_all, read_comps, read_filelists, repair_all};

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `httpd`, `php-fpm-8.2.13-1.el9.x86_64`, `/usr/bin/perl`, `php-*`, `@php:8.2/common`, `@core`.
    pub specifications: Vec<String>,
    /// Enabled streams: module and stream.
    pub streams: Vec<(String, String)>,
    /// `el9`.
    pub platform: String,
    /// `x86_64`.
    pub architecture: String,
    /// Whether recommended packages come along.
    pub weak: bool,
    /// Capabilities that count as provided.
    pub assumed: Vec<Assumed>,
    /// Requirements that are left out on purpose.
    pub omitted: BTreeSet<String>,
}

/// The answer, sorted by the packages' names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resolution {
    pub packages: Vec<Resolved>,
    /// Builds of streams in use: `name:stream:version:context`.
    pub streams: Vec<String>,
    /// Requirements left out, with who requires them.
    pub omitted: std::collections::BTreeMap<String, Vec<String>>,
    /// Those that nothing chosen requires.
    pub unused_omissions: Vec<String>,
    /// Specification of a group → its members that no repository has.
    pub absent_members: std::collections::BTreeMap<String, Vec<String>>,
}

/// One chosen package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// `name-[epoch:]version-release.arch`, the epoch when it is not 0.
    pub nevra: String,
    pub name: String,
    /// `[epoch:]version-release`.
    pub version: String,
    pub architecture: String,
    pub repository: String,
    /// Relative to the repository's address, or absolute.
    pub location: String,
    /// `sha256:…`.
    pub checksum: String,
    /// Of the file, in bytes.
    pub size: u64,
    /// Of what it installs, in bytes.
    pub installed_size: u64,
    /// The file name of the source package.
    pub source: String,
    pub license: String,
    pub why: Why,
}

/// Why a package is there, by the shortest way from the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    Request(String),
    Required {
        by: String,
        requirement: String,
    },
    Recommended {
        by: String,
        requirement: String,
    },
    /// It supplements what is there.
    Supplements,
}

/// Reads the repositories and asks the solver.
pub fn resolve(sources: &[Source], request: &Request, means: Means<'_>) -> Result<Resolution, ResolveError> {
    let debian = sources.iter().filter(|source| debian::is_debian(source)).count();
    if debian == 0 {
        let mut repositories = load_all(sources, means)?;
        answer(&mut repositories, request, means)
    } else if debian == sources.len() {
        let (names, indexes) = debian::read_folders(sources, request)?;
        debian::answer(&names, &indexes, request)
    } else {
        Err(ResolveError::Mixed)
    }
}

/// Asks the solver about repositories that are open; reads their lists of all files when those matter.
pub(crate) fn answer(
    repositories: &mut [Repository],
    request: &Request,
    means: Means<'_>,
) -> Result<Resolution, ResolveError> {
    let comps = read_comps(repositories, &request.specifications, means)?;
    let comps = comps.as_ref();
    let mut first = std::thread::scope(|scope| {
        keep_all(scope, repositories, means.cache);
        ask(repositories, request, comps)
    });
    if repair_all(repositories, means)? {
        first = ask(repositories, request, comps);
    }
    let answer = match first {
        Err(SolveError::NeedsFileLists) => {
            check_all(repositories, means)?;
            read_filelists(repositories, &request.specifications, means)?;
            ask(repositories, request, comps)
        }
        answer => answer,
    };
    answer.map_err(|source| ResolveError::Solve {
        names: repositories.iter().map(|it| it.name().to_owned()).collect(),
        source: Box::new(source),
    })
}

fn ask(repositories: &[Repository], request: &Request, comps: Option<&Comps>) -> Result<Resolution, SolveError> {
    let views: Vec<_> = repositories.iter().map(Repository::view).collect();
    let solution = solve(
        &views,
        &qclock_solver::rpm::Request {
            install: &request.specifications,
            comps,
            fixed: &[],
            omit: &request.omitted,
            assumed: &request.assumed,
            streams: &request.streams,
            platform: &request.platform,
            architecture: &request.architecture,
            weak: request.weak,
        },
    )?;
    let names: Vec<String> = (solution.packages.iter())
        .map(|chosen| {
            let view = views[chosen.repository].index.package(chosen.position);
            format!("{}-{}.{}", view.name(), view.evr(), view.architecture())
        })
        .collect();
    let mut packages: Vec<Resolved> = (solution.packages.iter().zip(&names))
        .map(|(chosen, name)| {
            let index = views[chosen.repository].index;
            let view = index.package(chosen.position);
            Resolved {
                nevra: name.clone(),
                name: view.name().to_owned(),
                version: view.evr().to_owned(),
                architecture: view.architecture().to_owned(),
                repository: repositories[chosen.repository].name().to_owned(),
                location: location(view.base(), view.location()),
                checksum: format!("{}:{}", index.checksum_kind(), hex::encode(view.checksum())),
                size: view.size(),
                installed_size: view.installed_size(),
                source: view.source().to_owned(),
                license: view.license().to_owned(),
                why: why(&chosen.reason, &names),
            }
        })
        .collect();
    packages.sort_by(|left, right| left.nevra.cmp(&right.nevra));
    Ok(Resolution {
        packages,
        streams: solution.streams,
        omitted: solution.omitted,
        unused_omissions: solution.unused_omissions,
        absent_members: solution.absent_members,
    })
}

fn location(base: &str, location: &str) -> String {
    if base.is_empty() {
        location.to_owned()
    } else {
        format!("{}/{location}", base.trim_end_matches('/'))
    }
}

fn why(reason: &Reason, names: &[String]) -> Why {
    match reason {
        Reason::Request(specification) => Why::Request(specification.clone()),
        Reason::Required { by, requirement } => Why::Required {
            by: names[*by].clone(),
            requirement: requirement.clone(),
        },
        Reason::Recommended { by, requirement } => Why::Recommended {
            by: names[*by].clone(),
            requirement: requirement.clone(),
        },
        Reason::Supplements => Why::Supplements,
    }
}

impl Resolution {
    /// The packages from one of the request's to the one with this name (alone, or in full): why it is there.  None when it is not.
    pub fn chain(&self, specification: &str) -> Option<Vec<&Resolved>> {
        let named = |package: &&Resolved| package.nevra == specification || package.name == specification;
        let mut at = self.packages.iter().find(named)?;
        let mut chain = vec![at];
        while let Why::Required { by, .. } | Why::Recommended { by, .. } = &at.why {
            at = self.packages.iter().find(|package| package.nevra == *by)?;
            chain.push(at);
            if chain.len() > self.packages.len() {
                return None;
            }
        }
        chain.reverse();
        Some(chain)
    }
}

#[cfg(test)]
mod tests;
