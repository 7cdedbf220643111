//! A repository written as text, a request, and what is to come of it.
//!
//! A line `name [epoch:]version-release [arch]` begins a package; indented lines below it say `provides`, `requires`, `conflicts`,
//! `obsoletes`, `recommends`, `suggests`, `supplements`, `enhances` or `file`, and one entry each.

use std::collections::BTreeSet;

use qclock_packages::rpm::{Comps, Index, IndexBuilder, List, ModuleDefault, Modules, NewPackage, Range};
use qclock_solver::rpm::{Assumed, FileLists, Repository, Request, Solution, SolveError, solve};

pub(crate) struct Scenario {
    repositories: Vec<(String, Index, Option<Modules>)>,
    install: Vec<String>,
    comps: Option<Comps>,
    fixed: Vec<String>,
    omit: BTreeSet<String>,
    assumed: Vec<Assumed>,
    streams: Vec<(String, String)>,
    weak: bool,
}

impl Scenario {
    pub(crate) fn new(repository: &str) -> Self {
        Self {
            repositories: vec![("main".to_owned(), index(repository), None)],
            install: Vec::new(),
            comps: None,
            fixed: Vec::new(),
            omit: BTreeSet::new(),
            assumed: Vec::new(),
            streams: Vec::new(),
            weak: false,
        }
    }

    pub(crate) fn and_repository(mut self, name: &str, text: &str) -> Self {
        self.repositories.push((name.to_owned(), index(text), None));
        self
    }

    /// Streams as `module:stream artifact,artifact [module:stream,stream…]`, a line each.
    pub(crate) fn modules(mut self, text: &str) -> Self {
        let mut yaml = String::new();
        for (number, line) in text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            let mut words = line.split(' ');
            let (module, stream) = words.next().unwrap().split_once(':').unwrap();
            let artifacts: String = words
                .next()
                .unwrap()
                .split(',')
                .map(|it| format!("    - {it}\n"))
                .collect();
            let requires: String = words
                .map(|word| word.split_once(':').unwrap())
                .map(|(module, streams)| format!("      {module}: [{streams}]\n"))
                .collect();
            yaml.push_str(&format!(
                "---\ndocument: modulemd\nversion: 2\ndata:\n  name: {module}\n  stream: {stream}\n  version: {}\n  context: c\n  \
                 dependencies:\n  - requires:\n      platform: [el9]\n{requires}  artifacts:\n    rpms:\n{artifacts}...\n",
                number + 1
            ));
        }
        self.repositories[0].2 = Some(Modules::parse(&yaml).unwrap());
        self
    }

    /// Gives each stream the profiles `common` and `empty`, and all but `php:8.3` the first of them as its default; `php:8.2` also has one
    /// with a package that is not there.
    pub(crate) fn profiles(mut self) -> Self {
        let modules = self.repositories[0].2.as_mut().unwrap();
        for stream in &mut modules.streams {
            let profile = |name: &str, packages: &[&str]| {
                let packages = packages.iter().map(|&package| package.to_owned()).collect();
                (name.to_owned(), packages)
            };
            stream
                .profiles
                .extend([profile("common", &[&stream.name]), profile("empty", &[])]);
            if stream.stream == "8.2" {
                stream.profiles.extend([profile("broken", &["nowhere"])]);
            }
            if stream.stream != "8.3" {
                modules.defaults.push(ModuleDefault {
                    module: stream.name.clone(),
                    stream: None,
                    modified: 0,
                    profiles: [profile(&stream.stream, &["common"])].into(),
                });
            }
        }
        self
    }

    pub(crate) fn default(mut self, module: &str, stream: &str) -> Self {
        self.repositories[0].2.as_mut().unwrap().defaults.push(ModuleDefault {
            module: module.to_owned(),
            stream: Some(stream.to_owned()),
            ..ModuleDefault::default()
        });
        self
    }

    /// Groups as `comps.xml` has them, inside of its root element.
    pub(crate) fn comps(mut self, text: &str) -> Self {
        self.comps = Some(Comps::parse(format!("<comps>{text}</comps>").as_bytes()).unwrap());
        self
    }

    pub(crate) fn install(mut self, specifications: &str) -> Self {
        self.install = specifications.split(", ").map(str::to_owned).collect();
        self
    }

    pub(crate) fn fixed(mut self, packages: &str) -> Self {
        self.fixed = packages.split(' ').map(str::to_owned).collect();
        self
    }

    pub(crate) fn leave_out(mut self, names: &str) -> Self {
        self.omit = names.split(' ').map(str::to_owned).collect();
        self
    }

    pub(crate) fn assume(mut self, lines: &str) -> Self {
        self.assumed = Assumed::parse(lines);
        self
    }

    pub(crate) fn stream(mut self, module: &str, stream: &str) -> Self {
        self.streams.push((module.to_owned(), stream.to_owned()));
        self
    }

    pub(crate) fn with_weak(mut self) -> Self {
        self.weak = true;
        self
    }

    pub(crate) fn solve(&self) -> Result<(Vec<String>, Solution), SolveError> {
        let repositories: Vec<Repository<'_>> = (self.repositories.iter())
            .map(|(name, index, modules)| Repository {
                name,
                index,
                files: FileLists::None,
                modules: modules.as_ref(),
                priority: 99,
            })
            .collect();
        let request = Request {
            install: &self.install,
            comps: self.comps.as_ref(),
            fixed: &self.fixed,
            omit: &self.omit,
            assumed: &self.assumed,
            streams: &self.streams,
            platform: "el9",
            architecture: "x86_64",
            weak: self.weak,
        };
        let solution = solve(&repositories, &request)?;
        let mut names: Vec<String> = (solution.packages.iter())
            .map(|chosen| {
                let view = repositories[chosen.repository].index.package(chosen.position);
                match view.architecture() {
                    "noarch" => format!("{}-{}", view.name(), view.evr()),
                    other => format!("{}-{}.{other}", view.name(), view.evr()),
                }
            })
            .collect();
        names.sort();
        // The same question has the same answer.
        assert_eq!(solve(&repositories, &request).unwrap(), solution);
        Ok((names, solution))
    }

    /// Names without `.noarch`, sorted, with spaces between.
    pub(crate) fn gives(&self, expected: &str) {
        match self.solve() {
            Ok((names, _)) => assert_eq!(names.join(" "), expected),
            Err(error) => panic!("{error}\ninstead of {expected}"),
        }
    }

    /// The message, and hints after it.
    pub(crate) fn refusal_with(&self, text: &str) {
        let refusal = self.refusal();
        assert!(refusal.contains(text), "{refusal}");
    }

    pub(crate) fn refusal(&self) -> String {
        match self.solve() {
            Ok((names, _)) => panic!("a solution: {}", names.join(" ")),
            Err(error) => {
                let hints = error
                    .hints()
                    .iter()
                    .map(|hint| format!("\nhint: {hint}"))
                    .collect::<String>();
                format!("{error}{hints}")
            }
        }
    }
}

