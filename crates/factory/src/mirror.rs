//! Where the archives and repositories are: what the user says, what the host's apt uses, or what the flavour names.

mod configuration;
mod credentials;
mod error;
mod host;
mod proxy;
mod sources;

use std::collections::BTreeMap;

pub use reqwest::Url;

pub use configuration::{Configuration, ConfigurationError};
pub use error::MirrorError;
pub use host::{HostApt, read_host};
pub use proxy::{ProxyChoice, ProxySettings};
pub use sources::{Source, SourcesError, parse_one_line, parse_stanzas};

use crate::flavour::{Archive, Flavour, Repository, Suite};
use crate::vendor::Vendor;

/// Where one suite or repository may be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The archive's, or the repository's, address, ending in a slash.
    pub archive: Url,
    /// Of a suite the folder below `dists`: its name, or an alias of it that the host uses.
    pub folder: String,
}

/// For each suite or repository of a flavour the places to ask, the likeliest first.
#[derive(Debug, Default)]
pub struct Mirrors {
    suites: BTreeMap<String, Result<Vec<Candidate>, MirrorError>>,
    vendor: Vendor,
}

impl Mirrors {
    /// From an address that the user gave: the security archive is its sibling.
    pub fn from_address(flavour: &Flavour, debian: &str) -> Result<Self, MirrorError> {
        let debian = archive_address(debian)?;
        let security = sibling(&debian);
        let place = |suite: &Suite| Candidate {
            archive: match suite.archive {
                Archive::Debian => debian.clone(),
                Archive::DebianSecurity => security.clone(),
            },
            folder: suite.name.clone(),
        };
        let suites = flavour
            .suites
            .iter()
            .map(|suite| (suite.name.clone(), Ok(vec![place(suite)])));
        Ok(Self {
            suites: suites.collect(),
            vendor: Vendor::default(),
        })
    }

    /// Repositories of RPM packages, below the address that the user gave or below the flavour's own.
    pub fn of_repositories(flavour: &Flavour, given: Option<&str>) -> Result<Self, MirrorError> {
        let mirror = given.or(flavour.mirror.as_deref()).map(archive_address).transpose()?;
        let place = |repository: &Repository| {
            let mirror = mirror.as_ref().ok_or_else(|| MirrorError::NoMirror {
                variable: flavour.mirror_variable(),
            })?;
            let archive = mirror.join(&format!("{}/", repository.path));
            let archive = archive.map_err(|_| MirrorError::Address {
                address: repository.path.clone(),
            })?;
            let folder = String::new();
            Ok(vec![Candidate { archive, folder }])
        };
        let repositories = flavour.repositories.iter();
        Ok(Self {
            suites: repositories.map(|it| (it.name.clone(), place(it))).collect(),
            vendor: Vendor::default(),
        })
    }

    /// Looks into the project's own folder first, for every suite and repository that lies there and for every package.
    #[must_use]
    pub fn with_vendor(mut self, flavour: &Flavour, vendor: Vendor) -> Self {
        let of_suite = |suite: &Suite| {
            let folder = suite.archive.folder();
            let archive = vendor.folder(folder, &format!("dists/{}/InRelease", suite.name))?;
            Some((suite.name.clone(), archive, suite.name.clone()))
        };
        let of_repository = |repository: &Repository| {
            let archive = vendor.folder(&repository.path, "repodata/repomd.xml")?;
            Some((repository.name.clone(), archive, String::new()))
        };
        let suites = flavour.suites.iter().filter_map(of_suite);
        let repositories = flavour.repositories.iter().filter_map(of_repository);
        for (name, archive, folder) in suites.chain(repositories).collect::<Vec<_>>() {
            let candidate = Candidate { archive, folder };
            match self.suites.get_mut(&name) {
                Some(Ok(candidates)) => candidates.insert(0, candidate),
                _ => drop(self.suites.insert(name, Ok(vec![candidate]))),
            }
        }
        self.vendor = vendor;
        self
    }

    pub(crate) fn vendor(&self) -> &Vendor {
        &self.vendor
    }

    /// From what apt uses on this host.  A suite that cannot be found is an error only for who asks for it.
    pub fn from_apt(flavour: &Flavour, apt: &HostApt) -> Self {
        let mut suites: BTreeMap<String, Vec<Candidate>> = flavour
            .suites
            .iter()
            .map(|suite| (suite.name.clone(), apt_candidates(suite, flavour, apt)))
            .collect();
        // A host that leaves out updates or security has the archive's address all the same.
        let main: Vec<Url> = flavour
            .suites
            .iter()
            .filter(|suite| suite.archive == Archive::Debian)
            .flat_map(|suite| suites.get(&suite.name).into_iter().flatten())
            .map(|candidate| candidate.archive.clone())
            .filter(|address| ends_in(address, Archive::Debian))
            .collect();
        let main = if main.is_empty() { archives(apt) } else { main };
        for suite in &flavour.suites {
            let candidates = suites.entry(suite.name.clone()).or_default();
            if candidates.is_empty() {
                candidates.extend(main.iter().map(|address| Candidate {
                    archive: match suite.archive {
                        Archive::Debian => address.clone(),
                        Archive::DebianSecurity => sibling(address),
                    },
                    folder: suite.name.clone(),
                }));
            }
            candidates.sort_by_key(|candidate| !ends_in(&candidate.archive, suite.archive));
            let mut seen = Vec::new();
            candidates.retain(|candidate| {
                !seen.contains(candidate) && {
                    seen.push(candidate.clone());
                    true
                }
            });
        }
        let found = |(suite, candidates): (String, Vec<Candidate>)| {
            let found = if candidates.is_empty() {
                Err(MirrorError::NoSource {
                    suite: suite.clone(),
                    passed_over: apt.passed_over.clone(),
                })
            } else {
                Ok(candidates)
            };
            (suite, found)
        };
        Self {
            suites: suites.into_iter().map(found).collect(),
            vendor: Vendor::default(),
        }
    }

