//! `repomd.xml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_packages::rpm::Repomd;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(repomd) = Repomd::parse(bytes) {
        assert!(repomd.files.values().all(|file| !file.location.is_empty()));
    }
});
