//! What holds for every solution, on random little archives: it meets every requirement, holds nothing that excludes
//! another, nothing twice, the parent unchanged; and where the solver says that there is none, trying everything finds none.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use qclock_packages::deb::{Alternatives, Package, Relation};
use qclock_solver::deb::{Request, Requirement, SolveError, solve};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

fn relation() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "d", "e", "v", "w"]);
    let version = prop::option::weighted(0.4, (prop::sample::select(vec![">=", "<<", "="]), 1..4));
    (name, version).prop_map(|(name, version)| match version {
        None => name.to_owned(),
        Some((operator, version)) => format!("{name} ({operator} {version})"),
    })
}

fn field(name: &'static str, most: usize, alternatives: usize) -> impl Strategy<Value = String> {
    let group = prop::collection::vec(relation(), 1..=alternatives).prop_map(|relations| relations.join(" | "));
    prop::collection::vec(group, 0..=most).prop_map(move |groups| format!("{name}: {}\n", groups.join(", ")))
}

/// At most ten packages: five names in two versions.
fn archive() -> impl Strategy<Value = Vec<Package>> {
    let provides = prop::option::weighted(0.3, prop::sample::select(vec!["v", "w", "v (= 2)", "w (= 1)"]));
    let package = (
        prop::sample::select(NAMES.to_vec()),
        1..4,
        field("Depends", 2, 2),
        field("Conflicts", 1, 1),
        provides,
    );
    let package = package.prop_map(|(name, version, depends, conflicts, provides)| {
        let provides = provides.unwrap_or_default();
        let head = format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\nProvides: {provides}\n");
        Package::from_control(&(head + &depends + &conflicts)).unwrap()
    });
    prop::collection::vec(package, 1..10).prop_map(|mut packages| {
        let mut seen = BTreeSet::new();
        packages.retain(|package| seen.insert((package.name.clone(), package.version.to_string())));
        packages
    })
}

fn meets(relation: &Relation, package: &Package) -> bool {
    let named = package.name == relation.name && relation.accepts(&package.version);
    named
        || package.provides.iter().any(|capability| {
            let version = capability.version.as_ref().map(|(_, version)| version);
            let accepted = relation.version.is_none() || version.is_some_and(|version| relation.accepts(version));
            capability.name == relation.name && accepted
        })
}

fn is_solution(chosen: &[&Package], install: &[Requirement]) -> bool {
    let met = |group: &Alternatives| {
        group
            .iter()
            .any(|relation| chosen.iter().any(|package| meets(relation, package)))
    };
    let names: BTreeSet<_> = chosen.iter().map(|package| &package.name).collect();
    let excluded = |package: &&Package| {
        package.conflicts.iter().any(|relation| {
            chosen
                .iter()
                .any(|other| other.name != package.name && meets(relation, other))
        })
    };
    names.len() == chosen.len()
        && install.iter().all(|requirement| met(&requirement.0))
        && chosen.iter().all(|package| package.depends.iter().all(met))
        && !chosen.iter().any(excluded)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn a_solution_is_one_and_where_there_is_none_there_is_none(
        index in archive(),
        install in prop::collection::vec(relation(), 1..3),
    ) {
        let install: Vec<Requirement> = install.iter().map(|text| text.parse().unwrap()).collect();
        let omit = BTreeSet::new();
        let request =
            Request { install: install.clone(), fixed: vec![], omit: &omit, index: &index, architecture: "amd64", essential: false };
        match solve(&request) {
            Ok(solution) => {
                let chosen: Vec<_> = solution.packages.iter().map(|&position| &index[position]).collect();
                prop_assert!(is_solution(&chosen, &install), "{solution:?}");
                prop_assert_eq!(solve(&request).unwrap(), solution);
            }
            Err(SolveError::Unsolvable { explanation }) => {
                prop_assert!(!explanation.is_empty());
                for subset in 0..1_u32 << index.len() {
                    let chosen: Vec<_> = (0..index.len()).filter(|at| subset >> at & 1 == 1).map(|at| &index[at]).collect();
                    prop_assert!(!is_solution(&chosen, &install), "{chosen:?} is one\n{explanation}");
                }
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn what_a_parent_chose_stays_in_its_child(index in archive(), parent in relation(), child in relation()) {
        let omit = BTreeSet::new();
        let request = |install: &[&str], fixed| Request {
            install: install.iter().map(|text| text.parse().unwrap()).collect(),
            fixed,
            omit: &omit,
            index: &index,
            architecture: "amd64",
            essential: false,
        };
        let Ok(base) = solve(&request(&[&parent], vec![])) else { return Ok(()) };
        let name_and_version = |&at: &usize| (index[at].name.clone(), index[at].version.clone());
        let fixed: Vec<_> = base.packages.iter().map(name_and_version).collect();
        let Ok(whole) = solve(&request(&[&child], fixed)) else { return Ok(()) };
        prop_assert!(base.packages.iter().all(|package| whole.packages.contains(package)));
        let chosen: Vec<_> = whole.packages.iter().map(|&position| &index[position]).collect();
        prop_assert!(is_solution(&chosen, &request(&[&parent, &child], vec![]).install));
    }
}
