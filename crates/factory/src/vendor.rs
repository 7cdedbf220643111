//! The project's `vendor/` folder: packages and whole repositories that are looked for before the network is.
//!
//! A repository lies there as it lies below the mirror (`vendor/OL9/appstream/x86_64/repodata/…`, `vendor/debian/dists/…`); a package
//! lies anywhere, under its own file name or its sha256.  Nothing is trusted for lying there: signatures, digests and sizes are
//! checked as for everything else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use qclock_trust::Digest;
use reqwest::Url;

/// The name of the folder.
pub const FOLDER: &str = "vendor";
/// Bounds of the search for files.
const DEEPEST: usize = 16;
const MOST: usize = 500_000;

/// What there is; nothing where there is no such folder.
#[derive(Debug, Clone, Default)]
pub struct Vendor {
    root: PathBuf,
    /// Files by name; of several in different folders all.
    files: BTreeMap<String, Vec<PathBuf>>,
    /// Parts that could not be listed, as sentences.
    pub passed_over: Vec<String>,
}

impl Vendor {
    /// Lists the folder `vendor` of a project.
    pub fn of(project: &Path) -> Self {
        let mut vendor = Self {
            root: project.join(FOLDER),
            ..Self::default()
        };
        let mut pending = vec![(vendor.root.clone(), 0)];
        let mut count = 0_usize;
        while let Some((folder, depth)) = pending.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                // No such folder is the usual case, and a file in its place is of no use.
                Err(_) if depth == 0 => return vendor,
                Err(error) => {
                    vendor
                        .passed_over
                        .push(format!("A part of `{FOLDER}` is passed over: {error}."));
                    continue;
                }
            };
            for entry in entries.flatten() {
                let path = entry.path();
                count += 1;
                if count > MOST {
                    vendor.passed_over.push(format!(
                        "`{FOLDER}` holds more than {MOST} files: the rest is passed over."
                    ));
                    return vendor;
                }
                // What a link leads to counts.
                match fs::metadata(&path) {
                    Ok(metadata) if metadata.is_dir() && depth < DEEPEST => pending.push((path, depth + 1)),
                    Ok(metadata) if metadata.is_file() => vendor.add(path),
                    _ => {}
                }
            }
        }
        for places in vendor.files.values_mut() {
            places.sort();
        }
        vendor
    }

    fn add(&mut self, path: PathBuf) {
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        if let Some(name) = name {
            self.files.entry(name).or_default().push(path);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The folder that holds `below`, under `path`: a repository of RPM packages by its `repodata/repomd.xml`, say.
    pub(crate) fn folder(&self, path: &str, below: &str) -> Option<Url> {
        let folder = self.root.join(path);
        folder
            .join(below)
            .is_file()
            .then(|| Url::from_directory_path(folder).ok())
            .flatten()
    }

    /// Where a file may be: under its digest, also as a cache has it, with the first two digits as a folder; or under the name at the
    /// end of its path in the archive.
    pub(crate) fn places(&self, digest: impl Into<Digest>, path: &str) -> Vec<Url> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let digest = digest.into().to_string();
        let named = [&digest, &digest[2..], name];
        let found = named.into_iter().filter_map(|name| self.files.get(name)).flatten();
        found.filter_map(|path| Url::from_file_path(path).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_digest_and_by_name_wherever_they_lie() {
        let project = tempfile::tempdir().unwrap();
        assert!(Vendor::of(project.path()).is_empty());
        let digest = qclock_trust::Sha256::of(b"x");
        let text = digest.to_string();
        let (shelf, rest) = text.split_at(2);
        for path in [
            "pool/a.rpm",
            "OL9/x/repodata/repomd.xml",
            &format!("by-digest/{digest}"),
            &format!("sha256/{shelf}/{rest}"),
        ] {
            let path = project.path().join(FOLDER).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        let vendor = Vendor::of(project.path());
        let places = |path: &str| -> Vec<String> {
            let places = vendor.places(digest, path).into_iter();
            let below = |place: Url| Some(place.as_str().split_once("/vendor/")?.1.to_owned());
            places.filter_map(below).collect()
        };
        let by_digest = format!("by-digest/{digest}");
        let as_a_cache = format!("sha256/{shelf}/{rest}");
        assert_eq!(places("Packages/a.rpm"), [&by_digest, &as_a_cache, "pool/a.rpm"]);
        assert_eq!(places("Packages/b.rpm"), [by_digest, as_a_cache]);
        assert!(
            vendor
                .folder("OL9/x", "repodata/repomd.xml")
                .unwrap()
                .as_str()
                .ends_with("/vendor/OL9/x/")
        );
        assert_eq!(vendor.folder("OL9", "repodata/repomd.xml"), None);
    }

    #[test]
    fn links_that_go_in_circles_end() {
        let project = tempfile::tempdir().unwrap();
        let folder = project.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(".", folder.join("self")).unwrap();
        fs::write(folder.join("a.rpm"), b"x").unwrap();
        assert!(!Vendor::of(project.path()).is_empty());
    }
}
