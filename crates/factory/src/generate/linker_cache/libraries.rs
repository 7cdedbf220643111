//! The libraries that `ldconfig` lists: those of the configured folders, then those of the standard ones.

use std::collections::{BTreeMap, BTreeSet};

use globset::GlobBuilder;
use qclock_oci::tree::{Kind, Tree};

use super::compare;
use crate::elf;

const CONFIGURATION: &str = "etc/ld.so.conf";
/// In `ldconfig`'s order; the folders that `/lib64` and `/lib` lead to are listed once, under the first name.
const STANDARD: [&str; 4] = ["/lib64", "/lib", "/usr/lib64", "/usr/lib"];
const LONGEST_CHAIN: usize = 40;
const DEEPEST_INCLUDE: usize = 8;

/// A library by the name that programs ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Library {
    pub(super) name: String,
    pub(super) path: String,
}

pub(super) fn find(tree: &Tree) -> Vec<Library> {
    let mut folders = Vec::new();
    configured(tree, CONFIGURATION, DEEPEST_INCLUDE, &mut folders);
    folders.extend(STANDARD.map(str::to_owned));
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for folder in folders {
        let Some(real) = resolved(tree, folder.trim_start_matches('/')) else {
            continue;
        };
        if seen.insert(real.clone()) {
            found.extend(in_folder(tree, &folder, &real));
        }
    }
    found
}

/// Folders that a configuration file and those that it includes name.
fn configured(tree: &Tree, file: &str, depth: usize, folders: &mut Vec<String>) {
    let contents = resolved(tree, file).and_then(|real| tree.contents(&real));
    let text = contents.map(|contents| String::from_utf8_lossy(contents).into_owned());
    for line in text.unwrap_or_default().lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(patterns) = line
            .strip_prefix("include")
            .filter(|rest| rest.starts_with([' ', '\t']))
        {
            for pattern in patterns.split_whitespace() {
                let included = matching(tree, pattern);
                for file in included.iter().filter(|_| depth > 0) {
                    configured(tree, file, depth - 1, folders);
                }
            }
        } else if line.starts_with('/') {
            let folder = line.split('=').next().unwrap_or_default().trim_end();
            folders.push(folder.trim_end_matches('/').to_owned());
        }
    }
}

/// Paths of files by a pattern, absolute or beside the configuration file.
fn matching(tree: &Tree, pattern: &str) -> Vec<String> {
    let pattern = match pattern.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("etc/{pattern}"),
    };
    let glob = GlobBuilder::new(&pattern).literal_separator(true).build();
    let Ok(glob) = glob.map(|glob| glob.compile_matcher()) else {
        return Vec::new();
    };
    let paths = tree.iter().map(|(path, _)| path.as_str());
    paths.filter(|path| glob.is_match(path)).map(str::to_owned).collect()
}

/// What is kept of a name while the folder is read.
struct Candidate {
    file: String,
    is_link: bool,
}

fn in_folder(tree: &Tree, folder: &str, real: &str) -> Vec<Library> {
    let mut libraries: BTreeMap<String, Candidate> = BTreeMap::new();
    for (path, entry) in tree.children(real) {
        let Some(file) = path
            .as_str()
            .strip_prefix(real)
            .map(|rest| rest.trim_start_matches('/'))
        else {
            continue;
        };
        if file.contains('/') || !is_library(file) {
            continue;
        }
        let elf = resolved(tree, path.as_str())
            .and_then(|real| tree.contents(&real))
            .and_then(|contents| elf::read(contents));
        let Some(elf) = elf.filter(|elf| elf.is_dynamic) else {
            continue;
        };
        let soname = elf.soname.unwrap_or_else(|| file.to_owned());
        // A link by the library's own name, or `libx.so` for the linker, stands for itself; any other is as good as a file.
        let for_linker = file.strip_suffix(".so").is_some() && soname.starts_with(file);
        let is_link = matches!(entry.kind, Kind::Symlink(_)) && (file == soname || for_linker);
        let name = if is_link { file.to_owned() } else { soname };
        let better = libraries.get(&name).is_none_or(|other| {
            (!is_link && other.is_link) || (is_link == other.is_link && compare(&other.file, file).is_lt())
        });
        if better {
            let file = file.to_owned();
            libraries.insert(name, Candidate { file, is_link });
        }
    }
    // Under the library's own name: where no such link is, `ldconfig` would make one.
    let listed = |name: String| Library {
        path: format!("{folder}/{name}"),
        name,
    };
    let there = |name: &String| tree.get(&format!("{real}/{name}")).is_some();
    libraries.into_keys().filter(there).map(listed).collect()
}

fn is_library(file: &str) -> bool {
    let loader = file.starts_with("ld.so.") || file.starts_with("ld64.so.");
    (file.starts_with("lib") || file.starts_with("ld-")) && file.contains(".so") || loader
}

/// The path without symbolic links, if there is something.
fn resolved(tree: &Tree, path: &str) -> Option<String> {
    let mut real: Vec<String> = Vec::new();
    let mut rest: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    let mut links = 0;
    while let Some(part) = rest.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                real.pop();
                continue;
            }
            _ => real.push(part),
        }
        let entry = tree.get(&real.join("/"))?;
        if let Kind::Symlink(target) = &entry.kind {
            links += 1;
            if links > LONGEST_CHAIN {
                return None;
            }
            real.pop();
            if target.starts_with('/') {
                real.clear();
            }
            rest.extend(target.split('/').rev().map(str::to_owned));
        }
    }
    Some(real.join("/"))
}
