//! `/bin/sh`, played for initdb alone.
//!
//! The images have no shell.  PostgreSQL's initdb calls the server by way of popen(3) and system(3), which start `/bin/sh`; and one
//! server that it has started asks for the names of locales in the same way.  An image with PostgreSQL has a link of that name to
//! this program, which then does exactly those few things: for a process whose program is initdb, and which was itself started by
//! `qclock-init first-start`.  Everything else is refused, whoever asks.

mod caller;
mod command;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use thiserror::Error;

use crate::configuration::{self, Configuration, FirstStart, PostgresqlFirstStart};
use crate::os;
use caller::Caller;
pub use command::NoOutput;
use command::Wish;

/// What a shell says of a command that cannot be run.
const REFUSED: u8 = 126;
/// The locales that the images have; initdb makes collations of them.
const LOCALES: &[u8] = b"C\nC.utf8\nPOSIX\n";

#[derive(Debug, Error, PartialEq, Eq)]
enum Refusal {
    #[error("this image has no shell")]
    NoShell,
    #[error("this image has no shell: only the first start of PostgreSQL is helped out")]
    Caller,
    #[error("this image has no shell: not what initdb says")]
    Command,
}

/// Whether the program was called by the name of a shell.
pub fn is_meant(called: Option<&OsString>) -> bool {
    called.is_some_and(|called| Path::new(called).file_name().is_some_and(|name| name == "sh"))
}

/// Whether initdb says something like it.
pub fn understands(text: &str, server: &Path) -> bool {
    command::parse(text, server).is_some()
}

/// Becomes the server, answers, or refuses.
pub fn main(arguments: &[OsString]) -> ExitCode {
    let configuration = configuration::read(Path::new(configuration::DEFAULT_PATH));
    let wish = postgresql(configuration.as_ref().ok())
        .ok_or(Refusal::NoShell)
        .and_then(|first_start| permitted(arguments, first_start, &caller::chain()));
    let error = match wish {
        Ok(Wish::Locales) => {
            // Who does not listen has not asked.
            let _ = std::io::stdout().write_all(LOCALES);
            return ExitCode::SUCCESS;
        }
        Ok(Wish::Server(call)) => {
            os::become_program(&call.program, &call.arguments, call.no_input, call.no_output).to_string()
        }
        Err(refusal) => refusal.to_string(),
    };
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(std::io::stderr(), "sh: {error}");
    ExitCode::from(REFUSED)
}

fn postgresql(configuration: Option<&Configuration>) -> Option<&PostgresqlFirstStart> {
    match configuration?.first_start.as_ref()? {
        FirstStart::Postgresql(first_start) => Some(first_start),
        FirstStart::Mysql(_) => None,
    }
}

/// `callers` from the nearest one on.
fn permitted(arguments: &[OsString], first_start: &PostgresqlFirstStart, callers: &[Caller]) -> Result<Wish, Refusal> {
    let text = match arguments {
        [option, text] if option == "-c" => text,
        // As newer C libraries say it.
        [option, end, text] if option == "-c" && end == "--" => text,
        _ => return Err(Refusal::NoShell),
    };
    let text = text.to_str().ok_or(Refusal::Command)?;
    let program = |place: usize| callers.get(place).map(|caller| caller.program.as_path());
    let initdb_at = usize::from(program(0) != Some(&first_start.initdb));
    let by_initdb = program(initdb_at) == Some(&first_start.initdb)
        && callers.get(initdb_at + 1).is_some_and(Caller::is_first_start);
    if !by_initdb {
        return Err(Refusal::Caller);
    }
    let wish = command::parse(text, &first_start.server).ok_or(Refusal::Command)?;
    // The server is called by initdb itself, the locales are asked for by the server.
    let right_caller = match wish {
        Wish::Server(_) => initdb_at == 0,
        Wish::Locales => initdb_at == 1 && program(0) == Some(&first_start.server),
    };
    if right_caller { Ok(wish) } else { Err(Refusal::Caller) }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    fn first_start() -> PostgresqlFirstStart {
        PostgresqlFirstStart {
            server: "/pg/postgres".into(),
            initdb: "/pg/initdb".into(),
            configuration: PathBuf::new(),
            data_directory: PathBuf::new(),
            run_directory: PathBuf::new(),
            health_user: String::new(),
            timeout: Duration::ZERO,
        }
    }

    fn callers(programs: &[&str]) -> Vec<Caller> {
        let own = caller::own_program().unwrap();
        programs
            .iter()
            .map(|program| match *program {
                "first-start" => Caller {
                    program: own.clone(),
                    arguments: vec!["first-start".into()],
                },
                "run" => Caller {
                    program: own.clone(),
                    arguments: vec!["run".into()],
                },
                other => Caller {
                    program: other.into(),
                    arguments: vec!["first-start".into()],
                },
            })
            .collect()
    }

    fn asked(command: &str, programs: &[&str]) -> Result<Wish, Refusal> {
        permitted(&["-c".into(), command.into()], &first_start(), &callers(programs))
    }

    const VERSION: &str = "\"/pg/postgres\" -V";

    #[test]
    fn initdb_of_the_first_start_is_served_and_nobody_else() {
        assert!(matches!(
            asked(VERSION, &["/pg/initdb", "first-start"]),
            Ok(Wish::Server(_))
        ));
        for others in [
            &["/pg/initdb", "run"][..],
            &["/pg/initdb"],
            &["/pg/initdb", "/bin/other"],
            &["/pg/other", "first-start"],
            &["/pg/postgres", "run"],
            &["/pg/postgres", "/pg/initdb", "first-start"],
            &["first-start"],
            &[],
        ] {
            assert_eq!(asked(VERSION, others), Err(Refusal::Caller), "{others:?}");
        }
    }

    #[test]
    fn locales_are_for_the_server_that_initdb_has_started() {
        assert_eq!(
            asked("locale -a", &["/pg/postgres", "/pg/initdb", "first-start"]),
            Ok(Wish::Locales)
        );
        for others in [
            &["/pg/postgres", "/pg/postgres", "run"][..],
            &["/pg/initdb", "first-start"],
            &["/pg/other", "/pg/initdb", "first-start"],
        ] {
            assert_eq!(asked("locale -a", others), Err(Refusal::Caller), "{others:?}");
        }
    }

    #[test]
    fn a_shell_for_people_is_refused() {
        for arguments in [&[][..], &["-i"], &["script"], &["-c"], &["-c", "x", "y"], &["-l", "-c"]] {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            let refused = permitted(&arguments, &first_start(), &callers(&["/pg/initdb", "first-start"]));
            assert_eq!(refused, Err(Refusal::NoShell), "{arguments:?}");
        }
        assert_eq!(asked("id", &["/pg/initdb", "first-start"]), Err(Refusal::Command));
        assert!(is_meant(Some(&"/bin/sh".into())) && is_meant(Some(&"sh".into())));
        assert!(!is_meant(Some(&"/usr/bin/qclock-init".into())) && !is_meant(None));
    }
}
