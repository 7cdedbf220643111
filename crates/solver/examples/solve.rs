//! Solves a request on the indexes of files: `solve INDEX… -- REQUIREMENT… [-- OMITTED…]`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a developer's measurement")]

use std::collections::BTreeSet;
use std::time::Duration;

use qclock_packages::deb::read_index;
use qclock_solver::deb::{Request, solve};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut parts = arguments.split(|argument| argument == "--");
    let start = processor_time();
    let mut index = Vec::new();
    for file in parts.next().unwrap() {
        index.extend(read_index(&std::fs::read(file).unwrap()).unwrap());
    }
    let read = processor_time().checked_sub(start).unwrap();
    let install = parts.next().unwrap().iter().map(|text| text.parse().unwrap()).collect();
    let omit: BTreeSet<String> = parts.next().unwrap_or_default().iter().cloned().collect();
    let request = Request {
        install,
        fixed: vec![],
        omit: &omit,
        index: &index,
        architecture: "amd64",
        essential: false,
    };
    let start = processor_time();
    let answer = solve(&request);
    let solved = processor_time().checked_sub(start).unwrap();
    match answer {
        Err(error) => println!("{error}"),
        Ok(solution) => {
            for &position in &solution.packages {
                println!("{} {}", index[position].name, index[position].version);
            }
            for (name, by) in &solution.omitted {
                println!("left out: {name}, required by {}", by.join(", "));
            }
            println!(
                "unused: {:?}; {} packages",
                solution.unused_omissions,
                solution.packages.len()
            );
        }
    }
    println!(
        "read {} packages in {read:?}, solved in {solved:?} of the processor",
        index.len()
    );
}

/// How long this thread has run so far: does not grow while others have the processor.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}
