//! The control part of a package: its description, maintainer scripts and lists.

use std::io::Read;

use super::container::Member;
use super::{ArchiveError, Control, Entry, EntryKind, Limits, UNNAMED, walk_member};
use crate::deb::control::{Stanza, StanzaError};

/// What dpkg runs, or what decides what it runs.
const SCRIPTS: [&str; 7] = [
    "preinst",
    "postinst",
    "prerm",
    "postrm",
    "config",
    "triggers",
    "templates",
];

pub(super) fn read(member: Member<'_>, limits: Limits) -> Result<Control, ArchiveError> {
    let mut control = Control::default();
    walk_member(member, limits.control, limits, UNNAMED, &mut |entry, content| {
        take(&mut control, &entry, content)
    })?;
    let stanza = control
        .other
        .remove("control")
        .ok_or_else(|| refused("control", "there"))?;
    control.stanza = String::from_utf8(stanza).map_err(|_| unreadable(StanzaError::Encoding))?;
    let package = Stanza::parse(&control.stanza)
        .map_err(unreadable)?
        .value("Package")
        .unwrap_or("")
        .to_owned();
    if !crate::deb::relation::is_package_name(&package) {
        return Err(refused("control", "the description of a package"));
    }
    let length = control.stanza.trim_ascii_end().len();
    control.stanza.truncate(length);
    control.stanza.push('\n');
    control.package = package;
    control.md5sums = control.other.remove("md5sums");
    if let Some(list) = control.other.remove("conffiles") {
        control.conffiles = conffiles(&list).ok_or_else(|| ArchiveError::Control {
            package: control.package.clone(),
            file: "conffiles".to_owned(),
            expected: "a list of absolute paths",
        })?;
    }
    Ok(control)
}

fn take(control: &mut Control, entry: &Entry, content: &mut dyn Read) -> Result<(), ArchiveError> {
    if entry.kind != EntryKind::File || entry.path.contains('/') {
        return Err(refused(&entry.path, "a plain file at the top"));
    }
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).map_err(|source| ArchiveError::Read {
        package: UNNAMED.to_owned(),
        member: "control.tar".to_owned(),
        source,
    })?;
    let files = if SCRIPTS.contains(&entry.path.as_str()) {
        &mut control.scripts
    } else {
        &mut control.other
    };
    match files.insert(entry.path.clone(), bytes) {
        None => Ok(()),
        Some(_) => Err(refused(&entry.path, "there only once")),
    }
}

/// One absolute path in each line; those with a flag (`remove-on-upgrade`) name files that the package no longer brings.
fn conffiles(list: &[u8]) -> Option<Vec<String>> {
    let lines = str::from_utf8(list)
        .ok()?
        .lines()
        .map(str::trim_ascii)
        .filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with("remove-on-upgrade "));
    lines
        .map(|line| line.starts_with('/').then(|| line.to_owned()))
        .collect()
}

fn refused(file: &str, expected: &'static str) -> ArchiveError {
    ArchiveError::Control {
        package: UNNAMED.to_owned(),
        file: file.to_owned(),
        expected,
    }
}

fn unreadable(source: StanzaError) -> ArchiveError {
    ArchiveError::Stanza {
        package: UNNAMED.to_owned(),
        source,
    }
}
