//! What is said to the shell that is played for initdb: the server with known options, or nothing.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use qclock_init::shell::understands;

fuzz_target!(|text: &str| {
    let server = Path::new("/usr/lib/postgresql/15/bin/postgres");
    if understands(text, server) && text != "locale -a" {
        assert!(text.contains("/usr/lib/postgresql/15/bin/postgres"));
        assert!(!text.contains([';', '|', '$', '`', '\n', '\\', '(', '*']));
        let files: Vec<&str> = text.split(['<', '>']).skip(1).collect();
        assert!(
            files
                .iter()
                .all(|after| after.starts_with('&') || after.contains("/dev/null"))
        );
    }
});
