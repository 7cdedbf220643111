//! The packages of each image, a child's on top of its parent's.

use std::collections::{BTreeMap, BTreeSet};

use qclock_packages::deb::{Package, Version};
use qclock_solver::deb::{self, Requirement, Solution};

use super::LockError;
use super::suite::SignedSuite;
use super::universe::Universe;
use crate::definition::Definition;
use crate::lockfile::{LockedArchive, LockedImage, LockedOmission, LockedPackage, effective_omissions};
use crate::project::Project;

/// Parents before children, and every package that any image holds, by name, without its scripts.
pub(super) fn solve_all(
    project: &Project,
    suites: &[SignedSuite],
    indexes: &[String],
) -> Result<(Vec<LockedImage>, Vec<LockedPackage>), LockError> {
    let universe = reachable(project, suites, indexes)?;
    let mut solved: BTreeMap<&str, Solution> = BTreeMap::new();
    let mut images = Vec::new();
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    for image in project.images() {
        let parent = image.parent.as_deref().and_then(|parent| solved.get(parent));
        let solution = solve(project, image, parent, &universe)?;
        images.push(locked_image(project, image, parent, &solution, &universe));
        chosen.extend(&solution.packages);
        solved.insert(&image.name, solution);
    }
    let mut packages: Vec<LockedPackage> = chosen
        .into_iter()
        .map(|position| locked_package(&universe.packages[position], &suites[universe.suites[position]]))
        .collect();
    packages.sort_by(|left, right| (&left.name, &left.version).cmp(&(&right.name, &right.version)));
    if let Some(pair) = packages.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(LockError::Diverging {
            name: pair[0].name.clone(),
            versions: [pair[0].version.clone(), pair[1].version.clone()],
        });
    }
    Ok((images, packages))
}

/// An omission leads nowhere only where every image that could follow it leaves it out.
fn reachable(project: &Project, suites: &[SignedSuite], indexes: &[String]) -> Result<Universe, LockError> {
    let mut names = BTreeSet::new();
    let mut omitted: Option<BTreeSet<String>> = None;
    for image in project.images() {
        let selection = image.selection(&project.flavour.name);
        for text in &selection.install {
            names.extend(requirement(image, text)?.0.into_iter().map(|relation| relation.name));
        }
        let own: BTreeSet<String> = effective_omissions(project, image)
            .into_keys()
            .map(str::to_owned)
            .collect();
        omitted = Some(omitted.map_or_else(|| own.clone(), |all| &all & &own));
    }
    let suites: Vec<&str> = suites.iter().map(|suite| suite.locked.name.as_str()).collect();
    Universe::reach(&suites, indexes, names, &omitted.unwrap_or_default())
}

fn solve(
    project: &Project,
    image: &Definition,
    parent: Option<&Solution>,
    universe: &Universe,
) -> Result<Solution, LockError> {
    let selection = image.selection(&project.flavour.name);
    let omit: BTreeSet<String> = effective_omissions(project, image)
        .into_keys()
        .map(str::to_owned)
        .collect();
    let fixed = parent
        .into_iter()
        .flat_map(|solution| &solution.packages)
        .map(|position| {
            let package = &universe.packages[*position];
            (package.name.clone(), package.version.clone())
        });
    let request = deb::Request {
        install: selection
            .install
            .iter()
            .map(|text| requirement(image, text))
            .collect::<Result<_, _>>()?,
        fixed: fixed.collect::<Vec<(String, Version)>>(),
        omit: &omit,
        index: &universe.packages,
        architecture: &project.flavour.architecture,
        essential: false,
    };
    let solution = deb::solve(&request).map_err(|source| LockError::Solve {
        image: image.name.clone(),
        source,
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
    if idle.is_empty() {
        Ok(solution)
    } else {
        Err(LockError::IdleOmissions {
            image: image.name.clone(),
            names: idle,
        })
    }
}

fn requirement(image: &Definition, text: &str) -> Result<Requirement, LockError> {
    text.parse().map_err(|source| LockError::Requirement {
        image: image.name.clone(),
        name: text.to_owned(),
        source,
    })
}

fn locked_image(
    project: &Project,
    image: &Definition,
    parent: Option<&Solution>,
    solution: &Solution,
    universe: &Universe,
) -> LockedImage {
    // What only the parent's packages ask for is said there.
    let inherited: BTreeSet<&str> = parent
        .into_iter()
        .flat_map(|solution| &solution.packages)
        .map(|position| universe.packages[*position].name.as_str())
        .collect();
    let reasons = effective_omissions(project, image);
    let omissions = solution.omitted.iter().filter_map(|(name, required_by)| {
        let own: BTreeSet<&String> = required_by
            .iter()
            .filter(|name| !inherited.contains(name.as_str()))
            .collect();
        (!own.is_empty()).then(|| LockedOmission {
            name: name.clone(),
            required_by: own.into_iter().cloned().collect(),
            reason: reasons.get(name.as_str()).copied().unwrap_or_default().to_owned(),
        })
    });
    let mut packages: Vec<String> = solution
        .packages
        .iter()
        .map(|position| universe.packages[*position].name.clone())
        .collect();
    packages.sort();
    let mut install = image.selection(&project.flavour.name).install;
    install.sort();
    LockedImage {
        name: image.name.clone(),
        parent: image.parent.clone(),
        install,
        packages,
        omissions: omissions.collect(),
        archives: LockedArchive::all_of(image),
    }
}

fn locked_package(package: &Package, suite: &SignedSuite) -> LockedPackage {
    LockedPackage {
        name: package.name.clone(),
        version: package.version.to_string(),
        architecture: package.architecture.clone(),
        suite: Some(suite.locked.name.clone()),
        repository: None,
        path: package.path.clone(),
        size: package.size,
        sha256: package.sha256.clone(),
        signed_by: suite.locked.signed_by.clone(),
        signed_at: None,
        source: package.source.clone(),
        source_version: package.source_version.clone(),
        scripts: BTreeMap::new(),
    }
}
