//! All builds of all streams, in the order in which libdnf has them, and what is said about defaults.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use qclock_packages::rpm::{ModuleDefault, ModuleStream};

use super::specification::Specification;
use crate::rpm::Repository;

/// A build by its place in the book.
pub(in crate::rpm) type BuildId = usize;

#[derive(Debug, Default)]
pub(in crate::rpm) struct Book<'a> {
    pub(in crate::rpm) builds: Vec<&'a ModuleStream>,
    names: Vec<String>,
    /// Module → default stream.
    pub(in crate::rpm) defaults: BTreeMap<&'a str, &'a str>,
    /// Module and stream → profiles that are meant where none is named.
    profiles: HashMap<(&'a str, &'a str), &'a [String]>,
}

impl<'a> Book<'a> {
    pub(in crate::rpm) fn read(repositories: &[Repository<'a>]) -> Self {
        let mut builds = Vec::new();
        let mut merged = Merged::default();
        for modules in repositories.iter().filter_map(|it| it.modules) {
            builds.extend(builds_of(&modules.streams));
            // In one repository the last word on a module counts.
            let last: BTreeMap<&str, &ModuleDefault> =
                modules.defaults.iter().map(|it| (it.module.as_str(), it)).collect();
            for default in last.into_values() {
                merged.add(default);
            }
        }
        if merged.is_contradiction {
            merged = Merged::default();
        }
        // Those of given contexts come first, of whatever repository.
        builds.sort_by_key(|build| !build.static_context);
        let defaults = merged
            .modules
            .iter()
            .filter_map(|(module, it)| Some((*module, it.stream?)));
        Self {
            names: names(&builds),
            builds,
            defaults: defaults.collect(),
            profiles: merged.profiles,
        }
    }

    pub(in crate::rpm) fn meant(&self, specification: &Specification<'_>) -> Vec<BuildId> {
        (0..self.builds.len())
            .filter(|&id| specification.means(self.builds[id]))
            .collect()
    }

    /// All streams of a module.
    pub(in crate::rpm) fn streams(&self, module: &str) -> Vec<String> {
        let streams = self.builds.iter().filter(|it| it.name == module);
        let streams: BTreeSet<&str> = streams.map(|it| it.stream.as_str()).collect();
        streams.into_iter().map(str::to_owned).collect()
    }

    pub(in crate::rpm) fn default_profiles(&self, module: &str, stream: &str) -> &'a [String] {
        self.profiles.get(&(module, stream)).copied().unwrap_or_default()
    }

    /// What the solver calls a build: those of one name are in use or not together.
    pub(super) fn solver_name(&self, id: BuildId) -> &str {
        &self.names[id]
    }
}

/// Builds of one repository, module by module, each in the order of the documents.
fn builds_of(streams: &[ModuleStream]) -> Vec<&ModuleStream> {
    let mut seen = BTreeSet::new();
    let mut builds: Vec<&ModuleStream> = (streams.iter())
        .filter(|it| !is_mixed(it))
        .filter(|it| seen.insert((&it.name, &it.stream, it.version, &it.context, &it.architecture)))
        .collect();
    builds.sort_by_key(|it| &it.name);
    builds
}

/// Module, stream and context.  A context that nobody gave is what the build requires, or that of the first build of a given context
/// which requires the same.
fn names(builds: &[&ModuleStream]) -> Vec<String> {
    let mut given: HashMap<(String, String), String> = HashMap::new();
    let mut names = Vec::new();
    for build in builds {
        let stream = format!("{}:{}", build.name, build.stream);
        let required = required(build);
        let context = if build.static_context {
            let key = (stream.clone(), required);
            given.entry(key).or_insert_with(|| build.context.clone());
            build.context.clone()
        } else {
            let key = (stream.clone(), required);
            given.get(&key).cloned().unwrap_or(key.1)
        };
        names.push(format!("{stream}:{context}"));
    }
    names
}

/// Streams that will do, and streams that will not, of one module at a time: libmodulemd passes over such a document.
fn is_mixed(build: &ModuleStream) -> bool {
    let mut all = build.requires.iter().flatten();
    all.any(|(_, streams)| {
        let refused = streams.iter().filter(|stream| stream.starts_with('-')).count();
        refused > 0 && refused < streams.len()
    })
}

/// `b:[1,10];c`, as libdnf tells contexts apart that nobody gave.
fn required(build: &ModuleStream) -> String {
    let mut texts = BTreeSet::new();
    for (module, streams) in build.requires.iter().flatten() {
        if module == "platform" {
            continue;
        }
        let streams: BTreeSet<&str> = streams.iter().map(String::as_str).collect();
        if streams.is_empty() {
            texts.insert(module.clone());
        } else {
            let streams: Vec<&str> = streams.into_iter().collect();
            texts.insert(format!("{module}:[{}]", streams.join(",")));
        }
    }
    if texts.is_empty() {
        return "NoRequires".to_owned();
    }
    texts.into_iter().collect::<Vec<_>>().join(";")
}

/// What is known of a module's default stream so far.
struct Known<'a> {
    stream: Option<&'a str>,
    modified: u64,
}

/// What several repositories say about defaults, as libmodulemd puts it together.
#[derive(Default)]
struct Merged<'a> {
    modules: BTreeMap<&'a str, Known<'a>>,
    profiles: HashMap<(&'a str, &'a str), &'a [String]>,
    /// Two repositories contradict each other about a stream's profiles: then libmodulemd gives up putting anything together.
    is_contradiction: bool,
}

impl<'a> Merged<'a> {
    fn add(&mut self, new: &'a ModuleDefault) {
        let known = self.modules.entry(&new.module).or_insert(Known {
            stream: new.stream.as_deref(),
            modified: new.modified,
        });
        known.stream = match (known.stream, new.stream.as_deref()) {
            (Some(old), Some(other)) if old != other => match new.modified.cmp(&known.modified) {
                std::cmp::Ordering::Less => Some(old),
                // A contradiction counts as nothing said; a third repository may still say something.
                std::cmp::Ordering::Equal => None,
                std::cmp::Ordering::Greater => Some(other),
            },
            (old, other) => other.or(old),
        };
        for (stream, profiles) in &new.profiles {
            let said = profiles.as_slice();
            match self.profiles.entry((&new.module, stream)) {
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(said);
                }
                std::collections::hash_map::Entry::Occupied(mut entry) => {
                    let same = is_same_set(entry.get(), profiles);
                    if new.modified > known.modified {
                        entry.insert(said);
                    } else if new.modified == known.modified && !same {
                        self.is_contradiction = true;
                    }
                }
            }
        }
        known.modified = known.modified.max(new.modified);
    }
}

fn is_same_set(left: &[String], right: &[String]) -> bool {
    let set = |list: &[String]| -> BTreeSet<String> { list.iter().cloned().collect() };
    set(left) == set(right)
}
