//! `modules.yaml`: streams of packages of which one at most is enabled (libmodulemd's documents of version 2, defaults of version 1).

use std::collections::BTreeMap;

use super::yaml::{Node, YamlError, documents};

/// All that the documents of a repository say about streams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Modules {
    pub streams: Vec<ModuleStream>,
    pub defaults: Vec<ModuleDefault>,
}

/// One build of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModuleStream {
    pub name: String,
    pub stream: String,
    /// Larger is newer.
    pub version: u64,
    /// Builds of a stream that differ in what they were built against have different contexts.
    pub context: String,
    /// The context was given by whoever made the build, and is the same in newer ones; else it is made of what the build requires.
    pub static_context: bool,
    pub architecture: String,
    /// All of these groups: module → streams of it that will do (with a leading `-`: all but it; empty: any).
    pub requires: Vec<Vec<(String, Vec<String>)>>,
    /// `name-epoch:version-release.arch`.
    pub artifacts: Vec<String>,
    /// Names of packages that left the stream: others of that name are not hidden by it.
    pub demodularized: Vec<String>,
    /// Names of packages that are asked for by one name.
    pub profiles: BTreeMap<String, Vec<String>>,
}

/// What a module uses when nobody says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModuleDefault {
    pub module: String,
    /// None: profiles only.
    pub stream: Option<String>,
    /// Of what several repositories say, the one with the larger number counts.
    pub modified: u64,
    /// Stream → the profiles that are meant where none is named.
    pub profiles: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, thiserror::Error)]
