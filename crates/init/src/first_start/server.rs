//! MariaDB without `mariadb-install-db`, which is a shell script: the bootstrap server reads the system tables and the
//! accounts from its standard input; a temporary one, reachable through a socket alone, runs the scripts.

use std::io::{self, BufRead as _, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fs_err as fs;
use thiserror::Error;

use super::secret::Secret;
use crate::configuration::FirstStart;
use crate::os;
use crate::protocol::{Connection, ProtocolError};
use crate::signal::Signal;

/// In the order of mariadb-install-db; the help tables and the test database are left out.
const SYSTEM_TABLES: [&str; 5] = [
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "mysql_sys_schema.sql",
];
const UPGRADE_RECORD: &str = "mysql_upgrade_info";
const SOCKET: &str = "first-start.sock";
/// Until the temporary server answers, and until it has stopped.
const SERVER_TIMEOUT: Duration = Duration::from_mins(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

#[derive(Debug, Error)]
pub(super) enum ServerError {
    #[error("cannot run `{}`", program.display())]
    Run {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read the system tables of the package, `{}`", path.display())]
    SystemTables {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the server did not take the system tables: {status}; its own lines say why")]
    Bootstrap { status: ExitStatus },
    #[error("the server's version `{0}` is not understood")]
    Version(String),
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the temporary server ended: {status}; its own lines say why")]
    Ended { status: ExitStatus },
    #[error("the temporary server did not answer within {} s", SERVER_TIMEOUT.as_secs())]
    Silent(#[source] io::Error),
    #[error("the temporary server did not stop within {} s", SERVER_TIMEOUT.as_secs())]
    Stuck,
    #[error("cannot connect to the temporary server")]
    Connect(#[source] io::Error),
    #[error("cannot log in at the temporary server")]
    Login(#[source] ProtocolError),
    #[error("the first start took longer than {0} s")]
    Timeout(u64),
}

#[derive(Debug)]
pub(super) struct MariaDb<'a> {
    first_start: &'a FirstStart,
    deadline: Instant,
}

impl<'a> MariaDb<'a> {
    pub(super) fn new(first_start: &'a FirstStart) -> Self {
        Self {
            first_start,
            deadline: Instant::now() + first_start.timeout,
        }
    }

    /// Fills an empty directory with the system tables and the accounts; gives the server's version.
    pub(super) fn bootstrap(&self, directory: &Path, accounts: &str) -> Result<String, ServerError> {
        let version = self.version()?;
        let mut command = self.server(directory);
        command
            .args([
                "--bootstrap",
                "--silent-startup",
                "--log-warnings=0",
                "--enforce-storage-engine=",
            ])
            .args(["--max-allowed-packet=8M", "--net-buffer-length=16K", "--skip-log-bin"])
            .stdin(Stdio::piped());
        let mut child = command.spawn().map_err(|source| self.run_failed(source))?;
        if let Some(mut input) = child.stdin.take() {
            // A server that has ended does not read; its status says more than the broken pipe.
            if let Err(error @ ServerError::SystemTables { .. }) = self.feed(&mut input, accounts) {
                os::signal_process(i32::try_from(child.id()).unwrap_or(i32::MAX), Signal::Kill);
                let _ = child.wait();
                return Err(error);
            }
        }
        let status = wait_until(&mut child, self.deadline)
            .map_err(|source| self.run_failed(source))?
            .ok_or(ServerError::Timeout(self.first_start.timeout.as_secs()))?;
        if !status.success() {
            return Err(ServerError::Bootstrap { status });
        }
        // What mariadb-upgrade leaves, so that the server does not ask for it.
        let path = directory.join(UPGRADE_RECORD);
        fs::write(&path, &version).map_err(|source| ServerError::Write { path, source })?;
        Ok(version)
    }

    fn feed(&self, input: &mut impl Write, accounts: &str) -> Result<(), ServerError> {
        let broken = |source| ServerError::Write {
            path: PathBuf::from("the server's input"),
            source,
        };
        input
            .write_all(b"CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n")
            .map_err(broken)?;
        for name in SYSTEM_TABLES {
            let path = self.first_start.share_directory.join(name);
            let failed = |source| ServerError::SystemTables {
                path: path.clone(),
                source,
            };
            let file = fs::File::open(&path).map_err(failed)?;
            let mut lines = BufReader::new(file);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).map_err(failed)? > 0 {
                // Accounts for the name of the machine that is being installed, which here is a container's.
                if !line.windows(17).any(|window| window == b"@current_hostname") {
                    input.write_all(&line).map_err(broken)?;
                }
                line.clear();
            }
            input.write_all(b"\n").map_err(broken)?;
        }
        input.write_all(accounts.as_bytes()).map_err(broken)
    }

    /// `10.11.19-MariaDB`
    fn version(&self) -> Result<String, ServerError> {
        let output = Command::new(&self.first_start.server)
            .arg("--no-defaults")
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|source| self.run_failed(source))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text
            .split_once("Ver ")
            .and_then(|(_, rest)| rest.split_whitespace().next());
        let end = version.and_then(|version| version.find("-MariaDB"));
        match (version, end) {
            (Some(version), Some(end)) => Ok(format!("{}-MariaDB", &version[..end])),
            _ => Err(ServerError::Version(text.trim().to_owned())),
        }
    }

    /// Serves nobody but this process: no network, and a socket that the health check does not ask.
    pub(super) fn start_temporary(&self, directory: &Path) -> Result<TemporaryServer, ServerError> {
        let socket = self.first_start.socket_directory.join(SOCKET);
        let child = self
            .server(directory)
            .args(["--skip-networking", "--skip-log-bin", "--skip-slave-start"])
            .arg(option("socket", &socket))
            .arg(option(
                "pid-file",
                &self.first_start.socket_directory.join("first-start.pid"),
            ))
            .stdin(Stdio::null())
            .spawn()
            .map_err(|source| self.run_failed(source))?;
        let mut server = TemporaryServer {
            child,
            socket,
            deadline: self.deadline,
        };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// Its outputs go to our standard error, which PID 1 reads as the server's log.
    fn server(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.first_start.server);
        command
            .arg(option("defaults-file", &self.first_start.defaults_file))
            .arg(option("datadir", directory))
            // Some 800 calls otherwise, 5 s on a busy disk: nothing needs to be on the disk before all of it is, and that is
            // seen to before the directory gets its name.
            .arg("--loose-debug-no-sync")
            .stdout(io::stderr());
        for secret in super::SECRET_VARIABLES {
            command.env_remove(secret);
        }
        command
    }

    fn run_failed(&self, source: io::Error) -> ServerError {
        ServerError::Run {
            program: self.first_start.server.clone(),
            source,
        }
    }
}

/// Stopped at the latest when it is dropped.
#[derive(Debug)]
pub(super) struct TemporaryServer {
    child: Child,
    socket: PathBuf,
    /// Of the first start as a whole.
    deadline: Instant,
}

impl TemporaryServer {
    pub(super) fn connect(&self, root_password: &Secret) -> Result<Connection<UnixStream>, ServerError> {
        let stream = os::connect_unix(&self.socket, SERVER_TIMEOUT).map_err(ServerError::Connect)?;
        // A statement takes as long as it takes; the first start as a whole has its limit.
        let left = self.deadline.saturating_duration_since(Instant::now()).max(LOOK_AGAIN);
        stream.set_read_timeout(Some(left)).map_err(ServerError::Connect)?;
        Connection::login(stream, "root", root_password.expose()).map_err(ServerError::Login)
    }

    fn wait_until_it_answers(&mut self) -> Result<(), ServerError> {
        let deadline = Instant::now() + SERVER_TIMEOUT;
        loop {
            let Err(error) = os::connect_unix(&self.socket, LOOK_AGAIN) else {
                return Ok(());
            };
            if let Some(status) =
                wait_until(&mut self.child, Instant::now() + LOOK_AGAIN).map_err(ServerError::Connect)?
            {
                return Err(ServerError::Ended { status });
            }
            if Instant::now() > deadline {
                return Err(ServerError::Silent(error));
            }
        }
    }

    /// A clean shutdown: everything is in its files.
    pub(super) fn stop(mut self) -> Result<(), ServerError> {
        self.signal(Signal::Term);
        let stopped = wait_until(&mut self.child, Instant::now() + SERVER_TIMEOUT).map_err(ServerError::Connect)?;
        match stopped {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(ServerError::Ended { status }),
            None => Err(ServerError::Stuck),
        }
    }

    fn signal(&self, signal: Signal) {
        os::signal_process(i32::try_from(self.child.id()).unwrap_or(i32::MAX), signal);
    }
}

impl Drop for TemporaryServer {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal(Signal::Kill);
            // It is dead in any case.
            let _ = self.child.wait();
        }
    }
}

/// None: it has not ended by then.
fn wait_until(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        pause(left.min(LOOK_AGAIN));
    }
}

/// On something else than this process, which nothing here can be told by.
pub(super) fn pause(duration: Duration) {
    // A channel on which nothing comes is a clock that can be waited for.
    let (_silent, clock) = mpsc::channel::<()>();
    let _ = clock.recv_timeout(duration);
}

fn option(name: &str, path: &Path) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(format!("--{name}="));
    option.push(path);
    option
}
