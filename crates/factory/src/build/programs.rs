//! What an image starts must be in it: an image whose entry point is missing fails only where it runs, and then without a word.

use std::fmt;

use qclock_oci::image::Run;
use qclock_oci::tree::{Entry, Kind, Tree};
use thiserror::Error;

/// Linux follows no more (`path_resolution(7)`).
const MOST_LINKS: usize = 40;
/// Where runtimes look when the image says nothing else.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[derive(Debug, Error, PartialEq, Eq)]
#[error("the {role} `{program}` {fault}")]
pub struct ProgramFault {
    pub role: &'static str,
    pub program: String,
    pub fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    Missing,
    /// What it is instead of a file.
    NoFile(&'static str),
    /// For the user, `uid:gid`, as whom the image runs.
    NotExecutable {
        user: String,
        mode: u32,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(formatter, "is not in the image"),
            Self::NoFile(kind) => write!(formatter, "is {kind}, not a program"),
            Self::NotExecutable { user, mode } => {
                write!(formatter, "may not be executed by {user}: its mode is {mode:04o}")
            }
        }
    }
}

/// Of an image as it will run: the entry point (or, where there is none, the command) and the health check's program.
pub(super) fn check_programs(run: &Run, tree: &Tree) -> Result<(), ProgramFault> {
    let started = run
        .entrypoint
        .first()
        .map(|program| ("entry point", program))
        .or_else(|| run.cmd.first().map(|program| ("command", program)));
    let asked = run
        .healthcheck
        .as_ref()
        .and_then(|health| Some(("health check's program", health.test.get(1)?)));
    for (role, program) in started.into_iter().chain(asked) {
        check(run, tree, program).map_err(|fault| ProgramFault {
            role,
            program: program.clone(),
            fault,
        })?;
    }
    Ok(())
}

fn check(run: &Run, tree: &Tree, program: &str) -> Result<(), Fault> {
    if program.starts_with('/') {
        return executable(run, tree, program);
    }
    if program.contains('/') {
        return executable(run, tree, &format!("{}/{program}", run.working_dir));
    }
    let path = run.env.iter().find_map(|variable| variable.strip_prefix("PATH="));
    let mut fault = Fault::Missing;
    for folder in path.unwrap_or(DEFAULT_PATH).split(':') {
        match executable(run, tree, &format!("{folder}/{program}")) {
            Ok(()) => return Ok(()),
            Err(Fault::Missing) => {}
            Err(other) => fault = other,
        }
    }
    Err(fault)
}

fn executable(run: &Run, tree: &Tree, path: &str) -> Result<(), Fault> {
    let entry = resolve(tree, path).ok_or(Fault::Missing)?;
    if !matches!(entry.kind, Kind::File(_) | Kind::Hardlink(_)) {
        return Err(Fault::NoFile(entry.kind.word()));
    }
    let user = if run.user.is_empty() { "0:0" } else { &run.user };
    let mut ids = user.split(':').map(|id| id.parse::<u32>().ok());
    let (uid, gid) = (ids.next().flatten(), ids.next().flatten());
    let bit = match (uid, gid) {
        (Some(0), _) => 0o111,
        (Some(uid), _) if uid == entry.uid => 0o100,
        (_, Some(gid)) if gid == entry.gid => 0o010,
        _ => 0o001,
    };
    if entry.mode & bit == 0 {
        return Err(Fault::NotExecutable {
            user: user.to_owned(),
            mode: entry.mode,
        });
    }
    Ok(())
}

/// The entry at the end of all symbolic links, of folders too.
fn resolve<'a>(tree: &'a Tree, path: &str) -> Option<&'a Entry> {
    let mut pending: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    let mut place: Vec<String> = Vec::new();
    let mut links = 0;
    while let Some(part) = pending.pop() {
        match part.as_str() {
            "" | "." => {}
            ".." => drop(place.pop()),
            _ => {
                place.push(part);
                if let Kind::Symlink(target) = &tree.get(&place.join("/"))?.kind {
                    links += 1;
                    if links > MOST_LINKS {
                        return None;
                    }
                    place.pop();
                    if target.starts_with('/') {
                        place.clear();
                    }
                    pending.extend(target.split('/').rev().map(str::to_owned));
                }
            }
        }
    }
    tree.get(&place.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(entrypoint: &str, user: &str) -> Run {
        Run {
            user: user.to_owned(),
            entrypoint: vec![entrypoint.to_owned()],
            env: vec!["PATH=/opt:/usr/bin".to_owned()],
            ..Run::default()
        }
    }

    fn tree() -> Tree {
        let mut tree = Tree::default();
        let mut put = |path: &str, entry| tree.add(path.parse().unwrap(), entry).unwrap();
        put("usr/bin/server", Entry::file("x", 0o755));
        put("usr/bin/data", Entry::file("x", 0o644));
        put("usr/bin/private", Entry::file("x", 0o710).owned_by(0, 7));
        put("opt/data", Entry::directory(0o755));
        put("opt/loop", Entry::symlink("loop"));
        put("opt/gone", Entry::symlink("/usr/bin/nothing"));
        put("opt/server", Entry::symlink("../bin/server"));
        put("bin", Entry::symlink("usr/bin"));
        tree
    }

    fn said(entrypoint: &str, user: &str) -> String {
        check_programs(&run(entrypoint, user), &tree()).map_or_else(|fault| fault.to_string(), |()| "good".to_owned())
    }

    #[test]
    fn programs_are_found_through_links_and_the_path() {
        for good in [
            "/usr/bin/server",
            "/bin/server",
            "/opt/server",
            "server",
            "usr/../bin/server",
        ] {
            assert_eq!(said(good, "1:1"), "good", "{good}");
        }
        assert_eq!(said("/usr/bin/private", "1:7"), "good");
        assert_eq!(said("/usr/bin/private", ""), "good");
    }

    #[test]
    fn what_cannot_be_started_is_named_with_the_reason() {
        for (program, user, fault) in [
            ("/usr/bin/sever", "1:1", "is not in the image"),
            ("sever", "1:1", "is not in the image"),
            ("/opt/loop", "1:1", "is not in the image"),
            ("/opt/gone", "1:1", "is not in the image"),
            ("/usr/bin", "1:1", "is a directory, not a program"),
            ("data", "1:1", "may not be executed by 1:1: its mode is 0644"),
            ("/usr/bin/data", "", "may not be executed by 0:0: its mode is 0644"),
            (
                "/usr/bin/private",
                "1:1",
                "may not be executed by 1:1: its mode is 0710",
            ),
        ] {
            assert_eq!(said(program, user), format!("the entry point `{program}` {fault}"));
        }
        let mut run = run("/usr/bin/server", "1:1");
        let test = ["CMD", "/usr/bin/health"].map(str::to_owned).to_vec();
        run.healthcheck = Some(qclock_oci::image::Healthcheck {
            test,
            interval: 1,
            timeout: 1,
            start_period: 1,
            retries: 1,
        });
        let fault = check_programs(&run, &tree()).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "the health check's program `/usr/bin/health` is not in the image"
        );
    }
}