    /// Has the security archive's suites nowhere but at `address`.
    pub fn with_security(mut self, flavour: &Flavour, address: &str) -> Result<Self, MirrorError> {
        let archive = archive_address(address)?;
        for suite in flavour
            .suites
            .iter()
            .filter(|suite| suite.archive == Archive::DebianSecurity)
        {
            let place = Candidate {
                archive: archive.clone(),
                folder: suite.name.clone(),
            };
            self.suites.insert(suite.name.clone(), Ok(vec![place]));
        }
        Ok(self)
    }

    /// The places of a suite or a repository; never empty.
    pub fn candidates(&self, suite: &str) -> Result<&[Candidate], &MirrorError> {
        match self.suites.get(suite) {
            Some(found) => found.as_deref(),
            None => Err(&MirrorError::UnknownSuite),
        }
    }
}

/// A host of another suite has the archive's address, too.
fn archives(apt: &HostApt) -> Vec<Url> {
    let addresses = apt.sources.iter().flat_map(|source| &source.addresses);
    let mut archives = Vec::new();
    for address in addresses.filter(|address| ends_in(address, Archive::Debian)) {
        if !archives.contains(address) {
            archives.push(address.clone());
        }
    }
    archives
}

/// Places that name the suite, or, where none does, places that name an alias of it.
fn apt_candidates(suite: &Suite, flavour: &Flavour, apt: &HostApt) -> Vec<Candidate> {
    let fits = |source: &&Source| {
        suite
            .components
            .iter()
            .all(|component| source.components.contains(component))
            && (source.architectures.is_empty() || source.architectures.contains(&flavour.architecture))
    };
    let with = |named: &dyn Fn(&str) -> bool| {
        let sources = apt.sources.iter().filter(fits);
        let places = sources.flat_map(|source| source.suites.iter().map(move |name| (source, name)));
        let named = places.filter(|(_, name)| named(name));
        named
            .flat_map(|(source, name)| source.addresses.iter().map(|address| (address.clone(), name.clone())))
            .collect::<Vec<_>>()
    };
    let exact = with(&|name| name == suite.name);
    if !exact.is_empty() {
        let candidate = |(archive, folder)| Candidate { archive, folder };
        return exact.into_iter().map(candidate).collect();
    }
    // Every mirror has the suite under its code name too; one that has not is asked by the alias, and its code name checked.
    let tail = suite.name.split_once('-').map_or("", |(_, tail)| tail);
    let aliases = with(&|name| {
        let (alias, alias_tail) = name.split_once('-').unwrap_or((name, ""));
        matches!(alias, "stable" | "oldstable" | "oldoldstable" | "testing") && alias_tail == tail
    });
    let both = |(archive, folder): (Url, String)| {
        let named = Candidate {
            archive: archive.clone(),
            folder: suite.name.clone(),
        };
        [named, Candidate { archive, folder }]
    };
    let (named, alias): (Vec<_>, Vec<_>) = aliases
        .into_iter()
        .map(both)
        .map(|[named, alias]| (named, alias))
        .unzip();
    named.into_iter().chain(alias).collect()
}

/// An address, or a folder of this machine, that ends in one slash.
fn archive_address(text: &str) -> Result<Url, MirrorError> {
    let invalid = || MirrorError::Address {
        address: redacted(text),
    };
    let url = if text.starts_with('/') {
        Url::from_directory_path(text).map_err(|()| invalid())?
    } else {
        Url::parse(text).map_err(|_| invalid())?
    };
    if !matches!(url.scheme(), "http" | "https" | "file") {
        return Err(MirrorError::Scheme {
            scheme: url.scheme().to_owned(),
        });
    }
    Ok(sources::as_folder(url))
}

/// `…/debian-security` beside `…/debian`.
fn sibling(address: &Url) -> Url {
    let mut sibling = address.clone();
    if let Ok(mut segments) = sibling.path_segments_mut() {
        segments
            .pop_if_empty()
            .pop()
            .push(Archive::DebianSecurity.folder())
            .push("");
    }
    sibling
}

fn ends_in(address: &Url, archive: Archive) -> bool {
    address
        .path()
        .trim_end_matches('/')
        .ends_with(&format!("/{}", archive.folder()))
}

/// Without what may be a password.
fn redacted(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}://…{}", &address[..scheme], &address[at..]),
        _ => address.to_owned(),
    }
}

/// An address for people to read: without name and password.
pub fn shown(address: &Url) -> String {
    let mut shown = address.clone();
    // Both fail only for addresses that cannot have them.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.to_string()
}

#[cfg(test)]
mod tests;
