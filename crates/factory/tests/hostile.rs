//! Damaged files of a host's apt and of a project, in each test run; `fuzz/` looks deeper, with the same checks.

#[path = "../../../fuzz/checks/apt.rs"]
mod apt;
#[path = "../../../fuzz/checks/project.rs"]
mod project;

use std::path::Path;

use fs_err as fs;
use qclock_testkit::damage::damage;

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(name);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("seeds")
        .map(|entry| entry.expect("a seed").path())
        .collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

#[test]
fn damaged_files_of_apt_are_read_or_passed_over() {
    damage(&seeds("apt"), 3000, apt::check);
}

#[test]
fn damaged_files_of_a_project_are_read_or_refused() {
    damage(&seeds("project"), 3000, project::check);
}
