//! Little archives written as text, and what is expected of a request on them.
//!
//! A line is a package: `NAME VERSION[: FIELD VALUE[; FIELD VALUE…]]`, the fields as in a control file.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use qclock_packages::deb::{Package, Version};
use qclock_solver::deb::{Request, Requirement, Solution, SolveError, solve};

#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    index: Vec<Package>,
    install: Vec<Requirement>,
    fixed: Vec<(String, Version)>,
    omit: BTreeSet<String>,
    essential: bool,
}

impl Case {
    pub(crate) fn of(archive: &str) -> Self {
        let lines = archive.lines().map(str::trim).filter(|line| !line.is_empty());
        Self {
            index: lines.map(package).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn install(mut self, requirements: &str) -> Self {
        self.install.extend(
            requirements
                .split(", ")
                .map(|text| text.parse::<Requirement>().unwrap()),
        );
        self
    }

    pub(crate) fn fixed(mut self, package: &str) -> Self {
        let (name, version) = package.split_once(' ').unwrap();
        self.fixed.push((name.to_owned(), version.parse().unwrap()));
        self
    }

    pub(crate) fn omit(mut self, names: &str) -> Self {
        self.omit.extend(names.split(", ").map(str::to_owned));
        self
    }

    pub(crate) fn essential(self) -> Self {
        Self {
            essential: true,
            ..self
        }
    }

    pub(crate) fn solve(&self) -> Result<Solution, SolveError> {
        solve(&Request {
            install: self.install.clone(),
            fixed: self.fixed.clone(),
            omit: &self.omit,
            index: &self.index,
            architecture: "amd64",
            essential: self.essential,
        })
    }

    /// `a 1, b 2[; without NAME for WHO, …][; unused NAME, …]`
    #[track_caller]
    pub(crate) fn expect(&self, expected: &str) {
        let solution = self.solve().unwrap();
        let package = |&position: &usize| format!("{} {}", self.index[position].name, self.index[position].version);
        let mut text = solution.packages.iter().map(package).collect::<Vec<_>>().join(", ");
        let omitted = solution
            .omitted
            .iter()
            .map(|(name, by)| format!("{name} for {}", by.join(", ")));
        let omitted: Vec<_> = omitted.collect();
        if !omitted.is_empty() {
            write!(text, "; without {}", omitted.join(", ")).unwrap();
        }
        if !solution.unused_omissions.is_empty() {
            write!(text, "; unused {}", solution.unused_omissions.join(", ")).unwrap();
        }
        assert_eq!(text, expected);
        for _ in 0..3 {
            assert_eq!(self.solve().unwrap(), solution, "another time, another answer");
        }
    }

    /// The explanation, line by line.
    #[track_caller]
    pub(crate) fn explain(&self, expected: &str) {
        match self.solve() {
            Err(SolveError::Unsolvable { explanation }) => {
                let lines: Vec<_> = explanation
                    .lines()
                    .map(|line| line.trim().trim_start_matches("- "))
                    .collect();
                let expected: Vec<_> = expected.lines().map(str::trim).collect();
                assert_eq!(lines, expected);
            }
            other => unreachable!("{other:?}"),
        }
    }

    /// Another error than that there is no solution.
    #[track_caller]
    pub(crate) fn refuse(&self, expected: &str) {
        assert_eq!(self.solve().unwrap_err().to_string(), expected);
    }
}

fn package(line: &str) -> Package {
    let (head, fields) = line.split_once(": ").unwrap_or((line, ""));
    let (name, version) = head.split_once(' ').unwrap();
    let mut stanza = format!("Package: {name}\nVersion: {version}\n");
    let fields: Vec<_> = fields.split("; ").filter(|field| !field.is_empty()).collect();
    for field in &fields {
        let (field, value) = field.split_once(' ').unwrap();
        writeln!(stanza, "{field}: {value}").unwrap();
    }
    if !fields.iter().any(|field| field.starts_with("architecture")) {
        stanza += "Architecture: amd64\n";
    }
    Package::from_control(&stanza).unwrap()
}