fn index(text: &str) -> Index {
    let mut builder = IndexBuilder::new("sha256").unwrap();
    let mut open: Option<NewPackage> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        // What is indented deeper than the first line is about the package above.
        let (first, rest) = line.trim().split_once(' ').unwrap();
        let list = match first {
            "provides" => List::Provides,
            "requires" => List::Requires,
            "conflicts" => List::Conflicts,
            "obsoletes" => List::Obsoletes,
            "recommends" => List::Recommends,
            "suggests" => List::Suggests,
            "supplements" => List::Supplements,
            "enhances" => List::Enhances,
            "file" => {
                builder.add_file(rest).unwrap();
                continue;
            }
            name => {
                if let Some(package) = open.take() {
                    builder.finish_package(&package).unwrap();
                }
                let (evr, architecture) = rest.split_once(' ').unwrap_or((rest, "noarch"));
                open = Some(NewPackage {
                    name: name.to_owned(),
                    architecture: architecture.to_owned(),
                    evr: evr.to_owned(),
                    location: format!("{name}.rpm"),
                    checksum: vec![0; 32],
                    ..NewPackage::default()
                });
                continue;
            }
        };
        if rest.starts_with('(') {
            builder.add(list, rest, Range::ANY, "").unwrap();
            continue;
        }
        match rest.split(' ').collect::<Vec<_>>().as_slice() {
            [name] => builder.add(list, name, Range::ANY, "").unwrap(),
            [name, sign, version] => builder
                .add(list, name, Range::from_sign(sign).unwrap(), version)
                .unwrap(),
            other => panic!("{other:?}"),
        }
    }
    if let Some(package) = open {
        builder.finish_package(&package).unwrap();
    }
    builder.finish().unwrap()
}
