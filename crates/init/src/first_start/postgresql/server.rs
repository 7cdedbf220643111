//! The programs of PostgreSQL as children: initdb, and the server in its single-user mode, which listens to nobody.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::PostgresqlError;
use crate::configuration::PostgresqlFirstStart;
use crate::first_start::server::wait_until;
use crate::os;
use crate::signal::Signal;

/// Who owns what is there from the beginning. Nobody can log in as that role.
const SUPERUSER: &str = "postgres";
const ENVIRONMENT: [(&str, &str); 3] = [("LC_ALL", "C.UTF-8"), ("PATH", "/usr/bin"), ("TZ", "UTC")];

/// When what a single-user session changes has to be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// With each commit.
    Always,
    /// Whoever calls sees to it when everything is done.
    AfterAll,
}

#[derive(Debug)]
pub(super) struct Server<'a> {
    pub(super) first_start: &'a PostgresqlFirstStart,
    deadline: Instant,
}

impl<'a> Server<'a> {
    pub(super) fn new(first_start: &'a PostgresqlFirstStart) -> Self {
        Self {
            first_start,
            deadline: Instant::now() + first_start.timeout,
        }
    }

    /// `15.20`, of `postgres (PostgreSQL) 15.20 (…)`.
    pub(super) fn version(&self) -> Result<String, PostgresqlError> {
        let program = &self.first_start.server;
        let output = command(program)
            .arg("--version")
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| PostgresqlError::Run {
                program: program.clone(),
                source,
            })?;
        let answer = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let version = answer
            .split_once(") ")
            .map(|(_, rest)| rest.split(' ').next().unwrap_or(rest).to_owned());
        version
            .filter(|version| version.starts_with(|first: char| first.is_ascii_digit()))
            .ok_or_else(|| PostgresqlError::Version {
                program: program.clone(),
                answer,
            })
    }

    /// Fills an empty directory with a cluster. Nothing of it is on the disk for sure yet.
    pub(super) fn initdb(&self, directory: &Path) -> Result<(), PostgresqlError> {
        let mut command = command(&self.first_start.initdb);
        command
            .args([
                "--username",
                SUPERUSER,
                "--encoding",
                "UTF8",
                "--locale",
                "C.UTF-8",
                "--lc-messages",
                "C",
            ])
            .args(["--data-checksums", "--auth", "reject"])
            .args(["--no-sync", "--no-instructions", "--pgdata"])
            .arg(directory)
            .stdin(Stdio::null());
        self.run(&self.first_start.initdb, command, &[])
    }

    /// Statements for nobody but this process to see, each ended by a semicolon and an empty line; the first that fails ends it.
    pub(super) fn run_alone(
        &self,
        directory: &Path,
        statements: &str,
        durability: Durability,
    ) -> Result<(), PostgresqlError> {
        let mut command = command(&self.first_start.server);
        command.arg("--single");
        if durability == Durability::AfterAll {
            command.arg("-F");
        }
        command
            .arg("-j")
            .args([
                "-c",
                &format!("config_file={}", self.first_start.configuration.display()),
            ])
            .args(["-c", &format!("data_directory={}", directory.display())])
            .args(["-c", "exit_on_error=on"])
            // A verifier is no password, but no text for a log either.
            .args([
                "-c",
                "log_min_error_statement=panic",
                "-c",
                "log_min_duration_statement=-1",
            ])
            .arg("postgres")
            .stdin(Stdio::piped());
        self.run(&self.first_start.server, command, statements.as_bytes())
    }

    fn run(&self, program: &Path, mut command: Command, input: &[u8]) -> Result<(), PostgresqlError> {
        let failed = |source| PostgresqlError::Run {
            program: program.to_owned(),
            source,
        };
        // What initdb and the session print is for terminals; errors go to standard error, which PID 1 reads as the server's log.
        let mut child = Running(command.stdout(Stdio::null()).spawn().map_err(failed)?);
        if let Some(mut pipe) = child.0.stdin.take() {
            match pipe.write_all(input) {
                // It has ended: its status says more.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(failed(error)),
                _ => {}
            }
        }
        let status = wait_until(&mut child.0, self.deadline)
            .map_err(failed)?
            .ok_or(PostgresqlError::Timeout(self.first_start.timeout.as_secs()))?;
        if status.success() {
            Ok(())
        } else {
            Err(PostgresqlError::Failed {
                program: program.to_owned(),
                status,
            })
        }
    }
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(ENVIRONMENT).current_dir("/");
    command
}

/// Ended at the latest when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            os::signal_process(i32::try_from(self.0.id()).unwrap_or(i32::MAX), Signal::Kill);
            // It is dead in any case.
            let _ = self.0.wait();
        }
    }
}
