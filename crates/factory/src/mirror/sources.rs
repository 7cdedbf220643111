//! apt's lists of sources (`sources.list(5)`): the one-line form and the form of stanzas.

use reqwest::Url;
use thiserror::Error;

/// A source of binary packages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// The archives' addresses, each ending in a slash.
    pub addresses: Vec<Url>,
    pub suites: Vec<String>,
    pub components: Vec<String>,
    /// Empty: all that the host has.
    pub architectures: Vec<String>,
    /// Files that list mirrors, one address a line (`mirror+file:`).
    pub lists: Vec<String>,
    /// Addresses of kinds that are not read here.
    pub foreign: Vec<String>,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum SourcesError {
    #[error("line {line}: the options have no end")]
    Options { line: usize },
    #[error("line {line}: `{address}` is no address")]
    Address { line: usize, address: String },
    #[error("line {line}: there is no suite")]
    Suite { line: usize },
    #[error("line {line}: this is neither a field, nor a continuation, nor a comment")]
    Field { line: usize },
}

/// A file whose name ends in `.list`.
pub fn parse_one_line(text: &str, architecture: &str) -> Result<Vec<Source>, SourcesError> {
    let mut sources = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.split('#').next().unwrap_or_default().trim();
        let Some(rest) = content
            .strip_prefix("deb")
            .filter(|rest| rest.starts_with([' ', '\t', '[']))
        else {
            continue;
        };
        let mut rest = rest.trim_start();
        let mut architectures = Vec::new();
        if let Some(after) = rest.strip_prefix('[') {
            let (options, after) = after.split_once(']').ok_or(SourcesError::Options { line })?;
            architectures = architectures_of(options);
            rest = after.trim_start();
        }
        let (address, after) = split_address(rest);
        let mut words = after
            .split_whitespace()
            .map(|word| word.replace("$(ARCH)", architecture));
        let suite = words.next().ok_or(SourcesError::Suite { line })?;
        let mut source = Source {
            suites: vec![suite],
            components: words.collect(),
            architectures,
            ..Source::default()
        };
        source.add(&address.replace("$(ARCH)", architecture), line)?;
        sources.push(source);
    }
    Ok(sources)
}

/// A file whose name ends in `.sources`.
pub fn parse_stanzas(text: &str, architecture: &str) -> Result<Vec<Source>, SourcesError> {
    let mut sources = Vec::new();
    let mut stanza: Vec<(String, String, usize)> = Vec::new();
    for (line, content) in (1..).zip(text.lines().chain([""])) {
        if content.starts_with('#') {
            continue;
        }
        if content.trim().is_empty() {
            sources.extend(source_of(&std::mem::take(&mut stanza), architecture)?);
        } else if content.starts_with([' ', '\t']) {
            let (_, value, _) = stanza.last_mut().ok_or(SourcesError::Field { line })?;
            value.push(' ');
            value.push_str(content.trim());
        } else {
            let (name, value) = content.split_once(':').ok_or(SourcesError::Field { line })?;
            stanza.push((name.trim().to_ascii_lowercase(), value.trim().to_owned(), line));
        }
    }
    Ok(sources)
}

fn source_of(stanza: &[(String, String, usize)], architecture: &str) -> Result<Option<Source>, SourcesError> {
    let field = |name: &str| {
        stanza
            .iter()
            .find(|(field, ..)| field == name)
            .map_or("", |(_, value, _)| value.as_str())
    };
    let words = |name: &str| {
        field(name)
            .split_whitespace()
            .map(|word| word.replace("$(ARCH)", architecture))
            .collect::<Vec<_>>()
    };
    let disabled = matches!(
        field("enabled").to_ascii_lowercase().as_str(),
        "no" | "false" | "0" | "off" | "without" | "disable"
    );
    if stanza.is_empty() || disabled || !words("types").iter().any(|kind| kind == "deb") {
        return Ok(None);
    }
    let mut source = Source {
        suites: words("suites"),
        components: words("components"),
        architectures: words("architectures"),
        ..Source::default()
    };
    let line = stanza
        .iter()
        .find(|(name, ..)| name == "uris")
        .map_or(0, |(.., line)| *line);
    words("uris").iter().try_for_each(|address| source.add(address, line))?;
    Ok(Some(source))
}

impl Source {
    fn add(&mut self, address: &str, line: usize) -> Result<(), SourcesError> {
        let invalid = || SourcesError::Address {
            line,
            address: super::redacted(address),
        };
        let (scheme, rest) = address.split_once(':').ok_or_else(invalid)?;
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => self
                .addresses
                .push(as_folder(Url::parse(address).map_err(|_| invalid())?)),
            "file" | "copy" => {
                let path = format!("/{}", rest.trim_start_matches('/'));
                self.addresses
                    .push(Url::from_directory_path(path).map_err(|()| invalid())?);
            }
            "mirror+file" | "mirror" if rest.trim_start_matches('/') != rest => {
                if scheme.eq_ignore_ascii_case("mirror+file") {
                    self.lists.push(format!("/{}", rest.trim_start_matches('/')));
                } else {
                    self.foreign.push(super::redacted(address));
                }
            }
            _ => self.foreign.push(super::redacted(address)),
        }
        Ok(())
    }

    /// Takes the addresses of a list of mirrors (apt-transport-mirror(1)): the first word of each line.
    pub(super) fn add_list(&mut self, text: &str) -> Result<(), SourcesError> {
        for (line, content) in (1..).zip(text.lines()) {
            if let Some(address) = content.split('#').next().unwrap_or_default().split_whitespace().next() {
                self.add(address, line)?;
            }
        }
        Ok(())
    }
}

/// With a slash at the end, so that paths can be joined.
pub(super) fn as_folder(mut address: Url) -> Url {
    if !address.path().ends_with('/') {
        let path = format!("{}/", address.path());
        address.set_path(&path);
    }
    address
}

/// `cdrom:` addresses hold a name in brackets with spaces.
fn split_address(text: &str) -> (&str, &str) {
    let from = if text.starts_with("cdrom:[") {
        text.find(']').unwrap_or(0)
    } else {
        0
    };
    let end = text[from..]
        .find(char::is_whitespace)
        .map_or(text.len(), |end| from + end);
    text.split_at(end)
}

fn architectures_of(options: &str) -> Vec<String> {
    let value = options
        .split_whitespace()
        .find_map(|option| option.strip_prefix("arch="));
    value
        .into_iter()
        .flat_map(|value| value.split(','))
        .map(str::to_owned)
        .collect()
}
