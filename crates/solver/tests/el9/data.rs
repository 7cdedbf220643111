//! Real Enterprise Linux 9 metadata from a folder beside the checkout, where it is there.

#![expect(clippy::print_stdout, reason = "tests")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use qclock_packages::rpm::{Comps, Modules, Repomd, WantedPaths, decompress, read_filelists, read_primary};

use crate::loaded::Loaded;

/// The folder, or none with the reason printed.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("QCLOCK_EL9_DATA").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/el9");
    let folder = named.unwrap_or(beside);
    if folder.join("golden").is_dir() {
        return Some(folder);
    }
    println!(
        "skipped: no Enterprise Linux 9 metadata at `{}` (QCLOCK_EL9_DATA names another folder)",
        folder.display()
    );
    None
}

pub(crate) const ALL: [(&str, &str); 4] = [
    ("appstream", "centos-stream9-appstream-2025-01"),
    ("baseos", "centos-stream9-baseos-2022-02"),
    ("overlay", "overlay-baseos"),
    ("stub", "assume-provided"),
];

/// Reads repositories, with the owners of all paths that any of them requires.
pub(crate) fn load(folder: &Path, names: &[(&'static str, &str)]) -> Vec<Loaded> {
    let (mut loaded, filelists): (Vec<Loaded>, Vec<Option<Vec<u8>>>) = names
        .iter()
        .map(|(name, place)| load_one(name, &folder.join(place)))
        .unzip();
    let wanted: Vec<String> = loaded
        .iter()
        .flat_map(|it| it.index.required_paths().map(|id| it.index.text(id).to_owned()))
        .collect();
    let wanted = WantedPaths {
        exact: wanted.iter().map(String::as_str).collect(),
        patterns: Vec::new(),
    };
    for (it, filelists) in loaded.iter_mut().zip(&filelists) {
        if let Some(packed) = filelists {
            let unpacked = decompress(packed.as_slice(), 1 << 30).unwrap();
            it.owners = Some(read_filelists(unpacked, &it.index, &wanted).unwrap());
        }
    }
    loaded
}

/// And its packed list of files.
fn load_one(name: &'static str, place: &Path) -> (Loaded, Option<Vec<u8>>) {
    let repomd = Repomd::parse(&fs::read(place.join("repodata/repomd.xml")).unwrap()).unwrap();
    let read = |kind: &str| {
        repomd
            .files
            .get(kind)
            .map(|file| fs::read(place.join(&file.location)).unwrap())
    };
    let primary = read("primary").unwrap();
    let modules = read("modules").map(|packed| {
        let unpacked = decompress(packed.as_slice(), 1 << 28).unwrap();
        Modules::parse(&std::io::read_to_string(unpacked).unwrap()).unwrap()
    });
    // Of the forms that are named not all are there.
    let forms = ["group", "group_gz", "group_xz"].map(|kind| repomd.files.get(kind));
    let packed = (forms.into_iter().flatten()).find_map(|file| fs::read(place.join(&file.location)).ok());
    let comps = packed.map(|packed| {
        let mut text = Vec::new();
        let mut unpacked = decompress(packed.as_slice(), 1 << 28).unwrap();
        unpacked.read_to_end(&mut text).unwrap();
        Comps::parse(&text).unwrap()
    });
    let loaded = Loaded {
        name,
        index: read_primary(decompress(primary.as_slice(), 1 << 30).unwrap()).unwrap(),
        modules,
        comps,
        owners: None,
        priority: 99,
    };
    (loaded, read("filelists"))
}
