//! `/var/lib/dpkg`: `status` with every package's control stanza, and `info/<package>.list` with its files.
//!
//! The lists name what is really there: a scanner that takes a file for an unknown program looks there first.  `md5sums` are left
//! out: the layers' digests say more, and pruned files would make them lie.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use qclock_oci::path::TreePath;
use qclock_oci::tree::{Entry, Tree};
use qclock_packages::deb::Control;

use crate::generate::Files;

const STATUS: &str = "var/lib/dpkg/status";
const INFO: &str = "var/lib/dpkg/info";

pub(super) struct Installed<'a> {
    pub(super) control: &'a Control,
    pub(super) files: &'a [TreePath],
}

pub(super) fn files(parent: &Tree, installed: &[Installed<'_>]) -> Files {
    let mut made = Files::new();
    let mut stanzas = BTreeMap::new();
    let inherited = parent
        .contents(STATUS)
        .map(|status| String::from_utf8_lossy(status))
        .unwrap_or_default();
    for stanza in inherited.split("\n\n").filter(|stanza| !stanza.trim().is_empty()) {
        stanzas.insert(
            field(stanza, "Package").to_owned(),
            stanza.trim_matches('\n').to_owned(),
        );
    }
    // Says that lists may have an architecture in their names.
    made.insert(path(&format!("{INFO}/format")), Entry::file("1\n", 0o644));
    for Installed { control, files } in installed {
        stanzas.insert(control.package.clone(), with_status(&control.stanza));
        let list = path(&format!("{INFO}/{}.list", list_name(control)));
        let contents = file_list(parent.contents(list.as_str()), files);
        made.insert(list, Entry::file(contents, 0o644));
    }
    let mut status = String::new();
    for stanza in stanzas.values() {
        status.push_str(stanza);
        status.push_str("\n\n");
    }
    made.insert(path(STATUS), Entry::file(status, 0o644));
    made
}

/// The stanza with `Status` after its first field, which is where dpkg writes it.
fn with_status(stanza: &str) -> String {
    let mut written = String::with_capacity(stanza.len() + 32);
    for line in stanza.lines().filter(|line| !line.is_empty()) {
        if line
            .split_once(':')
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case("Status"))
        {
            continue;
        }
        written.push_str(line);
        written.push('\n');
        if line
            .split_once(':')
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case("Package"))
        {
            written.push_str("Status: install ok installed\n");
        }
    }
    written.truncate(written.trim_end().len());
    written
}

/// With what the parent image holds of the same package, when this one restores more of it.
fn file_list(inherited: Option<&Bytes>, files: &[TreePath]) -> String {
    let inherited = inherited
        .map(|list| String::from_utf8_lossy(list).into_owned())
        .unwrap_or_default();
    let mut paths: BTreeSet<String> = inherited.lines().map(str::to_owned).collect();
    paths.insert("/.".to_owned());
    paths.extend(files.iter().map(|file| format!("/{file}")));
    paths.into_iter().map(|path| path + "\n").collect()
}

/// Packages that can be installed for several architectures at once have theirs in the name (`dpkg(1)`, infodb format 1).
fn list_name(control: &Control) -> String {
    let architecture = field(&control.stanza, "Architecture");
    let word = architecture
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if word && field(&control.stanza, "Multi-Arch") == "same" {
        format!("{}:{architecture}", control.package)
    } else {
        control.package.clone()
    }
}

fn field<'a>(stanza: &'a str, name: &str) -> &'a str {
    let value = |line: &'a str| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    };
    stanza.lines().find_map(value).unwrap_or_default()
}

fn path(text: &str) -> TreePath {
    text.parse()
        .expect("a package name has no character that a path could not have")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(name: &str, rest: &str) -> Control {
        Control {
            package: name.to_owned(),
            stanza: format!(
                "Package: {name}\nVersion: 1\nArchitecture: amd64\n{rest}Description: short\n long\n .\n more\n"
            ),
            ..Control::default()
        }
    }

    fn tree(parent: &Tree, control: &Control, paths: &[TreePath]) -> Tree {
        let mut tree = parent.clone();
        crate::generate::lay_over(&mut tree, files(parent, &[Installed { control, files: paths }])).unwrap();
        tree
    }

    #[test]
    fn a_child_has_its_parents_packages_and_its_own_sorted() {
        let (libc, base) = (control("libc6", "Multi-Arch: same\n"), control("base-files", ""));
        let parent = tree(&Tree::default(), &libc, &["usr/lib/libc.so.6".parse().unwrap()]);
        let child = tree(&parent, &base, &[]);
        let status = String::from_utf8(child.contents(STATUS).unwrap().to_vec()).unwrap();
        assert_eq!(
            status,
            "Package: base-files\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nDescription: short\n long\n .\n more\n\n\
             Package: libc6\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\nMulti-Arch: same\nDescription: short\n long\n .\n more\n\n"
        );
        let libc_list = "var/lib/dpkg/info/libc6:amd64.list";
        assert_eq!(child.contents(libc_list).unwrap(), "/.\n/usr/lib/libc.so.6\n");
        assert_eq!(child.contents("var/lib/dpkg/info/base-files.list").unwrap(), "/.\n");
        assert_eq!(child.contents("var/lib/dpkg/info/format").unwrap(), "1\n");

        let restoring = tree(&parent, &libc, &["usr/lib/gconv/UTF-7.so".parse().unwrap()]);
        assert_eq!(
            restoring.contents(libc_list).unwrap(),
            "/.\n/usr/lib/gconv/UTF-7.so\n/usr/lib/libc.so.6\n"
        );
    }
}
