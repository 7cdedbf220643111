//! Who asks: the parent, its parent and so on, by the programs that the kernel says they run.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use fs_err as fs;

/// initdb, what has started it, and one in between.
const FARTHEST: usize = 3;
/// Of a process's arguments.
const LONGEST: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Caller {
    pub(super) program: PathBuf,
    /// Without the program's name.
    pub(super) arguments: Vec<OsString>,
}

impl Caller {
    /// `qclock-init first-start`, the same program as this one.
    pub(super) fn is_first_start(&self) -> bool {
        own_program().as_ref() == Some(&self.program)
            && self.arguments.first().is_some_and(|command| command == "first-start")
    }
}

pub(super) fn own_program() -> Option<PathBuf> {
    fs::read_link("/proc/self/exe").ok()
}

/// From the parent on; it ends where the kernel does not tell.
pub(super) fn chain() -> Vec<Caller> {
    let mut callers = Vec::new();
    let mut pid = parent("self");
    while let Some(known) = pid.filter(|_| callers.len() < FARTHEST) {
        let Some(caller) = look(known) else {
            break;
        };
        callers.push(caller);
        pid = parent(&known.to_string());
    }
    callers
}

fn look(pid: u32) -> Option<Caller> {
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let line = fs::read(format!("/proc/{pid}/cmdline"))
        .ok()
        .filter(|line| line.len() <= LONGEST)?;
    let arguments = line
        .split(|byte| *byte == 0)
        .skip(1)
        .map(|argument| OsString::from_vec(argument.to_vec()));
    Some(Caller {
        program,
        arguments: arguments.collect(),
    })
}

/// The second field after the program's name, which may hold anything and ends with the last parenthesis (proc(5)).
fn parent(process: &str) -> Option<u32> {
    let text = fs::read(format!("/proc/{process}/stat")).ok()?;
    parent_of(&String::from_utf8_lossy(&text))
}

fn parent_of(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_parentheses_does_not_move_the_fields() {
        assert_eq!(parent_of("7 (a) 9 (b) S 42 7 7 0"), Some(42));
        assert_eq!(parent_of("1 (init) S 0 1 1"), None);
        assert_eq!(parent_of(""), None);
    }

    #[test]
    fn the_chain_begins_with_the_parent() {
        let callers = chain();
        let parent = std::os::unix::process::parent_id();
        assert_eq!(
            callers.first().map(|caller| caller.program.clone()),
            fs::read_link(format!("/proc/{parent}/exe")).ok()
        );
        assert!(callers.len() <= FARTHEST);
    }
}
