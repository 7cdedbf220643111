//! What a request wants, as clauses: for each specification, one of its packages.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::Members;
use super::modules::Hidden;
use super::omission::Omissions;
use super::pool::{Pool, SYSTEM, Solvable};
use super::profiles::Profiles;
use super::rules::{Kind, NO_DEPENDENCY, Rule, RuleMaker};
use super::{Request, SolveError, groups, is_group, policy, selection};

/// Specification of a group → members that no repository has.
pub(super) type Absent = BTreeMap<String, Vec<String>>;

/// One of these packages is to be installed.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) specification: String,
    pub(super) candidates: Vec<Solvable>,
    /// Only where one of these is installed, too.
    pub(super) condition: Option<Vec<Solvable>>,
}

impl Job {
    pub(super) fn new(specification: &str, candidates: Vec<Solvable>) -> Self {
        Self {
            specification: specification.to_owned(),
            candidates,
            condition: None,
        }
    }
}

/// All of a request, in the order in which `dnf install` takes them: streams' profiles, packages, groups; and the members of groups that
/// no repository has.
pub(super) fn of(
    pool: &mut Pool<'_>,
    request: &Request<'_>,
    profiles: &Profiles<'_>,
    hidden: &Hidden,
) -> Result<(Vec<Job>, Absent), SolveError> {
    let mut jobs = Vec::new();
    for name in request.fixed {
        jobs.push(fixed(pool, name)?);
    }
    jobs.extend(profiles.jobs(pool, hidden)?);
    for specification in request.install.iter().filter(|text| !is_group(text)) {
        let groups = selection::select(pool, specification);
        if groups.is_empty() {
            return Err(no_match(pool, specification, hidden));
        }
        jobs.extend(groups.into_iter().map(|group| Job::new(specification, group)));
    }
    let mut members = Members::default();
    for specification in request.install.iter().filter(|text| is_group(text)) {
        if !profiles.specifications.contains(specification.as_str()) {
            groups::add(pool, request, specification, &mut members)?;
        }
    }
    jobs.extend(members.jobs);
    Ok((jobs, members.absent))
}

fn fixed(pool: &mut Pool<'_>, name: &str) -> Result<Job, SolveError> {
    let groups = selection::select(pool, name);
    let mut all = groups.concat().into_iter();
    let package = all.find(|&package| pool.describe(package) == *name);
    let package = package.ok_or_else(|| SolveError::FixedMissing { name: name.to_owned() })?;
    Ok(Job::new(name, vec![package]))
}

fn no_match(pool: &mut Pool<'_>, specification: &str, hidden: &Hidden) -> SolveError {
    if pool.missing_filelists {
        return SolveError::NeedsFileLists;
    }
    let found = selection::hidden(pool, specification);
    let streams = found
        .iter()
        .filter_map(|package| hidden.packages.get(package).cloned().flatten());
    let streams: BTreeSet<String> = streams.collect();
    SolveError::NoMatch {
        specification: specification.to_owned(),
        streams: streams.into_iter().collect(),
    }
}

impl<'a> RuleMaker<'_, 'a> {
    /// The rules of the request after those of the packages, and where they are.
    pub(super) fn finish(mut self, jobs: &[Job]) -> (Vec<Rule>, std::ops::Range<u32>, Omissions<'a>) {
        let count = |rules: &Vec<Rule>| u32::try_from(rules.len()).unwrap_or(u32::MAX);
        let start = count(&self.rules);
        for (number, job) in (0..).zip(jobs) {
            self.add_job(&job.candidates, job.condition.as_deref(), Kind::Job(number));
        }
        let end = count(&self.rules);
        self.add_inferior_architectures(jobs);
        // `best`: not just any version will do.
        for (number, job) in (0..).zip(jobs) {
            let mut best = job.candidates.clone();
            best.retain(|&package| self.pool.can_be_installed(package));
            if best.len() > 1 {
                let before = best.len();
                policy::keep_best(self.pool, &mut best);
                if best.len() < before {
                    self.add_job(&best, job.condition.as_deref(), Kind::Best(number));
                }
            }
        }
        (self.rules, start..end, self.omissions)
    }

    fn add_job(&mut self, candidates: &[Solvable], condition: Option<&[Solvable]>, kind: Kind) {
        let Some(condition) = condition else {
            return self.add_any_of(candidates, kind);
        };
        for &premise in condition.iter().filter(|package| !candidates.contains(package)) {
            let list = self.pool.keep(candidates);
            self.add(-premise, list, kind, 0, NO_DEPENDENCY);
        }
    }

    fn add_any_of(&mut self, candidates: &[Solvable], kind: Kind) {
        match *candidates {
            [] => self.add_short(-SYSTEM, 0, kind, 0, NO_DEPENDENCY),
            [only] => self.add_short(only, 0, kind, 0, NO_DEPENDENCY),
            [first, ref rest @ ..] => {
                let list = self.pool.keep(rest);
                self.add(first, list, kind, 0, NO_DEPENDENCY);
            }
        }
    }
}
