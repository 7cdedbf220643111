//! `@module:stream/profile`: enables the stream, and means the packages of the profile.

use std::collections::BTreeSet;

use qclock_packages::rpm::{ModuleStream, glob_matches};

use super::jobs::Job;
use super::modules::{Book, BuildId, Hidden, ModuleError, Setting, Specification, Streams, unknown};
use super::pool::{Pool, Solvable};
use super::{Request, SolveError, groups};

/// What a request's specifications say of streams.
#[derive(Debug, Default)]
pub(super) struct Profiles<'a> {
    /// Packages by name, each with the first specification that wants it.
    wanted: Vec<(&'a str, &'a str)>,
    /// Specifications that mean no group.
    pub(super) specifications: BTreeSet<&'a str>,
    /// The builds in use, and those of them that a specification means.
    pub(super) active: BTreeSet<BuildId>,
    pub(super) meant: BTreeSet<BuildId>,
}

/// Enables all that the request means, and works out what is wanted of it.
pub(super) fn read<'a>(book: &Book<'a>, request: &Request<'a>) -> Result<Profiles<'a>, SolveError> {
    let setting = Setting {
        platform: request.platform,
        architecture: request.architecture,
    };
    let mut streams = Streams::enable(book, request.streams, setting)?;
    let mut meant = Vec::new();
    for specification in request.install {
        let Some(text) = specification.strip_prefix('@') else {
            continue;
        };
        let parts = Specification::read(text);
        let found = parts.map(|parts| book.meant(&parts)).unwrap_or_default();
        match parts {
            Some(parts) if !found.is_empty() => {
                let builds = streams.enable_meant(specification, &found)?;
                meant.push((specification.as_str(), parts, builds));
            }
            // A group, then; but only streams have a colon.
            Some(parts) if parts.stream.is_some() && !groups::is_known(request.comps, text) => {
                return Err(unknown(book, parts.module, parts.stream.unwrap_or_default()).into());
            }
            _ => {}
        }
    }
    if !meant.is_empty() {
        streams.settle()?;
    }
    let mut profiles = Profiles::default();
    for (specification, parts, builds) in meant {
        profiles.add(book, request, &streams.active, (specification, parts), &builds)?;
    }
    profiles.active = streams.active;
    Ok(profiles)
}

impl<'a> Profiles<'a> {
    fn add(
        &mut self,
        book: &Book<'a>,
        request: &Request<'a>,
        active: &BTreeSet<BuildId>,
        (specification, parts): (&'a str, Specification<'a>),
        builds: &[BuildId],
    ) -> Result<(), SolveError> {
        let is_group = groups::is_known(request.comps, parts.module) && parts.stream.is_none();
        let mut is_module = true;
        let streams: BTreeSet<(&str, &str)> = (builds.iter())
            .map(|&id| (book.builds[id].name.as_str(), book.builds[id].stream.as_str()))
            .collect();
        for (module, stream) in streams {
            let is_of = |id: &&BuildId| book.builds[**id].name == module && book.builds[**id].stream == stream;
            let in_use: Vec<BuildId> = builds
                .iter()
                .filter(is_of)
                .copied()
                .filter(|id| active.contains(id))
                .collect();
            // Of equally new ones the first.
            let newer =
                |best: &'a ModuleStream, it: &'a ModuleStream| if it.version > best.version { it } else { best };
            let Some(build) = in_use.iter().map(|&id| book.builds[id]).reduce(newer) else {
                return Err(not_in_use(book, active, specification, (module, stream)).into());
            };
            match packages(book, build, parts.profile) {
                Ok(packages) => {
                    for package in packages {
                        if !self.wanted.iter().any(|(known, _)| *known == package) {
                            self.wanted.push((package, specification));
                        }
                    }
                    self.meant.extend(in_use);
                }
                // The name of a stream and of a group: `@name/optional` means the group.
                Err(ModuleError::NoProfile { profile: Some(_), .. }) if is_group => is_module = false,
                Err(error) => return Err(error.into()),
            }
        }
        if is_module {
            self.specifications.insert(specification);
        }
        Ok(())
    }

    /// A job for each package of the profiles: of the streams where they have it, else any.
    pub(super) fn jobs(&self, pool: &Pool<'_>, hidden: &Hidden) -> Result<Vec<Job>, SolveError> {
        let job = |&(name, specification): &(&str, &str)| {
            let mut candidates = pool.named_exactly(name);
            candidates.retain(|&package| pool.can_be_installed(package));
            let own: Vec<Solvable> = (candidates.iter().copied())
                .filter(|package| hidden.meant.contains(package))
                .collect();
            if !own.is_empty() {
                candidates = own;
            }
            if candidates.is_empty() {
                return Err(SolveError::NoMember {
                    specification: specification.to_owned(),
                    member: name.to_owned(),
                });
            }
            Ok(Job::new(specification, candidates))
        };
        self.wanted.iter().map(job).collect()
    }
}

/// Names of the packages of the profiles that are meant.
fn packages<'a>(book: &Book<'a>, build: &'a ModuleStream, profile: Option<&str>) -> Result<Vec<&'a str>, ModuleError> {
    let named: Vec<&str> = if let Some(pattern) = profile {
        let names = build.profiles.keys().map(String::as_str);
        names.filter(|name| glob_matches(pattern, name)).collect()
    } else {
        let names = book.default_profiles(&build.name, &build.stream);
        names.iter().map(String::as_str).collect()
    };
    let mut packages: Vec<&str> = Vec::new();
    for name in &named {
        let Some(list) = build.profiles.get(*name) else {
            return Err(no_profile(build, profile.or(Some(name))));
        };
        let list: BTreeSet<&str> = list.iter().map(String::as_str).collect();
        packages.extend(list);
    }
    if named.is_empty() {
        return Err(no_profile(build, profile));
    }
    Ok(packages)
}

fn no_profile(build: &ModuleStream, profile: Option<&str>) -> ModuleError {
    ModuleError::NoProfile {
        module: build.name.clone(),
        stream: build.stream.clone(),
        profile: profile.map(str::to_owned),
        known: build.profiles.keys().cloned().collect(),
    }
}

fn not_in_use(
    book: &Book<'_>,
    active: &BTreeSet<BuildId>,
    specification: &str,
    (module, stream): (&str, &str),
) -> ModuleError {
    let builds = active.iter().map(|&id| book.builds[id]);
    let builds = builds.filter(|it| it.name == module && it.stream == stream);
    ModuleError::NotInUse {
        specification: specification.to_owned(),
        module: module.to_owned(),
        stream: stream.to_owned(),
        active: builds.map(|it| format!("{}:{}", it.version, it.context)).collect(),
    }
}
