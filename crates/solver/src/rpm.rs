//! RPM's rules: what packages require, exclude and replace, and which of several dnf would take.
//!
//! The search follows libsolv 0.7 step by step (its rules, their order, its order of preference, its second thoughts), as "the same
//! answer as dnf" leaves no freedom where a request has several answers.  `docs/decisions/` says why this is not the engine that
//! serves Debian's packages.

mod architecture;
mod explanation;
mod groups;
mod inferior;
mod jobs;
mod modules;
mod normal_form;
mod omission;
mod policy;
mod pool;
mod profiles;
mod reason;
mod rules;
mod search;
mod selection;

use std::collections::{BTreeMap, BTreeSet};

use qclock_packages::rpm::{Comps, Index, Modules, Owners, Range};

use jobs::Job;
pub use modules::ModuleError;
use modules::{Book, Hidden};
use omission::Omissions;
use pool::{Pool, Solvable};
use rules::{Rule, RuleMaker};
use search::{Failure, Search};

/// Names of packages that may be installed in several versions at a time, as dnf has them.
const MULTIPLE: [&str; 6] = [
    "kernel",
    "kernel-PAE",
    "installonlypkg(kernel)",
    "installonlypkg(kernel-module)",
    "installonlypkg(vm)",
    "multiversion(kernel)",
];

/// A repository as the solver sees it.
#[derive(Debug, Clone, Copy)]
pub struct Repository<'a> {
    pub name: &'a str,
    pub index: &'a Index,
    pub files: FileLists<'a>,
    pub modules: Option<&'a Modules>,
    /// The lower, the better; packages of a worse repository are not looked at when a better one has the name.  dnf's default is 99.
    pub priority: u32,
}

/// What is known of files that `primary.xml` does not name.
#[derive(Debug, Clone, Copy)]
pub enum FileLists<'a> {
    /// The repository has no such list.
    None,
    /// It has one; a request that needs it fails with [`SolveError::NeedsFileLists`].
    Unread,
    /// Owners of all paths that any repository requires or the request names.
    Read(&'a Owners),
}

/// A capability that counts as provided by the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumed {
    pub name: String,
    /// Empty: any version will do.
    pub version: String,
}

/// What is asked of the solver.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `httpd`, `php-fpm-8.2.13-1.el9.x86_64`, `/usr/bin/perl`, `webserver`, `php-*`, `@php:8.2/common`, `@*:rhel9`, `@core`,
    /// `@^minimal-environment`.
    pub install: &'a [String],
    /// The groups of all repositories together, where the request names any: see [`is_group`].
    pub comps: Option<&'a Comps>,
    /// The parent's packages, `name-[epoch:]version-release.arch`: in every solution, exactly so.
    pub fixed: &'a [String],
    /// Names whose requirement counts as met without a package: see [`Solution::omitted`].
    pub omit: &'a BTreeSet<String>,
    pub assumed: &'a [Assumed],
    /// Enabled streams: module and stream, or patterns of them.
    pub streams: &'a [(String, String)],
    /// `el9`.
    pub platform: &'a str,
    /// `x86_64`.
    pub architecture: &'a str,
    /// Whether recommended packages come along.
    pub weak: bool,
}

/// The chosen packages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Solution {
    /// In the order of the repositories and of their metadata.
    pub packages: Vec<Chosen>,
    /// Name left out → the packages that require it, as `name-[epoch:]version-release.arch`.
    pub omitted: BTreeMap<String, Vec<String>>,
    /// Names of `omit` that nothing chosen requires.
    pub unused_omissions: Vec<String>,
    /// Builds of streams in use: `name:stream:version:context`.
    pub streams: Vec<String>,
    /// Members of groups that no repository has, by the specification that means them: dnf passes over them, too.
    pub absent_members: BTreeMap<String, Vec<String>>,
}

/// One chosen package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Position in the request's repositories.
    pub repository: usize,
    /// Position in the repository's index.
    pub position: usize,
    pub reason: Reason,
}

/// Why a package was chosen, by the shortest way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The request names it; or it is one of the parent's.
    Request(String),
    /// `by` is a position in [`Solution::packages`].
    Required {
        by: usize,
        requirement: String,
    },
    Recommended {
        by: usize,
        requirement: String,
    },
    /// It supplements what is chosen.
    Supplements,
}

#[derive(Debug, thiserror::Error)]
pub enum SolveError {
    #[error("no package matches `{specification}`")]
    NoMatch {
        specification: String,
        /// Streams that are not enabled and would have it.
        streams: Vec<String>,
    },
    #[error("`{specification}` means no stream, group or environment of these repositories")]
    NoGroup { specification: String },
    #[error("`{text}` in `{specification}` is no kind of package that groups have")]
    MemberKind { specification: String, text: String },
    #[error("`{specification}` names the package `{member}`, which no repository has")]
    NoMember { specification: String, member: String },
    #[error("package `{name}` of the parent image is in no repository")]
    FixedMissing { name: String },
    #[error("no set of packages satisfies the request:\n{explanation}")]
    Unsolvable { explanation: String, hints: Vec<String> },
    #[error(transparent)]
    Module(#[from] ModuleError),
    #[error("the request needs the lists of all files, which have not been read")]
    NeedsFileLists,
    #[error("the search was given up: it took more steps than any real request does")]
    GivenUp,
}

impl SolveError {
    /// What can be done about it, a sentence each.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NoMatch { streams, .. } if !streams.is_empty() => streams
                .iter()
                .map(|stream| format!("enable the stream with `--module {stream}`"))
                .collect(),
            Self::NoMatch { specification, .. } => {
                vec![format!(
                    "check the name, or add the repository that has `{specification}`"
                )]
            }
            Self::NoGroup { .. } => vec![
                "write a stream as in `@php:8.2/common`, a group as in `@core`, an environment as in `@^minimal-environment`"
                    .to_owned(),
            ],
            Self::MemberKind { .. } => {
                vec!["name `mandatory`, `default`, `optional` or `conditional`, apart by commas".to_owned()]
            }
            Self::NoMember { .. } => vec!["add the repository that has it".to_owned()],
            Self::Unsolvable { hints, .. } => hints.clone(),
            Self::Module(error) => error.hints(),
            _ => Vec::new(),
        }
    }
}

