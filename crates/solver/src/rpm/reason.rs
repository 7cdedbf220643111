//! Why each package of a solution is in it: the shortest way from the request.

use std::collections::{BTreeMap, VecDeque};

use qclock_packages::rpm::List;

use super::Reason;
use super::jobs::Job;
use super::normal_form::{Blocks, Form, normalize};
use super::pool::{Pool, Solvable, is_complex};

/// `jobs`: the packages of which each specification is one.
pub(super) fn reasons(pool: &mut Pool<'_>, chosen: &[Solvable], jobs: &[Job]) -> BTreeMap<Solvable, Reason> {
    let position = |package: Solvable| chosen.binary_search(&package).ok();
    let mut reasons = BTreeMap::new();
    let mut waiting = VecDeque::new();
    for job in jobs {
        for &package in job.candidates.iter().filter(|&&package| position(package).is_some()) {
            reasons.entry(package).or_insert_with(|| {
                waiting.push_back(package);
                Reason::Request(job.specification.clone())
            });
        }
    }
    while let Some(package) = waiting.pop_front() {
        for list in [List::Requires, List::Recommends] {
            for id in pool.dependencies(package, list) {
                for next in meeting(pool, package, id) {
                    if position(next).is_none() || reasons.contains_key(&next) {
                        continue;
                    }
                    let requirement = pool.dependency(package, id).to_string();
                    let by = position(package).unwrap_or(0);
                    let reason = if list == List::Requires {
                        Reason::Required { by, requirement }
                    } else {
                        Reason::Recommended { by, requirement }
                    };
                    reasons.insert(next, reason);
                    waiting.push_back(next);
                }
            }
        }
    }
    for &package in chosen {
        reasons.entry(package).or_insert(Reason::Supplements);
    }
    reasons
}

/// Packages that a requirement speaks of.
fn meeting(pool: &mut Pool<'_>, package: Solvable, id: qclock_packages::rpm::DependencyId) -> Vec<Solvable> {
    if pool.dependency(package, id).rich
        && let Some(requirement) = pool.rich(package, id)
        && is_complex(&requirement)
    {
        return match normalize(pool, &requirement, Form::Conjunctive) {
            Ok(Blocks::Some(blocks)) => blocks.into_iter().flatten().filter(|&literal| literal > 0).collect(),
            _ => Vec::new(),
        };
    }
    let list = pool.providers(package, id);
    pool.list(list).to_vec()
}
