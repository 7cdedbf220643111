//! Streams and owners of files as text that is read back without parsing YAML or XML.
//!
//! A line for each record, its fields divided by tabs, lists inside of a field by spaces.  What would not survive that is not stored.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use fs_err as fs;
use qclock_packages::rpm::{ModuleDefault, ModuleStream, Modules, Owners};
use qclock_trust::Sha256;

/// Writes beside the place and renames into it; what is read back checks itself, so the disk need not have it yet.
pub(super) fn keep(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".qclock-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(folder.join(name))?;
    Ok(())
}

/// A text with the digest of what is in it, so that it shows when it is not what was written.
pub(super) fn sealed(text: &str) -> String {
    format!("{}\n{text}", Sha256::of(text.as_bytes()))
}

/// What was sealed; none where it is not whole.
pub(super) fn opened(bytes: &[u8]) -> Option<&str> {
    let (digest, text) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    (digest.parse() == Ok(Sha256::of(text.as_bytes()))).then_some(text)
}

pub(super) fn modules_to_text(modules: &Modules) -> Option<String> {
    let mut text = String::from("modules 3\n");
    for default in &modules.defaults {
        let stream = default.stream.as_deref().unwrap_or_default();
        let profiles = profiles_to_text(&default.profiles)?;
        line(
            &mut text,
            &[
                "default",
                word(&default.module)?,
                word_or_none(stream)?,
                &default.modified.to_string(),
                &profiles,
            ],
        );
    }
    for stream in &modules.streams {
        let requires = stream.requires.iter().map(|group| group_to_text(group));
        let requires = requires.collect::<Option<Vec<_>>>()?.join("|");
        line(
            &mut text,
            &[
                "stream",
                word(&stream.name)?,
                word(&stream.stream)?,
                &stream.version.to_string(),
                word_or_none(&stream.context)?,
                if stream.static_context { "static" } else { "" },
                word_or_none(&stream.architecture)?,
                &requires,
                &words(&stream.artifacts)?,
                &words(&stream.demodularized)?,
                &profiles_to_text(&stream.profiles)?,
            ],
        );
    }
    text.push_str("end\n");
    Some(text)
}

pub(super) fn modules_from_text(text: &str) -> Option<Modules> {
    let mut modules = Modules::default();
    let records = text.strip_prefix("modules 3\n")?.strip_suffix("end\n")?;
    for record in records.lines() {
        let fields: Vec<&str> = record.split('\t').collect();
        match *fields.as_slice() {
            ["default", module, stream, modified, profiles] => modules.defaults.push(ModuleDefault {
                module: module.to_owned(),
                stream: Some(stream.to_owned()).filter(|stream| !stream.is_empty()),
                modified: modified.parse().ok()?,
                profiles: profiles_from_text(profiles)?,
            }),
            [
                "stream",
                name,
                stream,
                version,
                context,
                kind_of_context,
                architecture,
                requires,
                artifacts,
                demodularized,
                profiles,
            ] => {
                let groups = requires.split('|').filter(|group| !group.is_empty());
                modules.streams.push(ModuleStream {
                    name: name.to_owned(),
                    stream: stream.to_owned(),
                    version: version.parse().ok()?,
                    context: context.to_owned(),
                    static_context: kind_of_context == "static",
                    architecture: architecture.to_owned(),
                    requires: groups.map(group_from_text).collect::<Option<_>>()?,
                    artifacts: list(artifacts),
                    demodularized: list(demodularized),
                    profiles: profiles_from_text(profiles)?,
                });
            }
            _ => return None,
        }
    }
    Some(modules)
}

/// `common:php-cli php-fpm;minimal:php-cli;`.
fn profiles_to_text(profiles: &BTreeMap<String, Vec<String>>) -> Option<String> {
    let mut text = String::new();
    for (name, packages) in profiles {
        if packages.iter().chain([name]).any(|part| part.contains([':', ';'])) {
            return None;
        }
        text.push_str(&format!("{}:{};", word(name)?, words(packages)?));
    }
    Some(text)
}

fn profiles_from_text(text: &str) -> Option<BTreeMap<String, Vec<String>>> {
    let profiles = text.split(';').filter(|profile| !profile.is_empty());
    profiles
        .map(|profile| {
            let (name, packages) = profile.split_once(':')?;
            Some((name.to_owned(), list(packages)))
        })
        .collect()
}

