//! `modules.yaml`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_packages::rpm::Modules;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(modules) = Modules::parse(text) {
        assert!(
            modules
                .streams
                .iter()
                .all(|it| !it.name.is_empty() && !it.stream.is_empty())
        );
    }
});
