//! `@group` and `@^environment`: packages of which a repository's `comps.xml` says that they belong together.

use std::collections::BTreeSet;

use qclock_packages::rpm::{Comps, Group, Member, MemberKind, Range};

use super::jobs::{Absent, Job};
use super::pool::{Pool, SYSTEM, Solvable};
use super::{Request, SolveError, selection};

/// Kinds of members that are taken where the specification names none, as dnf's `group_package_types` has them.
const KINDS: [MemberKind; 3] = [MemberKind::Mandatory, MemberKind::Default, MemberKind::Conditional];

/// What all groups of a request come to.
#[derive(Debug, Default)]
pub(super) struct Members {
    pub(super) jobs: Vec<Job>,
    pub(super) absent: Absent,
    /// (name, condition) of those that are there.
    seen: BTreeSet<(String, Option<String>)>,
}

/// Adds the members of all groups and environments that a specification means.
pub(super) fn add(
    pool: &mut Pool<'_>,
    request: &Request<'_>,
    specification: &str,
    members: &mut Members,
) -> Result<(), SolveError> {
    let text = specification.strip_prefix('@').unwrap_or(specification);
    let (pattern, kinds) = match text.split_once('/') {
        Some((pattern, kinds)) => (pattern, read_kinds(specification, kinds)?),
        None => (text, KINDS.to_vec()),
    };
    let groups = request.comps.map(|comps| meant(comps, pattern)).unwrap_or_default();
    if groups.is_empty() {
        return Err(SolveError::NoGroup {
            specification: specification.to_owned(),
        });
    }
    let all = groups.iter().flat_map(|group| &group.members);
    for member in all.filter(|member| kinds.contains(&member.kind)) {
        if members.seen.insert((member.name.clone(), member.requires.clone())) {
            match job(pool, request, specification, member) {
                Some(job) => members.jobs.push(job),
                None => members
                    .absent
                    .entry(specification.to_owned())
                    .or_default()
                    .push(member.name.clone()),
            }
        }
    }
    Ok(())
}

/// Whether a pattern means any group or environment.
pub(super) fn is_known(comps: Option<&Comps>, pattern: &str) -> bool {
    comps.is_some_and(|comps| !meant(comps, pattern).is_empty())
}

/// Groups by identifier, name or pattern, and those of environments; `^` before the pattern means environments alone.
fn meant<'c>(comps: &'c Comps, pattern: &str) -> Vec<&'c Group> {
    let (pattern, environments_alone) = match pattern.strip_prefix('^') {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut groups = Vec::new();
    let of_environments = comps.environments_like(pattern).into_iter().flat_map(|it| &it.groups);
    for id in of_environments {
        groups.extend(comps.groups.iter().filter(|group| group.id == *id));
    }
    if !environments_alone {
        groups.extend(comps.groups_like(pattern));
    }
    groups
}

fn read_kinds(specification: &str, text: &str) -> Result<Vec<MemberKind>, SolveError> {
    let kinds = text.split(',').map(|word| {
        MemberKind::parse(word).ok_or_else(|| SolveError::MemberKind {
            specification: specification.to_owned(),
            text: word.to_owned(),
        })
    });
    kinds.collect()
}

/// None where no repository has it.
fn job(pool: &mut Pool<'_>, request: &Request<'_>, specification: &str, member: &Member) -> Option<Job> {
    let mut candidates: Vec<Solvable> = (pool.named_exactly(&member.name).into_iter())
        .filter(|&package| pool.can_be_installed(package))
        .filter(|&package| !member.base_architecture_only || pool.view(package).architecture() == request.architecture)
        .collect();
    if candidates.is_empty() {
        return None;
    }
    let mut job = Job::new(specification, Vec::new());
    match &member.requires {
        // As the requirement `(name if other)`, by what packages provide.
        Some(condition) => {
            let mut providing = |name: &str| -> Vec<Solvable> {
                let list = pool.providers_of(name, Range::ANY, "");
                let all = pool.list(list).iter().copied();
                all.filter(|&package| package > SYSTEM).collect()
            };
            candidates = providing(&member.name);
            job.condition = Some(providing(condition));
        }
        None => candidates = selection::with_obsoleting_one(pool, candidates),
    }
    job.candidates = candidates;
    Some(job)
}
