//! `@module:stream/profile`: enables the stream, and means the packages of the profile.

use std::collections::BTreeSet;

use qclock_packages::rpm::{ModuleStream, glob_matches};

use super::jobs::Job;
use super::modules::{Hidden, ModuleError};
use super::pool::{Pool, Solvable};
use super::{Repository, Request, SolveError, groups};

/// What one specification wants of a stream.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) specification: &'a str,
    /// Names of packages.
    packages: Vec<&'a str>,
}

/// What a request's specifications say of streams.
#[derive(Debug)]
pub(super) struct Profiles<'a> {
    /// All that are enabled: module and stream.
    pub(super) streams: Vec<(String, String)>,
    pub(super) wanted: Vec<Wanted<'a>>,
}

/// A specification's parts.
struct Parts<'a> {
    module: &'a str,
    stream: Option<&'a str>,
    profile: Option<&'a str>,
}

/// All enabled streams, with those that specifications name; and what is wanted of them.
pub(super) fn read<'a>(repositories: &[Repository<'a>], request: &Request<'a>) -> Result<Profiles<'a>, SolveError> {
    let mut streams = request.streams.to_vec();
    let mut meant = Vec::new();
    for specification in request.install {
        let Some(parts) = Parts::read(specification) else {
            continue;
        };
        let is_module = repositories.iter().filter_map(|it| it.modules);
        let mut all = is_module.flat_map(|modules| &modules.streams);
        if !all.any(|it| it.name == parts.module) {
            // A group, then; but only streams have a colon.
            if parts.stream.is_some() && !groups::is_known(request.comps, &specification[1..]) {
                let module = parts.module.to_owned();
                return Err(ModuleError::UnknownModule { module }.into());
            }
            continue;
        }
        let stream = stream_of(repositories, &streams, &parts)?;
        if !streams
            .iter()
            .any(|(name, known)| name == parts.module && *known == stream)
        {
            streams.push((parts.module.to_owned(), stream.clone()));
        }
        meant.push((specification, parts, stream));
    }
    let mut wanted = Vec::new();
    for (specification, parts, stream) in meant {
        match packages(repositories, &parts, &stream) {
            Ok(packages) => wanted.push(Wanted {
                specification,
                packages,
            }),
            // The name of a stream and of a group: `@name/optional` means the group.
            Err(ModuleError::NoProfile { .. })
                if parts.stream.is_none() && groups::is_known(request.comps, parts.module) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Profiles { streams, wanted })
}

/// A job for each package of the profiles: of the stream where it has it, else any.
pub(super) fn jobs(pool: &Pool<'_>, wanted: &Wanted<'_>, hidden: &Hidden) -> Result<Vec<Job>, SolveError> {
    let job = |name: &&str| {
        let named = pool.named_exactly(name);
        let own: Vec<Solvable> = (named.iter().copied())
            .filter(|package| hidden.included.contains(package))
            .collect();
        let candidates: Vec<Solvable> = if own.is_empty() { named } else { own }
            .into_iter()
            .filter(|&package| pool.can_be_installed(package))
            .collect();
        if candidates.is_empty() {
            return Err(SolveError::NoMember {
                specification: wanted.specification.to_owned(),
                member: (*name).to_owned(),
            });
        }
        Ok(Job::new(wanted.specification, candidates))
    };
    wanted.packages.iter().map(job).collect()
}

impl<'a> Parts<'a> {
    /// `@module`, `@module:stream`, `@module/profile`, `@module:stream/profile`.
    fn read(specification: &'a str) -> Option<Self> {
        let text = specification.strip_prefix('@')?;
        let (text, profile) = match text.split_once('/') {
            Some((text, profile)) => (text, Some(profile)),
            None => (text, None),
        };
        let (module, stream) = match text.split_once(':') {
            Some((module, stream)) => (module, Some(stream)),
            None => (text, None),
        };
        Some(Self {
            module,
            stream,
            profile,
        })
    }
}

/// The stream that is meant: the named one, the enabled one, the default, or the only one.
fn stream_of(
    repositories: &[Repository<'_>],
    enabled: &[(String, String)],
    parts: &Parts<'_>,
) -> Result<String, ModuleError> {
    if let Some(stream) = parts.stream {
        return Ok(stream.to_owned());
    }
    if let Some((_, stream)) = enabled.iter().find(|(module, _)| module == parts.module) {
        return Ok(stream.clone());
    }
    let modules = || repositories.iter().filter_map(|it| it.modules);
    let defaults = modules().flat_map(|modules| &modules.defaults);
    let mut defaults = defaults.filter(|default| default.module == parts.module);
    if let Some(stream) = defaults.find_map(|default| default.stream.clone()) {
        return Ok(stream);
    }
    let all = modules().flat_map(|modules| &modules.streams);
    let all: BTreeSet<&String> = (all.filter(|it| it.name == parts.module))
        .map(|it| &it.stream)
        .collect();
    match *all.iter().collect::<Vec<_>>().as_slice() {
        [only] => Ok((*only).clone()),
        _ => Err(ModuleError::NoStream {
            module: parts.module.to_owned(),
            known: all.into_iter().cloned().collect(),
        }),
    }
}

/// Names of the packages of the profiles that are meant, as the newest build has them; of equally new ones the first.
fn packages<'a>(repositories: &[Repository<'a>], parts: &Parts<'_>, stream: &str) -> Result<Vec<&'a str>, ModuleError> {
    let modules = || repositories.iter().filter_map(|it| it.modules);
    let builds = modules().flat_map(|modules| &modules.streams);
    let builds = builds.filter(|it| it.name == parts.module && it.stream == stream);
    // That there is none is told when the stream is enabled.
    let newer = |best: &'a ModuleStream, it: &'a ModuleStream| if it.version > best.version { it } else { best };
    let Some(build) = builds.reduce(newer) else {
        return Ok(Vec::new());
    };
    let named: Vec<&str> = if let Some(pattern) = parts.profile {
        let names = build.profiles.keys().map(String::as_str);
        names.filter(|name| glob_matches(pattern, name)).collect()
    } else {
        let defaults = modules().flat_map(|modules| &modules.defaults);
        let defaults = defaults.filter(|default| default.module == parts.module);
        let names = defaults.filter_map(|default| default.profiles.get(stream)).flatten();
        names.map(String::as_str).collect()
    };
    let mut packages: Vec<&str> = Vec::new();
    for name in &named {
        let Some(profile) = build.profiles.get(*name) else {
            return Err(no_profile(build, Some(name)));
        };
        for package in profile {
            if !packages.contains(&package.as_str()) {
                packages.push(package);
            }
        }
    }
    if named.is_empty() {
        return Err(no_profile(build, parts.profile));
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
