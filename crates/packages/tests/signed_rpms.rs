//! Packages that others made and published, where the folder with them is: `../shared/el9` beside the checkout, or what
//! `QCLOCK_EL9_DATA` names.

#![expect(clippy::print_stdout, reason = "tests")]

use std::path::{Path, PathBuf};

use qclock_packages::rpm::{Archive, ArchiveError, EntryKind};

fn packages() -> Option<Vec<(String, Vec<u8>)>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/el9");
    let folder = std::env::var_os("QCLOCK_EL9_DATA").map_or(beside, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(folder.join("signed-rpms")) else {
        println!("skipped: there is no folder {}", folder.display());
        return None;
    };
    let mut packages: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be read"))
        .map(|entry| {
            let bytes = std::fs::read(entry.path()).expect("the package can be read");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    packages.sort();
    Some(packages)
}

fn walk(archive: &Archive<'_>) -> Result<Vec<String>, ArchiveError> {
    let mut lines = Vec::new();
    archive.for_each_entry(|entry, content| {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).expect("the content can be read");
        let kind = match &entry.kind {
            EntryKind::File => format!("file of {}", bytes.len()),
            EntryKind::Directory => "directory".to_owned(),
            EntryKind::Symlink(target) => format!("-> {target}"),
            EntryKind::Hardlink(target) => format!("= {target}"),
        };
        lines.push(format!(
            "{} {:o} {}:{} {kind}",
            entry.path, entry.mode, entry.user, entry.group
        ));
        Ok::<_, ArchiveError>(())
    })?;
    Ok(lines)
}

#[test]
fn every_package_is_read_to_its_last_byte() {
    let Some(packages) = packages() else { return };
    assert!(!packages.is_empty());
    for (name, bytes) in &packages {
        let archive = Archive::open(bytes).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let lines = walk(&archive).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        println!("{name}: {}\n  {}", archive.identity().nevra(), lines.join("\n  "));
        for scriptlet in archive.scriptlets().expect("scriptlets can be read") {
            println!("{} {}", scriptlet.digest(), scriptlet.text());
        }
        let listed = archive.files().iter().filter(|file| !file.is_ghost()).count();
        assert_eq!(listed, lines.len());
    }
}

#[test]
fn a_package_cut_off_anywhere_is_refused() {
    let Some(packages) = packages() else { return };
    let (_, bytes) = &packages[0];
    for length in (0..bytes.len()).step_by(7) {
        let whole = Archive::open(&bytes[..length]).and_then(|archive| walk(&archive));
        assert!(whole.is_err(), "{length} bytes");
    }
}
