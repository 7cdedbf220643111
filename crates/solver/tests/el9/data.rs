//! Real Enterprise Linux 9 metadata from a folder beside the checkout, where it is there.

#![expect(clippy::print_stdout, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

use qclock_packages::rpm::{Index, Modules, Owners, Repomd, WantedPaths, decompress, read_filelists, read_primary};
use qclock_solver::rpm::{FileLists, Repository};

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

pub(crate) struct Loaded {
    pub(crate) name: &'static str,
    pub(crate) index: Index,
    pub(crate) modules: Option<Modules>,
    filelists: Option<Vec<u8>>,
    owners: Option<Owners>,
    priority: u32,
}

pub(crate) const ALL: [(&str, &str); 4] = [
    ("appstream", "centos-stream9-appstream-2025-01"),
    ("baseos", "centos-stream9-baseos-2022-02"),
    ("overlay", "overlay-baseos"),
    ("stub", "assume-provided"),
];

/// Reads repositories, with the owners of all paths that any of them requires.
pub(crate) fn load(folder: &Path, names: &[(&'static str, &str)]) -> Vec<Loaded> {
    let mut loaded: Vec<Loaded> = names
        .iter()
        .map(|(name, place)| load_one(name, &folder.join(place)))
        .collect();
    let wanted: Vec<String> = loaded
        .iter()
        .flat_map(|it| it.index.required_paths().map(|id| it.index.text(id).to_owned()))
        .collect();
    let wanted = WantedPaths {
        exact: wanted.iter().map(String::as_str).collect(),
        patterns: Vec::new(),
    };
    for it in &mut loaded {
        if let Some(packed) = &it.filelists {
            let unpacked = decompress(packed.as_slice(), 1 << 30).unwrap();
            it.owners = Some(read_filelists(unpacked, &it.index, &wanted).unwrap());
        }
    }
    loaded
}

fn load_one(name: &'static str, place: &Path) -> Loaded {
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
    Loaded {
        name,
        index: read_primary(decompress(primary.as_slice(), 1 << 30).unwrap()).unwrap(),
        modules,
        filelists: read("filelists"),
        owners: None,
        priority: 99,
    }
}

impl Loaded {
    /// A repository of texts, with the owners of what anything requires or these specifications name.
    pub(crate) fn of_texts(
        name: &'static str,
        primary: &str,
        filelists: &str,
        specifications: &[String],
        priority: u32,
    ) -> Self {
        let index = read_primary(primary.as_bytes()).unwrap();
        let asked = specifications.iter().map(String::as_str);
        let wanted = WantedPaths {
            // Whatever this or another repository of the test could require.
            exact: ["/usr/share/v", "/usr/libexec/w"].into_iter().collect(),
            patterns: asked.filter(|text| text.contains('/') && text.contains('*')).collect(),
        };
        let owners = read_filelists(filelists.as_bytes(), &index, &wanted).unwrap();
        Self {
            name,
            index,
            modules: None,
            filelists: None,
            owners: Some(owners),
            priority,
        }
    }

    pub(crate) fn repository(&self) -> Repository<'_> {
        Repository {
            name: self.name,
            index: &self.index,
            files: self.owners.as_ref().map_or(FileLists::None, FileLists::Read),
            modules: self.modules.as_ref(),
            priority: self.priority,
        }
    }
}