pub enum ModulesError {
    #[error(transparent)]
    Yaml(#[from] YamlError),
    #[error("the module document {position} has no {what}")]
    Missing { position: usize, what: &'static str },
    #[error("the module document {position} has the {what} `{value}`")]
    Value {
        position: usize,
        what: &'static str,
        value: String,
    },
    #[error("the stored modules are damaged")]
    Damaged,
}

impl Modules {
    /// Reads an unpacked `modules.yaml`.  Kinds of documents that say nothing about which packages there are (translations, packager's
    /// notes, announcements of an end) are passed over.
    pub fn parse(text: &str) -> Result<Self, ModulesError> {
        let mut modules = Self::default();
        for (position, document) in documents(text)?.iter().enumerate() {
            let kind = document.get("document").and_then(Node::text).unwrap_or_default();
            let version = document.get("version").and_then(Node::text).unwrap_or_default();
            match (kind, version) {
                ("modulemd" | "modulemd-stream", "2") => modules.streams.push(stream(document, position)?),
                ("modulemd-defaults", "1") => modules.defaults.extend(default(document)),
                ("modulemd" | "modulemd-stream", other) => {
                    return Err(ModulesError::Value {
                        position,
                        what: "version",
                        value: other.to_owned(),
                    });
                }
                _ => {}
            }
        }
        Ok(modules)
    }
}

fn stream(document: &Node, position: usize) -> Result<ModuleStream, ModulesError> {
    let data = document
        .get("data")
        .ok_or(ModulesError::Missing { position, what: "data" })?;
    let text = |key: &str| data.get(key).and_then(Node::text).unwrap_or_default().to_owned();
    let needed = |key: &'static str| {
        let value = text(key);
        if value.is_empty() {
            Err(ModulesError::Missing { position, what: key })
        } else {
            Ok(value)
        }
    };
    let version = needed("version")?;
    let version = version.parse().map_err(|_| ModulesError::Value {
        position,
        what: "version",
        value: version,
    })?;
    let requires = match data.get("dependencies") {
        Some(Node::List(groups)) => groups.iter().map(group).collect(),
        _ => Vec::new(),
    };
    let list = |path: &[&str]| data.at(path).map(Node::texts).unwrap_or_default();
    Ok(ModuleStream {
        name: needed("name")?,
        stream: needed("stream")?,
        version,
        context: text("context"),
        static_context: is_true(&text("static_context")),
        architecture: text("arch"),
        requires,
        artifacts: list(&["artifacts", "rpms"]),
        demodularized: list(&["demodularized", "rpms"]),
        profiles: profiles(data, |profile| profile.get("rpms")),
    })
}

/// As libmodulemd reads it.
fn is_true(text: &str) -> bool {
    ["true", "yes", "on", "1", "y"].contains(&text.to_ascii_lowercase().as_str())
}

/// The lists below `profiles`, by name.
fn profiles(data: &Node, list: impl Fn(&Node) -> Option<&Node>) -> BTreeMap<String, Vec<String>> {
    match data.get("profiles") {
        Some(Node::Map(profiles)) => profiles
            .iter()
            .map(|(name, profile)| (name.clone(), list(profile).map(Node::texts).unwrap_or_default()))
            .collect(),
        _ => BTreeMap::new(),
    }
}

fn group(group: &Node) -> Vec<(String, Vec<String>)> {
    match group.get("requires") {
        Some(Node::Map(requires)) => requires
            .iter()
            .map(|(module, streams)| (module.clone(), streams.texts()))
            .collect(),
        _ => Vec::new(),
    }
}

fn default(document: &Node) -> Option<ModuleDefault> {
    let data = document.get("data")?;
    Some(ModuleDefault {
        module: data.get("module")?.text()?.to_owned(),
        stream: data.get("stream").and_then(Node::text).map(str::to_owned),
        modified: data
            .get("modified")
            .and_then(Node::text)
            .and_then(|text| text.parse().ok())
            .unwrap_or(0),
        profiles: profiles(data, |profile| Some(profile)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "---\ndocument: modulemd-defaults\nversion: 1\ndata:\n  module: php\n  modified: 202402210000\n  profiles:\n    8.2: [common]\n...\n---\n\
        document: modulemd\nversion: 2\ndata:\n  name: php\n  stream: 8.2\n  version: 920240126110506\n  context: 9\n  static_context: true\n  arch: x86_64\n  \
        dependencies:\n  - buildrequires:\n      platform: [el9]\n    requires:\n      platform: [el9]\n      perl: []\n  profiles:\n    \
        common:\n      rpms: [php-cli, php-fpm]\n    empty: {}\n  artifacts:\n    \
        rpms:\n    - php-0:8.2.13-1.x86_64\n...\n---\ndocument: modulemd-translations\nversion: 1\n...\n";

    #[test]
    fn scalars_stay_what_was_written() {
        let modules = Modules::parse(TWO).unwrap();
        assert_eq!(modules.defaults[0].stream, None);
        let stream = &modules.streams[0];
        assert_eq!((stream.stream.as_str(), stream.context.as_str()), ("8.2", "9"));
        assert!(stream.static_context);
        assert_eq!(modules.defaults[0].modified, 202_402_210_000);
        assert_eq!(stream.requires[0][0], ("perl".to_owned(), vec![]));
        assert_eq!(stream.requires[0][1], ("platform".to_owned(), vec!["el9".to_owned()]));
        assert_eq!(stream.artifacts, ["php-0:8.2.13-1.x86_64"]);
        assert_eq!(stream.profiles["common"], ["php-cli", "php-fpm"]);
        assert_eq!(stream.profiles["empty"], [""; 0]);
        assert_eq!(modules.defaults[0].profiles["8.2"], ["common"]);
        let zero = TWO.replace("8.2\n", "10.10\n");
        assert_eq!(Modules::parse(&zero).unwrap().streams[0].stream, "10.10");
    }

    #[test]
    fn hostile_documents_are_refused() {
        assert!(matches!(
            Modules::parse("a: &x [1]\nb: *x\n"),
            Err(ModulesError::Yaml(YamlError::Alias))
        ));
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(Modules::parse(&deep).is_err());
        assert!(Modules::parse("document: modulemd\nversion: 2\n").is_err());
        assert!(Modules::parse("document: modulemd\nversion: 7\ndata: {}\n").is_err());
        assert!(Modules::parse("document: modulemd\nversion: 2\ndata: {name: a, stream: b, version: x}\n").is_err());
        assert!(Modules::parse("a: [b").is_err());
        assert_eq!(Modules::parse("").unwrap(), Modules::default());
    }
}
