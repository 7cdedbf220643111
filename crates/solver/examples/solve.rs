//! Solves a request on the indexes of files: `solve INDEX… -- REQUIREMENT… [-- OMITTED…]`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a developer's measurement")]

use std::collections::BTreeSet;
use std::time::Instant;

use qclock_packages::deb::read_index;
use qclock_solver::deb::{Request, solve};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut parts = arguments.split(|argument| argument == "--");
    let start = Instant::now();
    let mut index = Vec::new();
    for file in parts.next().unwrap() {
        index.extend(read_index(&std::fs::read(file).unwrap()).unwrap());
    }
    let read = start.elapsed();
    let install = parts.next().unwrap().iter().map(|text| text.parse().unwrap()).collect();
    let omit: BTreeSet<String> = parts.next().unwrap_or_default().iter().cloned().collect();
    let request =
        Request { install, fixed: vec![], omit: &omit, index: &index, architecture: "amd64", essential: false };
    let start = Instant::now();
    match solve(&request) {
        Err(error) => println!("{error}"),
        Ok(solution) => {
            for &position in &solution.packages {
                println!("{} {}", index[position].name, index[position].version);
            }
            for (name, by) in &solution.omitted {
                println!("left out: {name}, required by {}", by.join(", "));
            }
            println!("unused: {:?}; {} packages", solution.unused_omissions, solution.packages.len());
        }
    }
    println!("read {} packages in {read:?}, solved in {:?}", index.len(), start.elapsed());
}
