//! What an `[[archive]]` must keep to.

use std::collections::BTreeSet;

use reqwest::Url;

use super::{Checked, Fault, absolute, fault, is_image_name, is_pattern, reasoned};
use crate::definition::{Coordinate, Definition, UpstreamArchive};

/// More than any release that would go into an image.
const LARGEST: u64 = 2 << 30;

pub(super) fn check(definition: &Definition) -> Checked {
    let mut names = BTreeSet::new();
    for archive in &definition.archives {
        if !names.insert(&archive.name) {
            return fault(format!("the archive `{}` is declared twice", archive.name));
        }
        one(archive)?;
    }
    Ok(())
}

fn one(archive: &UpstreamArchive) -> Checked {
    let name = &archive.name;
    if !is_image_name(name) {
        return fault(format!(
            "`{name}` is no name of an archive: lower-case letters, digits and dashes"
        ));
    }
    for (thing, value) in [("version", &archive.version), ("license", &archive.license)] {
        if value.trim().is_empty() || value.chars().any(char::is_control) {
            return fault(format!("the archive `{name}` has no {thing}"));
        }
    }
    let digest = archive.sha256.as_str();
    if digest.len() != 64 || !digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return fault(format!(
            "the `sha256` of the archive `{name}` is not 64 hexadecimal digits in lower case"
        ));
    }
    if archive.size == 0 || archive.size > LARGEST {
        return fault(format!(
            "the `size` of the archive `{name}` is {}, not between 1 and {LARGEST} bytes",
            archive.size
        ));
    }
    for address in &archive.addresses {
        let known = Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "https" | "http"));
        if !known {
            return fault(format!(
                "`{address}`, of the archive `{name}`, is no address by https or http"
            ));
        }
    }
    if let Some(text) = archive
        .maven
        .as_deref()
        .filter(|text| Coordinate::parse(text).is_none())
    {
        return Err(Fault {
            message: format!("`{text}`, of the archive `{name}`, is no Maven coordinate"),
            hint: Some("write it as `group:artifact:version:packaging`".to_owned()),
        });
    }
    if archive.addresses.is_empty() && archive.maven.is_none() {
        return fault(format!("the archive `{name}` has neither `addresses` nor `maven`"));
    }
    absolute(&archive.target, "target")?;
    if archive.target == "/" {
        return fault(format!("the archive `{name}` cannot be unpacked over the whole image"));
    }
    for prune in &archive.prunes {
        prune
            .paths
            .iter()
            .chain(&prune.keep)
            .try_for_each(|pattern| is_pattern(pattern))?;
        reasoned(
            &prune.reason,
            &format!(
                "the prune rule of the archive `{name}` for `{}`",
                prune.paths.join("`, `")
            ),
        )?;
    }
    for jars in &archive.empty_jars {
        jars.paths.iter().try_for_each(|pattern| is_pattern(pattern))?;
        reasoned(
            &jars.reason,
            &format!(
                "the empty jar of the archive `{name}` for `{}`",
                jars.paths.join("`, `")
            ),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = 'tool'\nversion = '1'\nlicense = 'MIT'\nsize = 3\ntarget = '/opt/tool'\nmaven = 'a:b:1:jar'\n\
        sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'\n";

    fn said(text: &str) -> String {
        let text = format!("name = 'x'\ntitle = 'x'\ndescription = ''\n[[archive]]\n{text}");
        let definition: Definition = toml::from_str(&text).unwrap();
        check(&definition).map_or_else(|fault| fault.message, |()| "good".to_owned())
    }

    #[test]
    fn faults_are_sentences_that_name_the_thing() {
        for (from, to, expected) in [
            ("", "", "good"),
            (
                "'tool'",
                "'Tool'",
                "`Tool` is no name of an archive: lower-case letters, digits and dashes",
            ),
            ("'MIT'", "' '", "the archive `tool` has no license"),
            (
                "'ba78",
                "'BA78",
                "the `sha256` of the archive `tool` is not 64 hexadecimal digits in lower case",
            ),
            (
                "size = 3",
                "size = 0",
                "the `size` of the archive `tool` is 0, not between 1 and 2147483648 bytes",
            ),
            (
                "'a:b:1:jar'",
                "'a:b:1'",
                "`a:b:1`, of the archive `tool`, is no Maven coordinate",
            ),
            (
                "maven = 'a:b:1:jar'\n",
                "",
                "the archive `tool` has neither `addresses` nor `maven`",
            ),
            (
                "'/opt/tool'",
                "'/'",
                "the archive `tool` cannot be unpacked over the whole image",
            ),
            (
                "'/opt/tool'",
                "'opt'",
                "the target `opt` is no absolute path in its shortest spelling",
            ),
        ] {
            assert_eq!(said(&GOOD.replace(from, to)), expected);
        }
        let prune = "[[archive.prune]]\npaths = ['bin']\nreason = ''\n";
        assert_eq!(
            said(&format!("{GOOD}{prune}")),
            "the prune rule of the archive `tool` for `bin` has no reason"
        );
        let address = "addresses = ['file:///etc/passwd']\n";
        assert_eq!(
            said(&format!("{GOOD}{address}")),
            "`file:///etc/passwd`, of the archive `tool`, is no address by https or http"
        );
    }
}
