//! Where a package's path really is: merged `/usr` and the two links below `/var`.
//!
//! Packages still name `/lib/…`; unpacked as it stands, such a path would put a directory where the link `/lib` belongs.
//! A relative link target keeps its meaning, as the kernel has always resolved it from the real place.

use qclock_oci::tree::{Entry, Tree};

use super::AssembleError;

/// Directories that are links into `/usr`.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib64", "lib32", "libx32"];
/// What every image has; the others only where `/usr` has the directory.
const ALWAYS: [&str; 3] = ["bin", "sbin", "lib"];
/// Directories that install scripts turn into links.
const VARIABLE: [(&str, &str); 2] = [("var/run", "run"), ("var/lock", "run/lock")];

/// The path in the image.  `None` for one that is a link there, and which is not a package's to make.
pub(crate) fn relocated(path: &str) -> Option<String> {
    if VARIABLE.iter().any(|(link, _)| *link == path) || MERGED.contains(&path) {
        return None;
    }
    for (link, target) in VARIABLE {
        if let Some(rest) = path.strip_prefix(link).filter(|rest| rest.starts_with('/')) {
            return Some(format!("{target}{rest}"));
        }
    }
    match path.split_once('/') {
        Some((first, _)) if MERGED.contains(&first) => Some(format!("usr/{path}")),
        _ => Some(path.to_owned()),
    }
}

/// Makes the links, and the directories they lead to.
pub fn link_merged_directories(tree: &mut Tree) -> Result<(), AssembleError> {
    for name in MERGED {
        let failed = |source| AssembleError::Merge { name, source };
        let target = format!("usr/{name}");
        if ALWAYS.contains(&name) {
            tree.add(path(&target), Entry::directory(0o755)).map_err(failed)?;
        }
        if tree.get(&target).is_some() {
            tree.add(path(name), Entry::symlink(target)).map_err(failed)?;
        }
    }
    for (name, target) in VARIABLE {
        let failed = |source| AssembleError::Merge { name, source };
        tree.add(path(name), Entry::symlink(format!("/{target}")))
            .map_err(failed)?;
    }
    Ok(())
}

fn path(text: &str) -> qclock_oci::TreePath {
    text.parse().expect("the names above are clean paths")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_places_are_moved_and_links_are_not_the_packages_to_make() {
        for (path, expected) in [
            (
                "lib/x86_64-linux-gnu/libc.so.6",
                Some("usr/lib/x86_64-linux-gnu/libc.so.6"),
            ),
            ("lib64/ld-linux-x86-64.so.2", Some("usr/lib64/ld-linux-x86-64.so.2")),
            ("library/x", Some("library/x")),
            ("usr/lib/x", Some("usr/lib/x")),
            ("var/run/lock.pid", Some("run/lock.pid")),
            ("var/lock/x", Some("run/lock/x")),
            ("var/runner", Some("var/runner")),
            ("bin", None),
            ("lib64", None),
            ("var/run", None),
        ] {
            assert_eq!(relocated(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn links_lead_to_directories_that_are_there() {
        let mut tree = Tree::default();
        tree.add(path("usr/lib64/ld.so"), Entry::file("", 0o755)).unwrap();
        link_merged_directories(&mut tree).unwrap();
        link_merged_directories(&mut tree).unwrap();
        assert_eq!(tree.get("lib64"), Some(&Entry::symlink("usr/lib64")));
        assert!(tree.get("usr/sbin").is_some_and(Entry::is_directory));
        assert!(tree.get("lib32").is_none());
        assert_eq!(tree.get("var/lock"), Some(&Entry::symlink("/run/lock")));
    }
}