/// `platform:el9,el8;perl:`, with a `;` at the end, so that an empty group is not no group.
fn group_to_text(group: &[(String, Vec<String>)]) -> Option<String> {
    let mut text = String::new();
    for (module, streams) in group {
        for part in streams.iter().chain([module]) {
            if part.contains([':', ',', ';', '|']) {
                return None;
            }
            word(part)?;
        }
        text.push_str(&format!("{module}:{};", streams.join(",")));
    }
    if text.is_empty() {
        text.push(';');
    }
    Some(text)
}

fn group_from_text(text: &str) -> Option<Vec<(String, Vec<String>)>> {
    let parts = text.split(';').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (module, streams) = part.split_once(':')?;
            let streams = streams.split(',').filter(|stream| !stream.is_empty());
            Some((module.to_owned(), streams.map(str::to_owned).collect()))
        })
        .collect()
}

pub(super) fn owners_to_text(owners: &Owners) -> Option<String> {
    let mut text = String::from("owners 1\n");
    for (path, packages) in owners {
        if path.contains(['\t', '\n', '\r']) {
            return None;
        }
        let packages: Vec<String> = packages.iter().map(ToString::to_string).collect();
        line(&mut text, &[path, &packages.join(" ")]);
    }
    text.push_str("end\n");
    Some(text)
}

pub(super) fn owners_from_text(text: &str) -> Option<Owners> {
    let records = text.strip_prefix("owners 1\n")?.strip_suffix("end\n")?;
    records
        .lines()
        .map(|record| {
            let (path, packages) = record.split_once('\t')?;
            let packages = packages.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
            Some((path.to_owned(), packages))
        })
        .collect()
}

fn line(text: &mut String, fields: &[&str]) {
    text.push_str(&fields.join("\t"));
    text.push('\n');
}

fn word(text: &str) -> Option<&str> {
    word_or_none(text).filter(|text| !text.is_empty())
}

fn word_or_none(text: &str) -> Option<&str> {
    (!text.contains(|c: char| c.is_whitespace() || c.is_control())).then_some(text)
}

fn words(list: &[String]) -> Option<String> {
    let words = list.iter().map(|text| word(text)).collect::<Option<Vec<_>>>()?;
    Some(words.join(" "))
}

fn list(text: &str) -> Vec<String> {
    text.split(' ')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_come_back_as_they_were() {
        let modules = Modules {
            defaults: vec![ModuleDefault {
                module: "php".to_owned(),
                stream: None,
                modified: 20_240_221,
                profiles: [("8.2".to_owned(), vec!["common".to_owned()])].into(),
            }],
            streams: vec![
                ModuleStream {
                    name: "php".to_owned(),
                    stream: "8.2".to_owned(),
                    version: 9,
                    context: "9".to_owned(),
                    static_context: true,
                    architecture: "x86_64".to_owned(),
                    requires: vec![
                        vec![
                            ("platform".to_owned(), vec!["el9".to_owned(), "-el8".to_owned()]),
                            ("perl".to_owned(), vec![]),
                        ],
                        vec![],
                    ],
                    artifacts: vec!["php-0:8.2-1.x86_64".to_owned(), "php-fpm-0:8.2-1.x86_64".to_owned()],
                    demodularized: vec![],
                    profiles: [("common".to_owned(), vec!["php".to_owned(), "php-fpm".to_owned()])].into(),
                },
                ModuleStream::default(),
            ],
        };
        assert_eq!(modules_to_text(&modules), None, "a stream without a name is not stored");
        let modules = Modules {
            streams: modules.streams[..1].to_vec(),
            ..modules
        };
        let text = modules_to_text(&modules).unwrap();
        assert_eq!(modules_from_text(&text).unwrap(), modules);
        assert_eq!(modules_from_text(&text[..text.len() - 1]), None);
        assert_eq!(modules_from_text("modules 2\n"), None);
        let kept = sealed(&text).into_bytes();
        assert_eq!(opened(&kept), Some(text.as_str()));
        for at in 0..kept.len() {
            let mut damaged = kept.clone();
            damaged[at] ^= 4;
            assert_eq!(opened(&damaged), None, "byte {at}");
        }
    }

    #[test]
    fn owners_come_back_as_they_were() {
        let owners = Owners::from([("/usr/share/a b".to_owned(), vec![1, 20]), ("/x".to_owned(), vec![3])]);
        let text = owners_to_text(&owners).unwrap();
        assert_eq!(owners_from_text(&text).unwrap(), owners);
        assert_eq!(owners_from_text(&text[..text.len() - 2]), None);
    }
}
