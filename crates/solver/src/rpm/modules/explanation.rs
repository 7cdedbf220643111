//! Why streams do not go together, in words.

use std::collections::{BTreeMap, BTreeSet};

use super::active::Enabled;
use super::book::{Book, BuildId};
use super::{ModuleError, Setting};
use crate::rpm::rules::Kind;

/// Most lines that are worth reading.
const MOST_LINES: usize = 12;

/// From the rules that contradict each other, and the builds that they are about.
pub(super) fn explain(
    book: &Book<'_>,
    proof: &[(Kind, Option<BuildId>)],
    enabled: &Enabled<'_>,
    setting: Setting<'_>,
) -> ModuleError {
    let mut explainer = Explainer {
        book,
        enabled,
        setting,
        lines: BTreeSet::new(),
        hints: BTreeSet::new(),
    };
    let involved: BTreeSet<BuildId> = proof.iter().filter_map(|(_, build)| *build).collect();
    for &(kind, build) in proof {
        match (kind, build) {
            (Kind::NothingProvides | Kind::Conflicts, Some(build)) => explainer.unmet(build),
            (Kind::NotInstallable, Some(build)) => explainer.other_architecture(build),
            _ => {}
        }
    }
    explainer.rivals(&involved);
    explainer.without_build();
    let mut lines: Vec<String> = explainer.lines.into_iter().collect();
    if lines.is_empty() {
        let all: Vec<String> = enabled
            .iter()
            .map(|(module, stream)| format!("`{module}:{stream}`"))
            .collect();
        lines.push(format!("{} contradict each other", all.join(", ")));
    }
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    ModuleError::Unsolvable {
        lines,
        hints: explainer.hints.into_iter().collect(),
    }
}

struct Explainer<'e> {
    book: &'e Book<'e>,
    enabled: &'e Enabled<'e>,
    setting: Setting<'e>,
    lines: BTreeSet<String>,
    hints: BTreeSet<String>,
}

impl Explainer<'_> {
    /// What a build requires that no build of its kind is there for, or that the platform contradicts.
    fn unmet(&mut self, id: BuildId) {
        let build = self.book.builds[id];
        let name = self.way(id);
        for (module, streams) in build.requires.iter().flatten() {
            if module == "platform" {
                if !fits(streams, self.setting.platform) {
                    self.lines.insert(format!(
                        "{name} is for platform {}, and this is `{}`",
                        wanted(streams),
                        self.setting.platform
                    ));
                    self.hints.insert(format!(
                        "take a build of `{}:{}` for this platform, or name the other one with `--platform`",
                        build.name, build.stream
                    ));
                }
                continue;
            }
            let known = self.book.streams(module);
            if known.iter().any(|stream| fits(streams, stream)) {
                continue;
            }
            let there = if known.is_empty() {
                "no repository has the module".to_owned()
            } else {
                format!("the repositories have only {}", known.join(", "))
            };
            let required = if streams.is_empty() {
                format!("module `{module}`")
            } else {
                format!("module `{module}` in the stream {}", wanted(streams))
            };
            self.lines.insert(format!("{name} requires {required}: {there}"));
            self.hints
                .insert(format!("add the repository that has the module `{module}`"));
        }
    }

    fn other_architecture(&mut self, id: BuildId) {
        let build = self.book.builds[id];
        self.lines.insert(format!(
            "{} is for architecture `{}`, and this is `{}`",
            self.way(id),
            build.architecture,
            self.setting.architecture
        ));
        self.hints.insert(format!(
            "add the repository that has `{}:{}` for `{}`",
            build.name, build.stream, self.setting.architecture
        ));
    }

    /// Modules of which different streams are wanted.
    fn rivals(&mut self, involved: &BTreeSet<BuildId>) {
        // Module → who wants which streams of it.
        let mut wants: BTreeMap<&str, BTreeSet<(Option<BuildId>, String)>> = BTreeMap::new();
        for &id in involved {
            for (module, streams) in self.book.builds[id].requires.iter().flatten() {
                if module != "platform" && !streams.is_empty() {
                    wants.entry(module).or_default().insert((Some(id), wanted(streams)));
                }
            }
        }
        for (module, stream) in self.enabled {
            if let Some(others) = wants.get_mut(module) {
                others.insert((None, format!("`{stream}`")));
            }
        }
        for (module, who) in wants {
            let texts: BTreeSet<&String> = who.iter().map(|(_, text)| text).collect();
            if texts.len() < 2 {
                continue;
            }
            for (id, text) in &who {
                let line = match id {
                    Some(id) => format!("{} requires `{module}` in the stream {text}", self.way(*id)),
                    None => format!("`{module}` is asked for in the stream {text}"),
                };
                self.lines.insert(line);
            }
            self.hints.insert(format!(
                "only one stream of `{module}` can be enabled: ask for streams that agree on it"
            ));
        }
    }

    /// What is asked for and of which there is nothing.
    fn without_build(&mut self) {
        for (module, stream) in self.enabled {
            if !self
                .book
                .builds
                .iter()
                .any(|it| it.name == *module && it.stream == *stream)
            {
                self.lines
                    .insert(format!("no repository has the stream `{module}:{stream}`"));
            }
        }
    }

    fn way(&self, id: BuildId) -> String {
        let build = self.book.builds[id];
        let all = self.book.builds.iter();
        let several = all
            .filter(|it| it.name == build.name && it.stream == build.stream)
            .count()
            > 1;
        if several {
            format!(
                "stream `{}:{}` (build {}:{})",
                build.name, build.stream, build.version, build.context
            )
        } else {
            format!("stream `{}:{}`", build.name, build.stream)
        }
    }
}

/// Whether a stream is one of those that will do.
pub(super) fn fits(wanted: &[String], stream: &str) -> bool {
    let refused = wanted.iter().any(|want| want.strip_prefix('-') == Some(stream));
    let mut named = wanted.iter().filter(|want| !want.starts_with('-')).peekable();
    !refused && (named.peek().is_none() || named.any(|want| want == stream))
}

fn wanted(streams: &[String]) -> String {
    let text = |stream: &String| match stream.strip_prefix('-') {
        Some(refused) => format!("other than `{refused}`"),
        None => format!("`{stream}`"),
    };
    streams.iter().map(text).collect::<Vec<_>>().join(" or ")
}
