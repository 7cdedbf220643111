//! One question, asked of the solver and of dnf.

#![expect(clippy::print_stdout, reason = "tests")]

use std::collections::BTreeSet;

use qclock_solver::rpm::{Request, Solution, SolveError, solve};

use crate::loaded::{self, Loaded};

pub(crate) struct Case<'a> {
    pub(crate) repositories: Vec<&'a str>,
    pub(crate) streams: Vec<String>,
    pub(crate) install: Vec<String>,
    pub(crate) weak: bool,
}

pub(crate) fn run(loaded: &[Loaded], case: &Case<'_>) -> Result<(Solution, Vec<String>), SolveError> {
    let repositories: Vec<_> = (loaded.iter())
        .filter(|it| case.repositories.contains(&it.name))
        .map(Loaded::repository)
        .collect();
    let streams: Vec<(String, String)> = (case.streams.iter())
        .map(|stream| stream.split_once(':').unwrap())
        .map(|(module, stream)| (module.to_owned(), stream.to_owned()))
        .collect();
    let comps = loaded::comps(loaded, &case.repositories);
    let solution = solve(
        &repositories,
        &Request {
            install: &case.install,
            comps: case.install.iter().any(|text| text.starts_with('@')).then_some(&comps),
            fixed: &[],
            omit: &BTreeSet::new(),
            assumed: &[],
            streams: &streams,
            platform: "el9",
            architecture: "x86_64",
            weak: case.weak,
        },
    )?;
    let mut names: Vec<String> = (solution.packages.iter())
        .map(|chosen| {
            let view = repositories[chosen.repository].index.package(chosen.position);
            format!("{}-{}.{}", view.name(), view.evr(), view.architecture())
        })
        .collect();
    names.sort();
    Ok((solution, names))
}

/// Name, folder and priority of each repository.
pub(crate) type Places<'a> = Vec<(&'a str, String, u32)>;

/// The request as the oracle reads it.
pub(crate) fn question(places: &Places<'_>, case: &Case<'_>) -> String {
    let request = serde_json::json!({
        "repositories": places, "streams": case.streams, "install": case.install, "weak": case.weak,
    });
    format!("{request}\n")
}

/// dnf's answers; none when there is no dnf.
pub(crate) fn ask_dnf(lines: String, count: usize) -> Option<Vec<Result<Vec<String>, String>>> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    const PYTHON: &str = "/usr/bin/python3";
    let has_dnf = Command::new(PYTHON)
        .args(["-c", "import dnf"])
        .stderr(Stdio::null())
        .status();
    if !has_dnf.is_ok_and(|status| status.success()) {
        println!("skipped: there is no dnf to compare with (Debian's package `dnf` has it)");
        return None;
    }
    let mut child = Command::new(PYTHON)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/el9/dnf_oracle.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answers: Vec<serde_json::Value> = (String::from_utf8(output.stdout).unwrap().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), count, "dnf answers every request");
    let answer = |value: &serde_json::Value| match value["packages"].as_array() {
        Some(names) => Ok(names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()),
        None => Err(value["error"].as_str().unwrap().to_owned()),
    };
    Some(answers.iter().map(answer).collect())
}
