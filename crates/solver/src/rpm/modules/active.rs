//! Which builds are in use: streams are packages to a solver of their own, as they are to libdnf.
//!
//! A build provides its module and its stream, requires what its document says, and conflicts with everything else of its module.  What
//! is enabled must be there; what is only the default of its module is left out where it does not fit.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use qclock_packages::rpm::{Index, IndexBuilder, List, ModuleStream, NewPackage, OverflowError, Range};

use super::book::{Book, BuildId};
use super::explanation;
use super::{ModuleError, Setting};
use crate::rpm::jobs::Job;
use crate::rpm::omission::Omissions;
use crate::rpm::pool::{Pool, Solvable};
use crate::rpm::rules::{Kind, Rule, RuleMaker};
use crate::rpm::search::{Failure, Search};
use crate::rpm::{Assumed, FileLists, Repository};

/// Module → stream.
pub(in crate::rpm) type Enabled<'a> = BTreeMap<&'a str, &'a str>;

/// What is to be there, and whether it may be left out.
struct Wish<'a> {
    module: &'a str,
    stream: &'a str,
    is_default: bool,
}

/// Whether an older build will do where the newest of an enabled stream lacks something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Newest {
    Needed,
    IfPossible,
}

/// The builds in use where these streams are enabled.
pub(super) fn active(
    book: &Book<'_>,
    enabled: &Enabled<'_>,
    setting: Setting<'_>,
    newest: Newest,
) -> Result<BTreeSet<BuildId>, ModuleError> {
    let wishes = wishes(book, enabled);
    if wishes.is_empty() {
        return Ok(BTreeSet::new());
    }
    let concerned = concerned(book, &wishes);
    let mut names = Names::default();
    // More builds than an index can hold are no real repository's.
    let index = index(book, &concerned, &mut names).map_err(|_| ModuleError::GivenUp)?;
    let platform: Vec<Assumed> = [names.module("platform"), names.stream("platform", setting.platform)]
        .map(|name| Assumed {
            name,
            version: String::new(),
        })
        .into();
    let repositories = [Repository {
        name: "",
        index: &index,
        files: FileLists::None,
        modules: None,
        priority: 0,
    }];
    let mut pool = Pool::new(&repositories, setting.architecture, &platform);
    let first = pool.all().start;
    let jobs: Vec<(Job, bool)> = (wishes.iter())
        .map(|wish| (job(&mut pool, wish, &mut names), wish.is_default))
        .collect();
    let mut answer = solve(&mut pool, &jobs, true);
    if newest == Newest::IfPossible && matches!(answer, Err(Failed::Unsolvable(_))) {
        answer = solve(&mut pool, &jobs, false).or(answer);
    }
    match answer {
        Ok(chosen) => {
            let chosen = chosen
                .iter()
                .map(|&package| concerned[(package - first).unsigned_abs() as usize]);
            let chosen: BTreeSet<&str> = chosen.map(|id| book.solver_name(id)).collect();
            // All builds of the name, older ones, too.
            let mut all = concerned;
            all.retain(|&id| chosen.contains(book.solver_name(id)));
            Ok(all.into_iter().collect())
        }
        Err(Failed::GivenUp) => Err(ModuleError::GivenUp),
        Err(Failed::Unsolvable(proof)) => {
            let build = |package: Solvable| {
                (package >= first).then(|| concerned.get((package - first).unsigned_abs() as usize).copied())
            };
            let proof: Vec<(Kind, Option<BuildId>)> = proof
                .iter()
                .map(|rule| (rule.kind, build(rule.from).flatten()))
                .collect();
            Err(explanation::explain(book, &proof, enabled, setting))
        }
    }
}

/// What is enabled, and the defaults of the other modules, in the order of the builds.
fn wishes<'a>(book: &Book<'a>, enabled: &Enabled<'_>) -> Vec<Wish<'a>> {
    let mut wishes: Vec<Wish<'a>> = Vec::new();
    let mut seen = BTreeSet::new();
    for build in &book.builds {
        let (module, stream) = (build.name.as_str(), build.stream.as_str());
        let own = enabled.get(module);
        let is_wanted = own
            .or_else(|| book.defaults.get(module))
            .is_some_and(|it| *it == stream);
        if is_wanted && seen.insert(module) {
            wishes.push(Wish {
                module,
                stream,
                is_default: own.is_none(),
            });
        }
    }
    wishes
}

