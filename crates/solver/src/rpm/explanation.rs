//! Why there is no solution, in words: a line for each dead end with the way that led there, and what can be done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use qclock_packages::rpm::{DependencyId, Requirement};

use super::modules::Hidden;
use super::pool::{Pool, Solvable};
use super::rules::{Kind, NO_DEPENDENCY, Rule};

/// Most lines that are worth reading.
const MOST_LINES: usize = 12;

/// The lines, and what to do.
pub(super) struct Explanation {
    pub(super) text: String,
    pub(super) hints: BTreeSet<String>,
}

pub(super) fn explain(pool: &mut Pool<'_>, proof: &[Rule], specifications: &[String], hidden: &Hidden) -> Explanation {
    let ways = ways(pool, proof, specifications);
    let mut explainer = Explainer {
        pool,
        hidden,
        ways,
        lines: Vec::new(),
        hints: BTreeSet::new(),
    };
    for rule in proof {
        explainer.rule(rule);
    }
    // What is missing says more than what excludes what.
    explainer.lines.sort_by_key(|(rank, line)| (*rank, line.clone()));
    let mut lines: Vec<String> = explainer.lines.into_iter().map(|(_, line)| line).collect();
    lines.dedup();
    if lines.is_empty() {
        lines.push(format!(
            "the request for {} contradicts itself",
            specifications.join(", ")
        ));
    }
    let more = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    let text = lines
        .iter()
        .map(|line| format!("  - {line}"))
        .collect::<Vec<_>>()
        .join("\n");
    Explanation {
        text,
        hints: explainer.hints,
    }
}

/// Package → who led to it: a package, or 0 and the specification.
type Ways = BTreeMap<Solvable, (Solvable, String)>;

/// The shortest way from the request to every package of the proof.
fn ways(pool: &Pool<'_>, proof: &[Rule], specifications: &[String]) -> Ways {
    let positives = |rule: &Rule| -> Vec<Solvable> {
        let rest = if rule.list == 0 {
            &[rule.watches[1]][..]
        } else {
            pool.list(rule.list)
        };
        let all = std::iter::once(&rule.first).chain(rest);
        all.copied().filter(|&literal| literal > 0).collect()
    };
    let mut ways = Ways::new();
    let mut waiting = VecDeque::new();
    for rule in proof {
        if let Kind::Job(number) | Kind::Best(number) = rule.kind {
            let name = specifications.get(number as usize).cloned().unwrap_or_default();
            for package in positives(rule) {
                ways.entry(package).or_insert_with(|| {
                    waiting.push_back(package);
                    (0, name.clone())
                });
            }
        }
    }
    while let Some(package) = waiting.pop_front() {
        for rule in proof
            .iter()
            .filter(|rule| rule.kind == Kind::Requires && rule.from == package)
        {
            for next in positives(rule) {
                ways.entry(next).or_insert_with(|| {
                    waiting.push_back(next);
                    (package, String::new())
                });
            }
        }
    }
    ways
}

struct Explainer<'e, 'a> {
    pool: &'e mut Pool<'a>,
    hidden: &'e Hidden,
    ways: Ways,
    lines: Vec<(u8, String)>,
    hints: BTreeSet<String>,
}

impl Explainer<'_, '_> {
    fn rule(&mut self, rule: &Rule) {
        let from = rule.from;
        let text = || self.text(from, rule.dependency);
        let line = match rule.kind {
            Kind::NothingProvides => {
                let required = text();
                let way = self.way(from);
                self.hints.insert(missing_hint(&required));
                (0, format!("nothing provides `{required}`, which {way} requires"))
            }
            Kind::Unsupported => {
                let (required, way) = (text(), self.way(from));
                (
                    0,
                    format!("{way} has the requirement `{required}`, which is malformed or too large to be searched"),
                )
            }
            Kind::NotInstallable => match self.not_installable(from) {
                Some(line) => (1, line),
                None => return,
            },
            Kind::Conflicts | Kind::Obsoletes => {
                let verb = if rule.kind == Kind::Conflicts {
                    "conflicts with"
                } else {
                    "obsoletes"
                };
                let (meant, other) = (text(), Self::other(rule));
                let way = self.way(from);
                match other {
                    Some(other) => (2, format!("{way} {verb} `{meant}`, that is {}", self.way(other))),
                    None => (2, format!("{way} {verb} `{meant}`")),
                }
            }
            Kind::SameName => match Self::other(rule) {
                Some(other) => (
                    3,
                    format!("{} excludes another version of it, {}", self.way(from), self.way(other)),
                ),
                None => return,
            },
            Kind::InferiorArchitecture => {
                let way = self.way(from);
                (
                    3,
                    format!("{way} is not of the machine's own architecture, in which it is there, too"),
                )
            }
            Kind::Requires | Kind::Job(_) | Kind::Best(_) | Kind::Learnt => return,
        };
        self.lines.push(line);
    }

    fn not_installable(&mut self, package: Solvable) -> Option<String> {
        // Only what something in the proof leads to.
        if !self.ways.contains_key(&package) {
            return None;
        }
        let way = self.way(package);
        match self.hidden.packages.get(&package) {
            Some(Some(stream)) => {
                self.hints.insert(format!("enable the stream with `--module {stream}`"));
                Some(format!("{way} is in the stream `{stream}`, which is not enabled"))
            }
            Some(None) => Some(format!(
                "{way} is hidden by an enabled stream that has a package of its name"
            )),
            None => Some(format!("{way} is for another architecture")),
        }
    }

    /// The other package of a rule that excludes two.
    fn other(rule: &Rule) -> Option<Solvable> {
        let literals = [rule.first, rule.watches[1]];
        let other = literals
            .into_iter()
            .find(|&literal| literal < 0 && literal != -rule.from);
        other.map(|literal| -literal)
    }

    fn text(&self, package: Solvable, dependency: u32) -> String {
        if dependency == NO_DEPENDENCY {
            return String::new();
        }
        self.pool.dependency(package, DependencyId(dependency)).to_string()
    }

    /// A package with the chain that leads to it: `` `b-1.x86_64` (request `a` → a-1.x86_64) ``.
    fn way(&self, package: Solvable) -> String {
        let mut chain = Vec::new();
        let mut at = package;
        while let Some((from, specification)) = self.ways.get(&at) {
            if *from == 0 {
                chain.push(format!("request `{specification}`"));
                break;
            }
            chain.push(self.pool.describe(*from));
            at = *from;
        }
        chain.reverse();
        let name = self.pool.describe(package);
        if chain.is_empty() {
            format!("`{name}`")
        } else {
            format!("`{name}` ({})", chain.join(" → "))
        }
    }
}

fn missing_hint(required: &str) -> String {
    if required.starts_with("rpmlib(") {
        return format!("the package needs a newer reader of RPM packages: `{required}`");
    }
    let name = match Requirement::parse(required) {
        Ok(Requirement::Plain(capability)) => capability.name,
        _ => required.to_owned(),
    };
    format!("add the repository that has `{name}`, or leave the requirement out on purpose")
}
