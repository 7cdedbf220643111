//! What no image has without a reason: shells, package managers, programs that change the user.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use qclock_oci::path::TreePath;
use qclock_oci::tree::{Entry, Kind, Tree};

use super::AssembleError;
use crate::definition::Permit;

const SHELLS: [&str; 16] = [
    "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "ksh93", "mksh", "posh", "rbash", "sh", "tcsh", "toybox",
    "yash", "zsh",
];
const PACKAGE_MANAGERS: [&str; 13] = [
    "apk", "apt", "apt-get", "aptitude", "dnf", "dnf-3", "dnf5", "dpkg", "dpkg-deb", "microdnf", "rpm", "yum", "zypper",
];

/// The permits of an image and its ancestors, by path.
#[derive(Debug, Default)]
pub struct Permits {
    paths: BTreeMap<String, AtomicBool>,
}

impl Permits {
    pub fn new<'a>(permits: impl Iterator<Item = &'a Permit>) -> Self {
        let path = |permit: &Permit| permit.path.trim_start_matches('/').to_owned();
        Self {
            paths: permits.map(|permit| (path(permit), AtomicBool::new(false))).collect(),
        }
    }

    pub(crate) fn allows(&self, path: &str) -> bool {
        let permit = self.paths.get(path);
        if let Some(used) = permit {
            used.store(true, Ordering::Relaxed);
        }
        permit.is_some()
    }

    /// Paths that nothing needed a permit for, so far.
    pub fn idle(&self) -> impl Iterator<Item = &str> {
        let idle = self.paths.iter().filter(|(_, used)| !used.load(Ordering::Relaxed));
        idle.map(|(path, _)| path.as_str())
    }
}

/// Takes the set-id bits, and writing by everybody, from what has no permit.
pub(super) fn harden(path: &str, entry: &mut Entry, permits: &Permits) {
    if matches!(entry.kind, Kind::Symlink(_)) {
        return;
    }
    let set_id = entry.mode & 0o6000 != 0;
    let world_writable = entry.mode & 0o1002 == 0o002;
    if (set_id || world_writable) && !permits.allows(path) {
        entry.mode &= !0o6000;
        if world_writable {
            entry.mode &= !0o002;
        }
    }
}

/// Refuses what is new or changed in `tree` over `parent` and has no permit.
pub fn check_forbidden(tree: &Tree, parent: &Tree, permits: &Permits) -> Result<(), AssembleError> {
    for (path, entry) in tree.iter() {
        if let Some(what) = forbidden(path, entry)
            && parent.get(path.as_str()) != Some(entry)
            && !permits.allows(path.as_str())
        {
            return Err(AssembleError::Forbidden {
                path: path.to_string(),
                what,
            });
        }
    }
    Ok(())
}

fn forbidden(path: &TreePath, entry: &Entry) -> Option<&'static str> {
    if matches!(entry.kind, Kind::Directory) {
        return (entry.mode & 0o1002 == 0o002)
            .then_some("a directory that everybody may write to, without the sticky bit");
    }
    let link = matches!(entry.kind, Kind::Symlink(_));
    if !link && entry.mode & 0o6000 != 0 {
        return Some("a program that changes its user or group");
    }
    if !link && entry.mode & 0o002 != 0 {
        return Some("a file that everybody may write to");
    }
    if link || entry.mode & 0o111 != 0 {
        let name = path.file_name();
        if SHELLS.contains(&name) {
            return Some("a shell");
        }
        if PACKAGE_MANAGERS.contains(&name) {
            return Some("a package manager");
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, entry: Entry, permitted: &[&str]) -> Option<&'static str> {
        let permits: Vec<Permit> = permitted
            .iter()
            .map(|path| Permit {
                path: (*path).to_owned(),
                reason: "test".to_owned(),
            })
            .collect();
        let mut tree = Tree::default();
        tree.add(path.parse().unwrap(), entry).unwrap();
        match check_forbidden(&tree, &Tree::default(), &Permits::new(permits.iter())) {
            Err(AssembleError::Forbidden { what, .. }) => Some(what),
            _ => None,
        }
    }

    #[test]
    fn shells_package_managers_and_set_id_programs_need_a_permit() {
        assert_eq!(check("usr/bin/dash", Entry::file("", 0o755), &[]), Some("a shell"));
        assert_eq!(check("usr/bin/sh", Entry::symlink("dash"), &[]), Some("a shell"));
        assert_eq!(check("usr/bin/sh", Entry::symlink("dash"), &["/usr/bin/sh"]), None);
        assert_eq!(check("usr/share/bash", Entry::file("", 0o644), &[]), None);
        assert_eq!(
            check("usr/bin/dpkg", Entry::file("", 0o755), &[]),
            Some("a package manager")
        );
        assert!(check("usr/bin/su", Entry::file("", 0o4755), &[]).is_some());
        assert!(check("var/x", Entry::directory(0o777), &[]).is_some());
        assert!(check("tmp", Entry::directory(0o1777), &[]).is_none());
    }

    #[test]
    fn bits_are_taken_unless_permitted() {
        let permits = [Permit {
            path: "/usr/bin/su".to_owned(),
            reason: "test".to_owned(),
        }];
        let permits = Permits::new(permits.iter());
        for (path, mode, expected) in [
            ("usr/bin/mount", 0o4755, 0o755),
            ("usr/bin/su", 0o4755, 0o4755),
            ("var/local", 0o2775, 0o775),
            ("var/lib/php/sessions", 0o1733, 0o1733),
            ("var/x", 0o777, 0o775),
        ] {
            let mut entry = Entry::file("", mode);
            harden(path, &mut entry, &permits);
            assert_eq!(entry.mode, expected, "{path}");
        }
        assert_eq!(permits.idle().count(), 0);
    }
}
