//! How a host's apt is set up: sources in both forms, configuration, names and passwords.  A line `=====` begins the next file.

use std::sync::LazyLock;

use qclock_factory::mirror::read_host;
use tempfile::TempDir;

const FILES: [&str; 5] = [
    "etc/apt/sources.list",
    "etc/apt/sources.list.d/a.sources",
    "etc/apt/apt.conf",
    "etc/apt/auth.conf",
    "list",
];
static ROOT: LazyLock<TempDir> = LazyLock::new(|| {
    let root = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir_all(root.path().join("etc/apt/sources.list.d")).expect("a folder in it");
    root
});

pub(crate) fn check(bytes: &[u8]) {
    let mut parts = text(bytes);
    for file in FILES {
        std::fs::write(ROOT.path().join(file), parts.next().unwrap_or_default()).expect("a file in it");
    }
    let apt = read_host(ROOT.path(), "amd64");
    for source in &apt.sources {
        for address in &source.addresses {
            assert!(matches!(address.scheme(), "http" | "https" | "file"), "{address}");
            assert!(address.path().ends_with('/'), "{address}");
        }
    }
}

fn text(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    const MARK: &[u8] = b"=====\n";
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let end = bytes.windows(MARK.len()).position(|window| window == MARK);
        rest = end.map(|end| &bytes[end + MARK.len()..]);
        Some(&bytes[..end.unwrap_or(bytes.len())])
    })
}
