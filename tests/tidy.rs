//! House rules that a compiler does not check: where dependencies may point, how long a file may grow, what no file may name.

#![expect(clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest a source file may get, in lines before its test module; a file that needs more holds two ideas.
const LONGEST_FILE: usize = 500;

/// Who may use whom among our own crates (ARCHITECTURE.md, "Direction").
const DIRECTION: &[(&str, &[&str])] = &[
    ("qclock-packages", &[]),
    ("qclock-trust", &["qclock-packages"]),
    ("qclock-solver", &["qclock-packages"]),
    ("qclock-oci", &[]),
    ("qclock-probe", &[]),
    ("qclock-init", &[]),
    (
        "qclock-factory",
        &["qclock-oci", "qclock-packages", "qclock-solver", "qclock-trust"],
    ),
    ("qclock-support", &[]),
    ("qclock-realm", &[]),
    ("qclock", &["qclock-factory", "qclock-realm", "qclock-support"]),
    ("qclock-dashboard", &["qclock-probe", "qclock-support"]),
    ("qclock-testkit", &["qclock-packages", "qclock-trust"]),
];

#[test]
fn every_source_file_says_what_it_holds_and_stays_readable() {
    let mut faults = Vec::new();
    for path in tracked(&["*.rs"]) {
        let text = read(&path);
        if !text.starts_with("//!") && !text.starts_with("#!") {
            faults.push(format!(
                "{}: does not begin with a `//!` line that says what it holds",
                path.display()
            ));
        }
        let core = text.lines().take_while(|line| !line.starts_with("mod tests")).count();
        if core > LONGEST_FILE {
            faults.push(format!("{}: {core} lines, more than {LONGEST_FILE}", path.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn crates_depend_downwards_only() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = DIRECTION
        .iter()
        .map(|(name, below)| (*name, below.iter().copied().collect()))
        .collect();
    for manifest in tracked(&["Cargo.toml", "crates/*/Cargo.toml"]) {
        let document: toml::Table = read(&manifest).parse().expect("a manifest is TOML");
        let name = document["package"]["name"].as_str().expect("a package has a name");
        let below = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the table of directions"));
        let dependencies = document
            .get("dependencies")
            .and_then(toml::Value::as_table)
            .cloned()
            .unwrap_or_default();
        for dependency in dependencies
            .keys()
            .filter(|dependency| dependency.starts_with("qclock"))
        {
            assert!(
                below.contains(dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn no_file_names_a_registry_or_a_machine() {
    // Put together here so that this file does not name them either.
    let hosts = [
        "deb|debian.org",
        "security|debian.org",
        "crates|io",
        "registry|npmjs.org",
        "pypi|org",
        "proxy|golang.org",
    ];
    let forbidden: Vec<String> = hosts.iter().map(|host| host.replace('|', ".")).collect();
    let mut faults = Vec::new();
    for path in tracked(&[]) {
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            // Cargo's own name of its default registry, in lock files.
            if line.starts_with("source = \"registry+https://github.com/rust-lang/") {
                continue;
            }
            if let Some(host) = forbidden.iter().find(|host| line.contains(host.as_str())) {
                faults.push(format!("{}:{}: names {host}", path.display(), number + 1));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_fuzz_target_can_be_run_and_is_explained() {
    let name = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let targets: BTreeSet<String> = tracked(&["fuzz/fuzz_targets/*.rs"]).iter().filter_map(name).collect();
    let manifest: toml::Table = read(Path::new("fuzz/Cargo.toml")).parse().expect("a manifest is TOML");
    let named = |bin: &toml::Value| bin["name"].as_str().map(str::to_owned);
    let bins = manifest["bin"].as_array().expect("it has programs");
    assert_eq!(bins.iter().filter_map(named).collect::<BTreeSet<_>>(), targets);
    let explained = read(Path::new("fuzz/README.md"));
    for target in targets {
        assert!(
            explained.contains(&format!("| `{target}` | ")),
            "`{target}` is not in fuzz/README.md"
        );
        // It has seeds: none listed would be a failure.
        tracked(&[format!("fuzz/seeds/{target}/*").as_str()]);
    }
}

#[test]
fn the_french_readme_mirrors_the_english_one() {
    let shape = |name: &str| -> Vec<usize> {
        let text = read(Path::new(name));
        let mut in_code = false;
        let headings = text.lines().filter(|line| {
            in_code ^= line.starts_with("```");
            !in_code && line.starts_with('#')
        });
        headings
            .map(|line| line.chars().take_while(|c| *c == '#').count())
            .collect()
    };
    assert_eq!(shape("README.md"), shape("README.fr.md"), "the headings differ");
    let commands = |name: &str| -> Vec<String> {
        read(Path::new(name))
            .split("```")
            .skip(1)
            .step_by(2)
            .map(without_comments)
            .collect()
    };
    assert_eq!(commands("README.md"), commands("README.fr.md"), "the commands differ");
}

/// Code blocks are the same in both languages but for their comments.
fn without_comments(block: &str) -> String {
    block
        .lines()
        .map(|line| line.split(" #").next().unwrap_or(line).trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

fn tracked(patterns: &[&str]) -> Vec<PathBuf> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--"])
        .args(patterns)
        .current_dir(root())
        .output()
        .expect("git lists the files");
    assert!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("paths are UTF-8");
    let paths: Vec<PathBuf> = text.split_terminator('\0').map(PathBuf::from).collect();
    // A file deleted in the work tree but not yet in the index is still listed.
    let paths: Vec<PathBuf> = paths.into_iter().filter(|path| root().join(path).exists()).collect();
    assert!(!paths.is_empty(), "git lists no files for {patterns:?}");
    paths
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
