//! Reads apt's files below a root folder.  The only file here that touches the disk.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::configuration::Configuration;
use super::credentials::Credentials;
use super::sources::{Source, parse_one_line, parse_stanzas};

/// apt's files are short; what is longer is not one.
const LONGEST: u64 = 4 << 20;

/// How apt is set up.
#[derive(Debug, Clone, Default)]
pub struct HostApt {
    pub sources: Vec<Source>,
    pub configuration: Configuration,
    /// Sources that cannot be used here, each with the reason.
    pub passed_over: Vec<String>,
}

/// `root` is `/` but in tests.  A host without apt has no sources; a file that cannot be understood is passed over by name, as
/// it may well be a third party's.
pub fn read_host(root: &Path, architecture: &str) -> HostApt {
    let etc = root.join("etc/apt");
    let mut apt = HostApt::default();
    let mut parts = apt.listing(&etc.join("apt.conf.d"), &["", "conf"]);
    parts.push(etc.join("apt.conf"));
    for path in parts {
        let Some(text) = apt.read(&path) else {
            continue;
        };
        let mut configuration = std::mem::take(&mut apt.configuration);
        let added = configuration.add(&text, &mut |file| apt.read(&root.join(file.trim_start_matches('/'))));
        apt.configuration = configuration;
        if let Err(error) = added {
            apt.pass_over(&path, &error);
        }
    }
    let mut credentials = Credentials::default();
    let mut parts = apt.listing(&etc.join("auth.conf.d"), &["", "conf"]);
    parts.push(etc.join("auth.conf"));
    for path in parts {
        if let Some(text) = apt.read(&path) {
            credentials.add(&text);
        }
    }
    let mut lists = vec![etc.join("sources.list")];
    lists.extend(apt.listing(&etc.join("sources.list.d"), &["list", "sources"]));
    for path in lists {
        let Some(text) = apt.read(&path) else {
            continue;
        };
        let stanzas = path.extension().is_some_and(|extension| extension == "sources");
        let parsed = if stanzas {
            parse_stanzas(&text, architecture)
        } else {
            parse_one_line(&text, architecture)
        };
        match parsed {
            Ok(sources) => sources.into_iter().for_each(|source| apt.add(source, root)),
            Err(error) => apt.pass_over(&path, &error),
        }
    }
    let addresses = apt.sources.iter_mut().flat_map(|source| &mut source.addresses);
    addresses.for_each(|address| credentials.apply(address));
    apt
}

impl HostApt {
    fn add(&mut self, mut source: Source, root: &Path) {
        for list in std::mem::take(&mut source.lists) {
            let path = root.join(list.trim_start_matches('/'));
            match self.read(&path).map(|text| source.add_list(&text)) {
                Some(Ok(())) => {}
                Some(Err(error)) => self.pass_over(&path, &error),
                None => self
                    .passed_over
                    .push(format!("the list of mirrors `{list}` cannot be read")),
            }
        }
        let foreign = source
            .foreign
            .iter()
            .map(|address| format!("`{address}` is of a kind that is not read"));
        self.passed_over.extend(foreign);
        self.sources.push(source);
    }

    fn pass_over(&mut self, path: &Path, error: &dyn std::fmt::Display) {
        self.passed_over.push(format!("`{}`: {error}", path.display()));
    }

    fn read(&mut self, path: &Path) -> Option<String> {
        let bytes = match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() && metadata.len() <= LONGEST => fs::read(path),
            Ok(_) => return None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => Err(error),
        };
        match bytes {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => {
                self.passed_over.push(error.to_string());
                None
            }
        }
    }

    /// Files that apt would read, in its order: names of letters, digits, `-`, `_` and `.`, with one of the extensions.
    fn listing(&mut self, folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    self.passed_over.push(error.to_string());
                }
                return Vec::new();
            }
        };
        let mut paths: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_read(path, extensions))
            .collect();
        paths.sort();
        paths
    }
}

fn is_read(path: &Path, extensions: &[&str]) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let plain = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter));
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    plain && !name.is_empty() && !name.starts_with('.') && extensions.contains(&extension)
}
