//! The same packages as dnf, on real Enterprise Linux 9 metadata.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "el9/data.rs"]
mod data;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use qclock_solver::rpm::{Request, Solution, SolveError, solve};

use data::Loaded;

struct Case<'a> {
    repositories: Vec<&'a str>,
    streams: Vec<String>,
    install: Vec<String>,
    weak: bool,
}

fn run(loaded: &[Loaded], case: &Case<'_>) -> Result<(Solution, Vec<String>), SolveError> {
    let repositories: Vec<_> = (loaded.iter())
        .filter(|it| case.repositories.contains(&it.name))
        .map(Loaded::repository)
        .collect();
    let streams: Vec<(String, String)> = (case.streams.iter())
        .map(|stream| stream.split_once(':').unwrap())
        .map(|(module, stream)| (module.to_owned(), stream.to_owned()))
        .collect();
    let solution = solve(
        &repositories,
        &Request {
            install: &case.install,
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

/// What is only in one of the two, one a line.
fn difference(ours: &[String], theirs: &[String]) -> String {
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) = (ours.iter().collect(), theirs.iter().collect());
    let added = ours.difference(&theirs).map(|name| format!("+{name}"));
    let missing = theirs.difference(&ours).map(|name| format!("-{name}"));
    added.chain(missing).collect::<Vec<_>>().join("\n")
}

#[test]
fn goldens_are_equal() {
    let Some(folder) = data::folder() else {
        return;
    };
    let loaded = data::load(&folder, &data::ALL);
    let mut differences = BTreeMap::new();
    let mut count = 0;
    for entry in fs::read_dir(folder.join("golden")).unwrap() {
        let path = entry.unwrap().path();
        let golden: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let list = |key: &str| -> Vec<String> {
            let values = golden[key].as_array().unwrap().iter();
            values.map(|value| value.as_str().unwrap().to_owned()).collect()
        };
        let mut repositories = vec!["appstream", "baseos"];
        if ["mysql-server", "pg15-server", "stubbed-web82"].contains(&name.as_str()) {
            repositories.push("overlay");
        }
        if name == "stubbed-web82" {
            repositories.push("stub");
        }
        let case = Case {
            repositories,
            streams: list("module_enable"),
            install: list("request"),
            weak: golden["weak_deps"].as_bool().unwrap(),
        };
        let mut theirs: Vec<String> = (golden["packages"].as_array().unwrap().iter())
            .map(|package| {
                let text = |key: &str| package[key].as_str().unwrap();
                let epoch = match package["epoch"].as_u64().unwrap() {
                    0 => String::new(),
                    epoch => format!("{epoch}:"),
                };
                format!(
                    "{}-{epoch}{}-{}.{}",
                    text("name"),
                    text("version"),
                    text("release"),
                    text("arch")
                )
            })
            .collect();
        theirs.sort();
        let ours = match run(&loaded, &case) {
            Ok((_, names)) => names,
            Err(error) => {
                differences.insert(name, error.to_string());
                continue;
            }
        };
        count += 1;
        if ours != theirs {
            differences.insert(name, difference(&ours, &theirs));
        }
    }
    println!("{count} goldens compared");
    assert!(differences.is_empty(), "{differences:#?}");
}
