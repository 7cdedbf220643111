//! The packages of each image, a child's on top of its parent's.

use std::collections::{BTreeMap, BTreeSet};

use qclock_packages::rpm::Comps;
use qclock_solver::rpm::{self, Solution, SolveError};
use qclock_trust::{Digest, RepositoryRecord, UnknownDigest};

use crate::definition::Definition;
use crate::lock::LockError;
use crate::lockfile::{LockedArchive, LockedImage, LockedOmission, LockedPackage, effective_omissions};
use crate::project::Project;
use crate::repository::{Means, Repository, is_inside, keep_all, read_comps, read_filelists};

/// What all images together are made of.
pub(super) struct Solved {
    /// Parents before children.
    pub(super) images: Vec<LockedImage>,
    /// By name; nothing yet of signatures and scripts.
    pub(super) packages: Vec<LockedPackage>,
    /// What the repositories say of each package, by its name.
    pub(super) records: BTreeMap<String, RepositoryRecord>,
}

/// A package: position of its repository, and position there.
type Place = (usize, usize);

/// An image's packages, in the solver's order.
struct Set {
    solution: Solution,
    places: Vec<Place>,
    /// `name-[epoch:]version-release.arch` of each.
    full_names: Vec<String>,
    names: Vec<String>,
}

pub(super) fn solve_all(
    project: &Project,
    repositories: &mut [Repository],
    means: Means<'_>,
) -> Result<Solved, LockError> {
    let selections = project
        .images()
        .iter()
        .map(|image| image.selection(&project.flavour.name));
    let asked: Vec<String> = selections.flat_map(|selection| selection.install).collect();
    let comps = read_comps(repositories, &asked, means)?;
    let comps = comps.as_ref();
    let first = std::thread::scope(|scope| {
        keep_all(scope, repositories, means.cache);
        solve_images(project, repositories, comps)
    });
    match first {
        Err(LockError::SolveRpm { source, .. }) if matches!(*source, SolveError::NeedsFileLists) => {
            read_filelists(repositories, &asked, means)?;
            solve_images(project, repositories, comps)
        }
        solved => solved,
    }
}

fn solve_images(project: &Project, repositories: &[Repository], comps: Option<&Comps>) -> Result<Solved, LockError> {
    let mut solved: BTreeMap<&str, Set> = BTreeMap::new();
    let mut images = Vec::new();
    let mut chosen: BTreeSet<Place> = BTreeSet::new();
    for image in project.images() {
        let parent = image.parent.as_deref().and_then(|parent| solved.get(parent));
        let set = solve(project, image, parent, repositories, comps)?;
        images.push(locked_image(project, image, parent, &set));
        chosen.extend(&set.places);
        solved.insert(&image.name, set);
    }
    let mut packages = Vec::new();
    let mut records = BTreeMap::new();
    for place in chosen {
        let (package, record) = locked_package(repositories, place)?;
        records.insert(package.name.clone(), record);
        packages.push(package);
    }
    packages.sort_by(|left, right| (&left.name, &left.version).cmp(&(&right.name, &right.version)));
    if let Some(pair) = packages.windows(2).find(|pair| pair[0].name == pair[1].name) {
        let version = |package: &LockedPackage| format!("{}.{}", package.version, package.architecture);
        return Err(LockError::Diverging {
            name: pair[0].name.clone(),
            versions: [version(&pair[0]), version(&pair[1])],
        });
    }
    Ok(Solved {
        images,
        packages,
        records,
    })
}

fn solve(
    project: &Project,
    image: &Definition,
    parent: Option<&Set>,
    repositories: &[Repository],
    comps: Option<&Comps>,
) -> Result<Set, LockError> {
    let flavour = &project.flavour;
    let selection = image.selection(&flavour.name);
    let omit: BTreeSet<String> = effective_omissions(project, image)
        .into_keys()
        .map(str::to_owned)
        .collect();
    let mut streams: Vec<(String, String)> = flavour
        .streams
        .iter()
        .map(|stream| (stream.module.clone(), stream.stream.clone()))
        .collect();
    // What the parent enabled by asking for a profile holds for its packages, which are here, too.
    for build in parent.into_iter().flat_map(|parent| &parent.solution.streams) {
        let mut parts = build.split(':').map(str::to_owned);
        if let (Some(module), Some(stream)) = (parts.next(), parts.next())
            && !streams.iter().any(|(known, _)| *known == module)
        {
            streams.push((module, stream));
        }
    }
    let views: Vec<_> = repositories.iter().map(Repository::view).collect();
    let request = rpm::Request {
        install: &selection.install,
        comps,
        fixed: parent.map_or(&[][..], |parent| &parent.full_names),
        omit: &omit,
        assumed: &[],
        streams: &streams,
        platform: flavour.platform.as_deref().unwrap_or_default(),
        architecture: &flavour.architecture,
        weak: false,
    };
    let solution = rpm::solve(&views, &request).map_err(|source| LockError::SolveRpm {
        image: image.name.clone(),
        source: Box::new(source),
    })?;
    let own: BTreeSet<&String> = selection
        .omissions
        .iter()
        .flat_map(|omission| &omission.names)
        .collect();
    let idle: Vec<String> = solution
        .unused_omissions
        .iter()
        .filter(|name| own.contains(name))
        .cloned()
        .collect();
    if !idle.is_empty() {
        return Err(LockError::IdleOmissions {
            image: image.name.clone(),
            names: idle,
        });
    }
    let places: Vec<Place> = solution
        .packages
        .iter()
        .map(|it| (it.repository, it.position))
        .collect();
    let view = |&(repository, position): &Place| views[repository].index.package(position);
    Ok(Set {
        full_names: places
            .iter()
            .map(view)
            .map(|view| format!("{}-{}.{}", view.name(), view.evr(), view.architecture()))
            .collect(),
        names: places.iter().map(|place| view(place).name().to_owned()).collect(),
        places,
        solution,
    })
}

