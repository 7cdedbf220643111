//! The same question to Debian's packages: `apache2`, `php8.2-fpm (>= 8.2.20)`, `httpd | apache2`, `curl=7.88.1-10`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use fs_err as fs;
use qclock_packages::deb::{Alternatives, Package};
use qclock_packages::rpm::decompress;
use qclock_solver::deb::{self, Requirement};

use super::{Request, Resolution, ResolveError, Resolved, Why};
use crate::lock::universe::Universe;
use crate::repository::{Place, Source};

/// Largest index that is taken.
const LARGEST: u64 = 1 << 30;
/// Most that a folder of suites may hold.
const MOST_INDEXES: usize = 256;

/// `names` and `indexes` are those of the suites.
pub(crate) fn answer(names: &[&str], indexes: &[String], request: &Request) -> Result<Resolution, ResolveError> {
    if request.weak {
        return Err(ResolveError::RpmOnly { what: "--weak" });
    }
    if !request.streams.is_empty() {
        return Err(ResolveError::RpmOnly { what: "--module" });
    }
    let install = request
        .specifications
        .iter()
        .map(|text| requirement(text))
        .collect::<Result<Vec<_>, _>>()?;
    let assumed = request.assumed.iter().map(|assumed| assumed.name.clone());
    let omit: BTreeSet<String> = request.omitted.iter().cloned().chain(assumed).collect();
    let asked = install.iter().flat_map(|requirement| &requirement.0);
    let asked = asked.map(|relation| relation.name.clone()).collect();
    let universe = Universe::reach(names, indexes, asked, &omit)?;
    let solution = deb::solve(&deb::Request {
        install: install.clone(),
        fixed: Vec::new(),
        omit: &omit,
        index: &universe.packages,
        architecture: debian_name(&request.architecture),
        essential: false,
    })
    .map_err(|source| ResolveError::Debian {
        names: names.iter().map(|&name| name.to_owned()).collect(),
        source: Box::new(source),
    })?;
    let chosen: Vec<&Package> = solution.packages.iter().map(|&at| &universe.packages[at]).collect();
    let mut reasons = reasons(&chosen, &request.specifications, &install);
    let mut packages: Vec<Resolved> = (chosen.iter().zip(&solution.packages))
        .map(|(package, &at)| Resolved {
            nevra: describe(package),
            name: package.name.clone(),
            version: package.version.to_string(),
            architecture: package.architecture.clone(),
            repository: names[universe.suites[at]].to_owned(),
            location: package.path.clone(),
            checksum: format!("sha256:{}", package.sha256),
            size: package.size,
            installed_size: package.installed_size.unwrap_or(0).saturating_mul(1024),
            source: package.source.clone(),
            license: String::new(),
            why: reasons.remove(package.name.as_str()).unwrap_or(Why::Supplements),
        })
        .collect();
    packages.sort_by(|left, right| left.nevra.cmp(&right.nevra));
    let unused = solution.unused_omissions.into_iter();
    Ok(Resolution {
        packages,
        streams: Vec::new(),
        omitted: solution.omitted,
        unused_omissions: unused.filter(|name| request.omitted.contains(name)).collect(),
        absent_members: BTreeMap::new(),
    })
}

/// `name=version` is what apt takes.
fn requirement(text: &str) -> Result<Requirement, ResolveError> {
    let plain = match text.split_once('=') {
        Some((name, version)) if !text.contains(['(', ' ']) => format!("{name} (= {version})"),
        _ => text.to_owned(),
    };
    plain.parse().map_err(|source| ResolveError::Requirement {
        text: text.to_owned(),
        source,
    })
}

fn describe(package: &Package) -> String {
    format!("{}-{}.{}", package.name, package.version, package.architecture)
}

/// Name → the shortest way to it from the request.
fn reasons<'a>(chosen: &[&'a Package], texts: &[String], install: &[Requirement]) -> BTreeMap<&'a str, Why> {
    let mut meeting: BTreeMap<&str, Vec<&'a Package>> = BTreeMap::new();
    for &package in chosen {
        meeting.entry(&package.name).or_default().push(package);
        for provide in &package.provides {
            meeting.entry(&provide.name).or_default().push(package);
        }
    }
    let meet = |alternatives: &Alternatives| -> Vec<&'a Package> {
        let lists = alternatives
            .iter()
            .filter_map(|relation| meeting.get(relation.name.as_str()));
        lists.flatten().copied().collect()
    };
    let mut reasons = BTreeMap::new();
    let mut waiting = VecDeque::new();
    for (text, requirement) in texts.iter().zip(install) {
        for package in meet(&requirement.0) {
            reasons.entry(package.name.as_str()).or_insert_with(|| {
                waiting.push_back(package);
                Why::Request(text.clone())
            });
        }
    }
    while let Some(package) = waiting.pop_front() {
        for group in package.pre_depends.iter().chain(&package.depends) {
            for next in meet(group) {
                reasons.entry(next.name.as_str()).or_insert_with(|| {
                    waiting.push_back(next);
                    Why::Required {
                        by: describe(package),
                        requirement: Requirement(group.clone()).to_string(),
                    }
                });
            }
        }
    }
    reasons
}

fn debian_name(architecture: &str) -> &str {
    match architecture {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Whether a source is a folder of Debian packages: `dists/…`, or `Packages` itself.
pub(crate) fn is_debian(source: &Source) -> bool {
    match &source.place {
        Place::Folder(folder) => {
            !folder.join("repodata/repomd.xml").exists()
                && (folder.join("dists").is_dir() || packed(folder).is_some() || folder.join("InRelease").is_file())
        }
        Place::Address(_) => false,
    }
}

/// All indexes below such folders, each with the name of its repository.  Nobody signed for what a folder on this machine holds.
pub(crate) fn read_folders<'a>(
    sources: &'a [Source],
    request: &Request,
) -> Result<(Vec<&'a str>, Vec<String>), ResolveError> {
    let architecture = debian_name(&request.architecture);
    let (mut names, mut indexes) = (Vec::new(), Vec::new());
    for source in sources {
        let Place::Folder(folder) = &source.place else {
            continue;
        };
        let mut paths: Vec<PathBuf> = packed(folder).into_iter().collect();
        for suite in folders(&folder.join("dists")) {
            for component in folders(&suite) {
                paths.extend(packed(&component.join(format!("binary-{architecture}"))));
            }
        }
        if paths.is_empty() || paths.len() > MOST_INDEXES {
            return Err(ResolveError::NoDebianIndex {
                name: source.name.clone(),
                architecture: architecture.to_owned(),
            });
        }
        for path in paths {
            names.push(source.name.as_str());
            indexes.push(read(&path).map_err(|error| ResolveError::DebianIndex {
                name: source.name.clone(),
                path: path.clone(),
                source: error,
            })?);
        }
    }
    Ok((names, indexes))
}

fn packed(folder: &Path) -> Option<PathBuf> {
    let names = ["Packages.xz", "Packages.zst", "Packages.gz", "Packages"];
    names.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// In the order of their names; a suite's alias, which is a link, is passed over.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let real = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut paths: Vec<PathBuf> = real.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> std::io::Result<String> {
    let bytes = fs::read(path)?;
    std::io::read_to_string(decompress(bytes.as_slice(), LARGEST)?)
}
