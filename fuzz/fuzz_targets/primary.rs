//! `primary.xml` and `filelists.xml`, packed or not, and what was read as a stored index.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use qclock_packages::rpm::{Index, List, WantedPaths, decompress, read_filelists, read_primary};

fuzz_target!(|bytes: &[u8]| {
    let _ = Index::from_bytes(bytes.to_vec());
    let Ok(unpacked) = decompress(bytes, 1 << 22) else {
        return;
    };
    let Ok(index) = read_primary(unpacked) else { return };
    let again = Index::from_bytes(index.as_bytes().to_vec()).expect("what was written is read");
    assert_eq!(again.len(), index.len());
    for position in 0..index.len() {
        let package = index.package(position);
        assert!(!package.name().is_empty() && !package.location().is_empty());
        for id in package.list(List::Requires) {
            // A rich requirement is read, or refused by name.
            let _ = index.dependency(id).to_requirement();
        }
    }
    let _ = read_filelists(
        bytes,
        &index,
        &WantedPaths {
            exact: HashSet::from(["/usr/bin/a"]),
            patterns: vec!["/usr/*/b"],
        },
    );
});