fn locked_image(project: &Project, image: &Definition, parent: Option<&Set>, set: &Set) -> LockedImage {
    // What only the parent's packages ask for is said there.
    let inherited: BTreeSet<&String> = parent.into_iter().flat_map(|parent| &parent.full_names).collect();
    let name_of: BTreeMap<&String, &String> = set.full_names.iter().zip(&set.names).collect();
    let reasons = effective_omissions(project, image);
    let omissions = set.solution.omitted.iter().filter_map(|(name, required_by)| {
        let own: BTreeSet<&String> = required_by
            .iter()
            .filter(|by| !inherited.contains(by))
            .filter_map(|by| name_of.get(by).copied())
            .collect();
        (!own.is_empty()).then(|| LockedOmission {
            name: name.clone(),
            required_by: own.into_iter().cloned().collect(),
            reason: reasons.get(name.as_str()).copied().unwrap_or_default().to_owned(),
        })
    });
    let omissions = omissions.collect();
    let mut packages = set.names.clone();
    packages.sort();
    let mut install = image.selection(&project.flavour.name).install;
    install.sort();
    LockedImage {
        name: image.name.clone(),
        parent: image.parent.clone(),
        install,
        packages,
        omissions,
        archives: LockedArchive::all_of(image),
    }
}

fn locked_package(
    repositories: &[Repository],
    (repository, position): Place,
) -> Result<(LockedPackage, RepositoryRecord), LockError> {
    let repository = &repositories[repository];
    let view = repository.index.package(position);
    let refused = |reason: &'static str| LockError::Record {
        name: view.name().to_owned(),
        repository: repository.name().to_owned(),
        reason,
    };
    if !view.base().is_empty() || !is_inside(view.location()) || view.location().contains(['?', '#']) {
        return Err(refused("a place outside of it"));
    }
    let digest = Digest::parse(repository.index.checksum_kind(), &hex::encode(view.checksum()));
    let digest = digest.map_err(|error| match error {
        UnknownDigest::Kind => refused("a checksum of a kind that is not taken"),
        UnknownDigest::Text => refused("a malformed checksum"),
    })?;
    let (source, source_version) = source(view.source());
    let (start, end) = view.header_range();
    let record = RepositoryRecord {
        digest,
        size: view.size(),
        header_range: (end > start).then_some((u64::from(start), u64::from(end))),
        nevra: Some(format!("{}-{}.{}", view.name(), view.evr(), view.architecture())),
    };
    let package = LockedPackage {
        name: view.name().to_owned(),
        version: view.evr().to_owned(),
        architecture: view.architecture().to_owned(),
        suite: None,
        repository: Some(repository.name().to_owned()),
        path: view.location().to_owned(),
        size: view.size(),
        // Of another kind: the package's own is worked out when it is here.
        sha256: match digest {
            Digest::Sha256(sha256) => sha256.to_string(),
            _ => String::new(),
        },
        signed_by: String::new(),
        signed_at: None,
        source,
        source_version,
        scripts: BTreeMap::new(),
    };
    Ok((package, record))
}

/// Name and `version-release` of a source package by its file's name, `httpd-2.4.62-4.el9.src.rpm`.
fn source(file: &str) -> (String, String) {
    let stem = file
        .strip_suffix(".src.rpm")
        .or_else(|| file.strip_suffix(".nosrc.rpm"))
        .unwrap_or(file);
    let mut parts = stem.rsplitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(release), Some(version), Some(name)) => (name.to_owned(), format!("{version}-{release}")),
        _ => (stem.to_owned(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_packages_are_named_by_their_files() {
        let named = |file| source(file);
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(named("php-fpm-8.2.13-1.el9.src.rpm"), pair("php-fpm", "8.2.13-1.el9"));
        assert_eq!(named("odd.src.rpm"), pair("odd", ""));
        assert_eq!(named(""), pair("", ""));
    }
}