/// The builds of the wished modules, and of all that those may lead to.
fn concerned(book: &Book<'_>, wishes: &[Wish<'_>]) -> Vec<BuildId> {
    let mut of: HashMap<&str, Vec<&ModuleStream>> = HashMap::new();
    for build in &book.builds {
        of.entry(&build.name).or_default().push(build);
    }
    let mut waiting: Vec<&str> = wishes.iter().map(|wish| wish.module).collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    while let Some(module) = waiting.pop() {
        if seen.insert(module) {
            let builds = of.get(module).into_iter().flatten();
            waiting.extend(
                builds
                    .flat_map(|build| build.requires.iter().flatten())
                    .map(|(other, _)| other.as_str()),
            );
        }
    }
    (0..book.builds.len())
        .filter(|&id| seen.contains(book.builds[id].name.as_str()))
        .collect()
}

/// Modules and streams by number, so that nothing depends on which characters their names have.
#[derive(Default)]
struct Names {
    known: HashMap<(String, Option<String>), usize>,
}

impl Names {
    fn module(&mut self, module: &str) -> String {
        self.number(module, None)
    }

    fn stream(&mut self, module: &str, stream: &str) -> String {
        self.number(module, Some(stream.to_owned()))
    }

    fn number(&mut self, module: &str, stream: Option<String>) -> String {
        let next = self.known.len();
        let number = self.known.entry((module.to_owned(), stream)).or_insert(next);
        format!("module({number})")
    }
}

fn index(book: &Book<'_>, builds: &[BuildId], names: &mut Names) -> Result<Index, OverflowError> {
    let mut builder = IndexBuilder::new("sha256")?;
    for &id in builds {
        let build = book.builds[id];
        let own = names.module(&build.name);
        builder.add(List::Provides, &own, Range::ANY, "")?;
        builder.add(
            List::Provides,
            &names.stream(&build.name, &build.stream),
            Range::ANY,
            "",
        )?;
        builder.add(List::Conflicts, &own, Range::ANY, "")?;
        for (module, streams) in build.requires.iter().flatten() {
            let mut wanted = Vec::new();
            for stream in streams {
                match stream.strip_prefix('-') {
                    Some(refused) => builder.add(List::Conflicts, &names.stream(module, refused), Range::ANY, "")?,
                    None => wanted.push(names.stream(module, stream)),
                }
            }
            let requirement = match wanted.as_slice() {
                [] => names.module(module),
                [only] => only.clone(),
                several => format!("({})", several.join(" or ")),
            };
            builder.add(List::Requires, &requirement, Range::ANY, "")?;
        }
        builder.finish_package(&NewPackage {
            name: book.solver_name(id).to_owned(),
            architecture: if build.architecture.is_empty() {
                "noarch".to_owned()
            } else {
                build.architecture.clone()
            },
            evr: build.version.to_string(),
            checksum: vec![0; 32],
            ..NewPackage::default()
        })?;
    }
    builder.finish()
}

fn job(pool: &mut Pool<'_>, wish: &Wish<'_>, names: &mut Names) -> Job {
    let list = pool.providers_of(&names.stream(wish.module, wish.stream), Range::ANY, "");
    let candidates = pool.list(list).to_vec();
    Job::new(&format!("{}:{}", wish.module, wish.stream), candidates)
}

enum Failed {
    Unsolvable(Vec<Rule>),
    GivenUp,
}

/// The chosen packages.  First all must be there; then, of a contradiction, the last default that has a part in it is left out.
fn solve(pool: &mut Pool<'_>, jobs: &[(Job, bool)], newest: bool) -> Result<Vec<Solvable>, Failed> {
    let mut wanted: Vec<&(Job, bool)> = jobs.iter().collect();
    loop {
        let mut maker = RuleMaker::new(pool, Omissions::default());
        for (job, _) in jobs {
            for &package in &job.candidates {
                maker.add_package(package);
            }
        }
        maker.unify();
        let own: Vec<Job> = wanted
            .iter()
            .map(|(job, _)| Job::new(&job.specification, job.candidates.clone()))
            .collect();
        let (mut rules, job_rules, _) = maker.finish(&own);
        if !newest {
            // They are the last.
            rules.retain(|rule| !matches!(rule.kind, Kind::Best(_)));
        }
        let mut search = Search::new(pool, rules, job_rules);
        let proof = match search.run(false) {
            Ok(()) => return Ok(search.pool.all().filter(|&package| search.is_chosen(package)).collect()),
            Err(Failure::GivenUp) => return Err(Failed::GivenUp),
            Err(Failure::Unsolvable(proof)) => proof,
        };
        let proof: Vec<Rule> = proof.iter().map(|&id| search.rules[id as usize]).collect();
        let last = proof.iter().rev().find_map(|rule| match rule.kind {
            Kind::Job(number) | Kind::Best(number) if wanted[number as usize].1 => Some(number as usize),
            _ => None,
        });
        let Some(last) = last else {
            return Err(Failed::Unsolvable(proof));
        };
        wanted.remove(last);
    }
}
