//! Streams: which are enabled, and which packages are hidden by that.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use qclock_packages::rpm::ModuleStream;

use super::Repository;
use super::pool::{Pool, Solvable};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    #[error("module `{module}` is asked for in the streams `{first}` and `{second}`: one stream of a module at a time")]
    TwoStreams {
        module: String,
        first: String,
        second: String,
    },
    #[error("no repository has the module `{module}`")]
    UnknownModule { module: String },
    #[error("no repository has the stream `{stream}` of module `{module}`; it has {}", known.join(", "))]
    UnknownStream {
        module: String,
        stream: String,
        known: Vec<String>,
    },
    #[error("module `{module}` has the streams {}, and none of them is enabled", known.join(", "))]
    NoStream { module: String, known: Vec<String> },
    #[error("stream `{module}:{stream}` has {}; it has {}", no_profile(profile.as_deref()), listed(known))]
    NoProfile {
        module: String,
        stream: String,
        /// None: no profile is meant where none is named.
        profile: Option<String>,
        known: Vec<String>,
    },
    #[error("stream `{module}:{stream}` is not for platform `{platform}`: it is for {}", wanted.join(", "))]
    Platform {
        module: String,
        stream: String,
        platform: String,
        wanted: Vec<String>,
    },
    #[error("stream `{module}:{stream}` requires {required}, which is not enabled")]
    Requires {
        module: String,
        stream: String,
        required: String,
        /// The streams that would do.
        candidates: Vec<String>,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

fn no_profile(profile: Option<&str>) -> String {
    match profile {
        Some(profile) => format!("no profile `{profile}`"),
        None => "no default profile".to_owned(),
    }
}

impl ModuleError {
    /// What can be done about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Requires { candidates, .. } => Some(format!("enable it with `--module {}`", candidates.first()?)),
            Self::NoStream { module, known } => Some(format!("name one of them, as in `@{module}:{}`", known.last()?)),
            Self::NoProfile {
                module, stream, known, ..
            } => Some(format!(
                "name one of them, as in `@{module}:{stream}/{}`",
                known.first()?
            )),
            Self::UnknownStream { module, known, .. } => Some(format!(
                "enable another stream, as with `--module {module}:{}`",
                known.last()?
            )),
            _ => None,
        }
    }
}

/// Which packages the streams hide.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    /// Package → the stream that it would need, `php:8.2`; none when another stream's package of its name hides it.
    pub(super) packages: BTreeMap<Solvable, Option<String>>,
    /// `name:stream:version:context` of the builds in use.
    pub(super) active: BTreeSet<String>,
    /// Packages of the builds in use.
    pub(super) included: HashSet<Solvable>,
}

struct Streams<'a> {
    all: Vec<&'a ModuleStream>,
    enabled: BTreeMap<&'a str, &'a str>,
    platform: &'a str,
}

/// Works out the enabled streams' builds and hides what they and the others' absence hide.
pub(super) fn hide(pool: &mut Pool<'_>, asked: &[(String, String)], platform: &str) -> Result<Hidden, ModuleError> {
    let streams = Streams::read(pool.repositories, asked, platform)?;
    if streams.all.is_empty() {
        return Ok(Hidden::default());
    }
    let mut active: HashSet<(&str, &str, &str)> = HashSet::new();
    for (&module, &stream) in &streams.enabled {
        active.insert((module, stream, streams.context(module, stream, asked)?));
    }
    let is_active = |it: &ModuleStream| active.contains(&(it.name.as_str(), it.stream.as_str(), it.context.as_str()));
    let (on, off): (Vec<&ModuleStream>, Vec<&ModuleStream>) = streams.all.iter().partition(|it| is_active(it));
    let mut hidden = Hidden::default();
    let mut included = HashSet::new();
    let mut names = BTreeSet::new();
    let mut named = HashMap::new();
    for stream in &on {
        hidden.active.insert(format!(
            "{}:{}:{}:{}",
            stream.name, stream.stream, stream.version, stream.context
        ));
        for artifact in stream.artifacts.iter().filter_map(|text| Artifact::parse(text)) {
            if !stream.demodularized.iter().any(|name| name == artifact.name) {
                names.insert(artifact.name);
            }
            included.extend(artifact.find(pool, &mut named));
        }
    }
    for stream in &off {
        for artifact in stream.artifacts.iter().filter_map(|text| Artifact::parse(text)) {
            for package in artifact.find(pool, &mut named) {
                if !included.contains(&package) {
                    let name = format!("{}:{}", stream.name, stream.stream);
                    hidden.packages.insert(package, Some(name));
                }
            }
        }
    }
    // Whatever has, or provides, a name of the enabled streams and is not theirs.
    for name in names {
        let list = pool.providers_of(name, qclock_packages::rpm::Range::ANY, "");
        for &package in pool.list(list) {
            if package > super::pool::SYSTEM && !included.contains(&package) {
                hidden.packages.entry(package).or_insert(None);
            }
        }
    }
    for &package in hidden.packages.keys() {
        pool.hidden[package.unsigned_abs() as usize] = true;
    }
    hidden.included = included;
    Ok(hidden)
}

