//! How long an index takes to read: `index FILE…`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a developer's measurement")]

use std::time::Instant;

fn main() {
    for name in std::env::args().skip(1) {
        let bytes = std::fs::read(&name).unwrap();
        let start = Instant::now();
        let packages = qclock_packages::deb::read_index(&bytes).unwrap();
        println!(
            "{name}: {} packages, {} bytes, {:?}",
            packages.len(),
            bytes.len(),
            start.elapsed()
        );
    }
}
