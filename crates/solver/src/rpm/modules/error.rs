//! Why the streams that were asked for cannot be enabled.

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
    #[error("`{specification}` means the streams {} of module `{module}`, and `{active}` is enabled", known.join(", "))]
    OtherStream {
        specification: String,
        module: String,
        active: String,
        known: Vec<String>,
    },
    #[error("stream `{module}:{stream}` has {}; it has {}", no_profile(profile.as_deref()), listed(known))]
    NoProfile {
        module: String,
        stream: String,
        /// None: no profile is meant where none is named.
        profile: Option<String>,
        known: Vec<String>,
    },
    #[error("`{specification}` means builds of `{module}:{stream}` that are not in use: {} is", active.join(", "))]
    NotInUse {
        specification: String,
        module: String,
        stream: String,
        /// `version:context` of those that are.
        active: Vec<String>,
    },
    #[error("the streams cannot be enabled together:\n{}", lines.iter().map(|line| format!("  - {line}")).collect::<Vec<_>>().join("\n"))]
    Unsolvable { lines: Vec<String>, hints: Vec<String> },
    #[error("the search for streams that go together was given up: it took more steps than any real request does")]
    GivenUp,
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
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Unsolvable { hints, .. } => return hints.clone(),
            Self::NoStream { module, known } => known
                .last()
                .map(|stream| format!("name one of them, as in `@{module}:{stream}`")),
            Self::OtherStream { module, active, .. } => {
                Some(format!("name the enabled one, as in `@{module}:{active}`"))
            }
            Self::NoProfile {
                module, stream, known, ..
            } => known
                .first()
                .map(|profile| format!("name one of them, as in `@{module}:{stream}/{profile}`")),
            Self::UnknownStream { module, known, .. } => known
                .last()
                .map(|stream| format!("enable another stream, as with `--module {module}:{stream}`")),
            Self::NotInUse { module, stream, .. } => Some(format!("leave the choice open, as in `@{module}:{stream}`")),
            Self::TwoStreams { .. } => Some("ask for one of them".to_owned()),
            Self::UnknownModule { .. } => Some("check the name, or add the repository that has it".to_owned()),
            Self::GivenUp => None,
        };
        hint.into_iter().collect()
    }
}