impl Assumed {
    /// Reads lines of `name` or `name = version`; empty ones and those that begin with `#` are passed over.
    pub fn parse(text: &str) -> Vec<Self> {
        let lines = text.lines().map(str::trim);
        lines
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let (name, version) = line.split_once(" = ").unwrap_or((line, ""));
                Self {
                    name: name.trim().to_owned(),
                    version: version.trim().to_owned(),
                }
            })
            .collect()
    }

    fn range(&self) -> Range {
        if self.version.is_empty() {
            Range::ANY
        } else {
            Range::EQUAL
        }
    }
}

/// Whether a specification means the packages of a stream's profile, a group or an environment.
pub fn is_group(specification: &str) -> bool {
    specification.starts_with('@')
}

/// Finds the packages that a request needs.
pub fn solve(repositories: &[Repository<'_>], request: &Request<'_>) -> Result<Solution, SolveError> {
    // In the order in which dnf reads them: it decides where nothing else does.
    let mut order: Vec<usize> = (0..repositories.len()).collect();
    order.sort_by_key(|&at| repositories[at].priority);
    let sorted: Vec<Repository<'_>> = order.iter().map(|&at| repositories[at]).collect();
    let mut solution = solve_in_order(&sorted, request)?;
    for chosen in &mut solution.packages {
        chosen.repository = order[chosen.repository];
    }
    Ok(solution)
}

fn solve_in_order(repositories: &[Repository<'_>], request: &Request<'_>) -> Result<Solution, SolveError> {
    let mut pool = Pool::new(repositories, request.architecture, request.assumed);
    let book = Book::read(repositories);
    let profiles = profiles::read(&book, request)?;
    let hidden = modules::hide(&mut pool, &book, &profiles.active, &profiles.meant);
    pool.mark_multiple(&MULTIPLE);
    let (jobs, absent_members) = jobs::of(&mut pool, request, &profiles, &hidden)?;
    let mut maker = RuleMaker::new(&mut pool, Omissions::new(request.omit));
    for job in &jobs {
        for &package in &job.candidates {
            maker.add_package(package);
        }
    }
    maker.add_supplementing();
    maker.unify();
    let (rules, job_rules, omissions) = maker.finish(&jobs);
    if pool.missing_filelists {
        return Err(SolveError::NeedsFileLists);
    }
    let mut search = Search::new(&mut pool, rules, job_rules);
    match search.run(request.weak) {
        Ok(()) => {
            let chosen: Vec<Solvable> = (search.pool.all())
                .filter(|&package| search.is_chosen(package))
                .collect();
            let mut solution = solution(&mut pool, &chosen, &jobs, &omissions, &hidden);
            solution.absent_members = absent_members;
            Ok(solution)
        }
        Err(Failure::GivenUp) => Err(SolveError::GivenUp),
        Err(Failure::Unsolvable(proof)) => {
            let proof: Vec<Rule> = proof.iter().map(|&id| search.rules[id as usize]).collect();
            let names: Vec<String> = jobs.iter().map(|job| job.specification.clone()).collect();
            let explanation = explanation::explain(&mut pool, &proof, &names, &hidden);
            Err(SolveError::Unsolvable {
                explanation: explanation.text,
                hints: explanation.hints.into_iter().collect(),
            })
        }
    }
}

fn solution(
    pool: &mut Pool<'_>,
    chosen: &[Solvable],
    jobs: &[Job],
    omissions: &Omissions<'_>,
    hidden: &Hidden,
) -> Solution {
    let mut reasons = reason::reasons(pool, chosen, jobs);
    let packages = chosen
        .iter()
        .map(|&package| Chosen {
            repository: pool.repository_of(package),
            position: pool.position_of(package),
            reason: reasons.remove(&package).unwrap_or(Reason::Supplements),
        })
        .collect();
    let mut omitted = BTreeMap::new();
    let mut unused_omissions = Vec::new();
    for &name in omissions.names() {
        let by = omissions.used.get(name).into_iter().flatten();
        let by: Vec<String> = by
            .filter(|package| chosen.binary_search(package).is_ok())
            .map(|&package| pool.describe(package))
            .collect();
        if by.is_empty() {
            unused_omissions.push(name.to_owned());
        } else {
            omitted.insert(name.to_owned(), by);
        }
    }
    Solution {
        packages,
        omitted,
        unused_omissions,
        streams: hidden.active.iter().cloned().collect(),
        absent_members: BTreeMap::new(),
    }
}