impl<'a> Streams<'a> {
    fn read(
        repositories: &[Repository<'a>],
        asked: &'a [(String, String)],
        platform: &'a str,
    ) -> Result<Self, ModuleError> {
        let modules = || repositories.iter().filter_map(|it| it.modules);
        let mut enabled: BTreeMap<&str, &str> = BTreeMap::new();
        for (module, stream) in asked {
            if let Some(other) = enabled.insert(module, stream)
                && other != stream
            {
                return Err(ModuleError::TwoStreams {
                    module: module.clone(),
                    first: other.to_owned(),
                    second: stream.clone(),
                });
            }
        }
        for default in modules().flat_map(|it| &it.defaults) {
            if let Some(stream) = &default.stream {
                enabled.entry(&default.module).or_insert(stream);
            }
        }
        Ok(Self {
            all: modules().flat_map(|it| &it.streams).collect(),
            enabled,
            platform,
        })
    }

    /// The context of the newest build of an enabled stream whose requirements are met.
    fn context(&self, module: &str, stream: &str, asked: &[(String, String)]) -> Result<&'a str, ModuleError> {
        let mut builds: Vec<&ModuleStream> = self
            .all
            .iter()
            .copied()
            .filter(|it| it.name == module && it.stream == stream)
            .collect();
        if builds.is_empty() {
            return self.unknown(module, stream, asked);
        }
        builds.sort_by_key(|it| std::cmp::Reverse(it.version));
        let mut first_error = None;
        for build in builds {
            match self.check(build) {
                Ok(()) => return Ok(&build.context),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => self.unknown(module, stream, asked),
        }
    }

    /// A default of which there is no build is passed over: only what was asked for must be there.
    fn unknown(&self, module: &str, stream: &str, asked: &[(String, String)]) -> Result<&'a str, ModuleError> {
        if !asked.iter().any(|(name, _)| name == module) {
            return Ok("");
        }
        let known = self.known(module);
        Err(if known.is_empty() {
            ModuleError::UnknownModule {
                module: module.to_owned(),
            }
        } else {
            ModuleError::UnknownStream {
                module: module.to_owned(),
                stream: stream.to_owned(),
                known,
            }
        })
    }

    fn known(&self, module: &str) -> Vec<String> {
        let streams = self.all.iter().filter(|it| it.name == module);
        let streams: BTreeSet<&str> = streams.map(|it| it.stream.as_str()).collect();
        streams.into_iter().map(str::to_owned).collect()
    }

    /// One group of requirements must be met; no group at all is met.
    fn check(&self, build: &ModuleStream) -> Result<(), ModuleError> {
        let mut first_error = None;
        for group in &build.requires {
            let failed = group
                .iter()
                .find_map(|(module, streams)| self.check_one(build, module, streams).err());
            match failed {
                None => return Ok(()),
                Some(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    fn check_one(&self, build: &ModuleStream, module: &str, wanted: &[String]) -> Result<(), ModuleError> {
        let fits = |stream: &str| {
            let refused = wanted.iter().any(|want| want.strip_prefix('-') == Some(stream));
            let named = wanted.iter().filter(|want| !want.starts_with('-')).collect::<Vec<_>>();
            !refused && (named.is_empty() || named.iter().any(|want| *want == stream))
        };
        if module == "platform" {
            if fits(self.platform) {
                return Ok(());
            }
            return Err(ModuleError::Platform {
                module: build.name.clone(),
                stream: build.stream.clone(),
                platform: self.platform.to_owned(),
                wanted: wanted.to_vec(),
            });
        }
        if self.enabled.get(module).is_some_and(|stream| fits(stream)) {
            return Ok(());
        }
        let candidates = self.known(module).into_iter().filter(|stream| fits(stream));
        let candidates: Vec<String> = candidates.map(|stream| format!("{module}:{stream}")).collect();
        let required = match wanted {
            [] => format!("module `{module}`"),
            wanted => format!("`{module}:{}`", wanted.join(" or ")),
        };
        Err(ModuleError::Requires {
            module: build.name.clone(),
            stream: build.stream.clone(),
            required,
            candidates,
        })
    }
}

/// `name-epoch:version-release.architecture`.
struct Artifact<'a> {
    name: &'a str,
    evr: String,
    architecture: &'a str,
}

impl<'a> Artifact<'a> {
    /// Source packages are none of our concern.
    fn parse(text: &'a str) -> Option<Self> {
        let (rest, architecture) = text.rsplit_once('.')?;
        if matches!(architecture, "src" | "nosrc") {
            return None;
        }
        let (rest, release) = rest.rsplit_once('-')?;
        let (name, version) = rest.rsplit_once('-')?;
        let version = version.strip_prefix("0:").unwrap_or(version);
        Some(Self {
            name,
            evr: format!("{version}-{release}"),
            architecture,
        })
    }

    /// `named` remembers who has which name: streams have the same names, and mostly of packages that no repository has.
    fn find(&self, pool: &Pool<'_>, named: &mut HashMap<&'a str, Vec<Solvable>>) -> Vec<Solvable> {
        let candidates = named.entry(self.name).or_insert_with(|| pool.named_exactly(self.name));
        let is_it = |&&package: &&Solvable| {
            let view = pool.view(package);
            view.evr() == self.evr && view.architecture() == self.architecture
        };
        candidates.iter().filter(is_it).copied().collect()
    }
}
