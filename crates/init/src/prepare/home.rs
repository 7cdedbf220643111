//! Keycloak's home, in memory: links to what never changes, copies of what its build replaces, and room for what it writes.
//!
//! The image holds the release as it was published, and nobody can write to it.  Keycloak takes its folder from where its first jar really
//! lies, so that this one is a copy, too.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;

/// Folders that are only read.
const LINKS: [&str; 5] = ["lib/lib", "lib/app", "providers", "themes", "conf/cache-ispn.xml"];
const FOLDERS: [&str; 4] = ["lib/quarkus", "conf", "data/tmp", "data/import"];
const COPIES: [&str; 2] = ["lib/quarkus-run.jar", "version.txt"];
/// What the build replaces.
const BUILT: &str = "lib/quarkus";
/// Far more than there is in it.
const MOST: usize = 100;

type Failed = (&'static str, PathBuf, io::Error);

/// Whatever an earlier start of the same container left is made anew.
pub(super) fn make(distribution: &Path, home: &Path) -> Result<(), Failed> {
    match fs::remove_dir_all(home) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(("remove", home.to_owned(), error)),
        _ => {}
    }
    for folder in FOLDERS {
        let path = home.join(folder);
        fs::create_dir_all(&path).map_err(|error| ("make", path.clone(), error))?;
    }
    for name in LINKS {
        let path = home.join(name);
        let link = std::os::unix::fs::symlink(distribution.join(name), &path);
        link.map_err(|error| ("make", path.clone(), error))?;
    }
    for name in COPIES {
        copy(&distribution.join(name), &home.join(name))?;
    }
    let built = distribution.join(BUILT);
    let listed = |error| ("list", built.clone(), error);
    for entry in fs::read_dir(&built).map_err(listed)?.take(MOST) {
        let name = entry.map_err(listed)?.file_name();
        copy(&built.join(&name), &home.join(BUILT).join(&name))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    // Not the mode: what is made here is this user's own.
    let bytes = fs::read(from).map_err(|error| ("read", from.to_owned(), error))?;
    fs::write(to, bytes).map_err(|error| ("write", to.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_holds_copies_of_what_changes_and_links_to_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let (release, home) = (folder.path().join("release"), folder.path().join("run/home"));
        for (path, text) in [
            ("lib/quarkus/generated-bytecode.jar", "old"),
            ("lib/quarkus-run.jar", "run"),
            ("version.txt", "23"),
            ("lib/lib/main/a.jar", "a"),
        ] {
            fs::create_dir_all(release.join(path).parent().unwrap()).unwrap();
            fs::write(release.join(path), text).unwrap();
        }
        make(&release, &home).unwrap();
        fs::write(home.join("lib/quarkus/generated-bytecode.jar"), "new").unwrap();
        fs::write(home.join("lib/quarkus/more"), "left").unwrap();
        make(&release, &home).unwrap();
        let read = |path: &str| fs::read_to_string(home.join(path)).unwrap();
        assert_eq!(read("lib/quarkus/generated-bytecode.jar"), "old");
        assert_eq!(read("lib/lib/main/a.jar"), "a");
        assert!(!home.join("lib/quarkus/more").exists());
        assert!(
            !fs::symlink_metadata(home.join("lib/quarkus-run.jar"))
                .unwrap()
                .is_symlink()
        );
        assert_eq!(
            fs::read_to_string(release.join("lib/quarkus/generated-bytecode.jar")).unwrap(),
            "old"
        );
        let gone = make(&folder.path().join("nothing"), &home).unwrap_err();
        assert_eq!(
            (gone.0, gone.1),
            ("read", folder.path().join("nothing/lib/quarkus-run.jar"))
        );
    }
}
