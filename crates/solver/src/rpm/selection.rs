//! What a specification of a request means: dnf's readings, in its order, until one finds packages.

mod pattern;

use std::collections::BTreeSet;

use qclock_packages::rpm::{Capability, List, Requirement, glob_matches, hash, is_glob};

use super::pool::{Pool, SYSTEM, Solvable};
use pattern::{Form, Pattern};

/// The packages of which one is to be installed; a pattern gives one such list for each name that it matches.
pub(super) fn select(pool: &mut Pool<'_>, text: &str) -> Vec<Vec<Solvable>> {
    for form in [Form::Nevra, Form::NameArchitecture, Form::Name, Form::Nevr, Form::Nev] {
        let Some(pattern) = Pattern::parse(text, form) else {
            continue;
        };
        let found = pattern.find(pool);
        if found.is_empty() {
            continue;
        }
        if pattern.architecture.is_some_and(is_glob) {
            let groups = grouped(found, |left, right| {
                pool.same_name(left, right) && pool.same_architecture(left, right)
            });
            return with_obsoleting(pool, groups);
        }
        let groups = if is_glob(text) {
            by_name(pool, found)
        } else {
            vec![found]
        };
        return if form == Form::Name {
            with_obsoleting(pool, groups)
        } else {
            groups
        };
    }
    if is_glob(text) {
        let found = of_whole_name(pool, text);
        if !found.is_empty() {
            return by_name(pool, found);
        }
    }
    let mut found = provided(pool, text);
    if found.is_empty() && is_path(text) {
        found = owned(pool, text);
    }
    match (found.is_empty(), is_glob(text) && !is_path(text)) {
        (true, _) => Vec::new(),
        (_, true) => by_name(pool, found),
        (_, false) => vec![found],
    }
}

/// Packages that would be meant were they not hidden.
pub(super) fn hidden(pool: &mut Pool<'_>, text: &str) -> Vec<Solvable> {
    let kept = std::mem::take(&mut pool.hidden);
    pool.hidden = vec![false; kept.len()];
    let found = select(pool, text).into_iter().flatten().collect();
    pool.hidden = kept;
    found
}

/// Whether a specification is about files.
pub(super) fn is_path(text: &str) -> bool {
    text.starts_with('/') || text.starts_with("*/")
}

fn by_name(pool: &Pool<'_>, found: Vec<Solvable>) -> Vec<Vec<Solvable>> {
    grouped(found, |left, right| pool.same_name(left, right))
}

/// In the order of each group's first package.
fn grouped(found: Vec<Solvable>, alike: impl Fn(Solvable, Solvable) -> bool) -> Vec<Vec<Solvable>> {
    let mut groups: Vec<Vec<Solvable>> = Vec::new();
    for package in found {
        match groups.iter_mut().find(|group| alike(group[0], package)) {
            Some(group) => group.push(package),
            None => groups.push(vec![package]),
        }
    }
    groups
}

/// Joins the packages that obsolete what was named.
fn with_obsoleting(pool: &Pool<'_>, mut groups: Vec<Vec<Solvable>>) -> Vec<Vec<Solvable>> {
    for group in &mut groups {
        let obsoleting = obsoleting(pool, group);
        group.extend(obsoleting);
        group.sort_unstable();
        group.dedup();
    }
    groups
}

/// The same for packages that are meant together.
pub(super) fn with_obsoleting_one(pool: &Pool<'_>, group: Vec<Solvable>) -> Vec<Solvable> {
    with_obsoleting(pool, vec![group]).concat()
}

fn obsoleting(pool: &Pool<'_>, group: &[Solvable]) -> Vec<Solvable> {
    let names: BTreeSet<&str> = group.iter().map(|&package| pool.view(package).name()).collect();
    let mut found = Vec::new();
    for (repository, it) in pool.repositories.iter().enumerate() {
        for name in &names {
            let Some(id) = it.index.find(name.as_bytes(), hash(name.as_bytes())) else {
                continue;
            };
            for position in it.index.obsoleting(id) {
                let package = pool.number(repository, position);
                let mut obsoletes = pool.dependencies(package, List::Obsoletes);
                if obsoletes.any(|id| group.iter().any(|&other| pool.obsoletes(package, id, other)))
                    && pool.can_be_installed(package)
                {
                    found.push(package);
                }
            }
        }
    }
    found
}

/// A pattern of `name-version-release.architecture`, with the epoch where the pattern has one.
fn of_whole_name(pool: &Pool<'_>, text: &str) -> Vec<Solvable> {
    let with_epoch = text.contains(':');
    let fits = |package: Solvable| {
        let view = pool.view(package);
        let evr = match (view.evr().split_once(':'), with_epoch) {
            (Some((_, rest)), false) => rest,
            _ => view.evr(),
        };
        glob_matches(text, &format!("{}-{evr}.{}", view.name(), view.architecture()))
    };
    (pool.all())
        .filter(|&package| pool.can_be_installed(package) && fits(package))
        .collect()
}

fn provided(pool: &mut Pool<'_>, text: &str) -> Vec<Solvable> {
    let Ok(Requirement::Plain(Capability { name, range, version })) = Requirement::parse(text) else {
        return Vec::new();
    };
    let names = if is_glob(&name) {
        pool.provided_names(&name)
    } else if pool.is_provided_name(&name) {
        vec![name]
    } else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for name in names {
        found.extend(pool.without_assumed(|pool| {
            let list = pool.providers_of(&name, range, &version);
            pool.list(list).to_vec()
        }));
    }
    installable(pool, found)
}

/// Packages that have a file by this path.
fn owned(pool: &mut Pool<'_>, text: &str) -> Vec<Solvable> {
    let found = if is_glob(text) {
        pool.owners_of_pattern(text)
    } else {
        pool.without_assumed(|pool| {
            let list = pool.providers_of(text, qclock_packages::rpm::Range::ANY, "");
            pool.list(list).to_vec()
        })
    };
    installable(pool, found)
}

fn installable(pool: &Pool<'_>, mut found: Vec<Solvable>) -> Vec<Solvable> {
    found.retain(|&package| package > SYSTEM && pool.can_be_installed(package));
    found.sort_unstable();
    found.dedup();
    found
}
