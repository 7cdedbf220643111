//! The database server as a child: what makes its first data directory, and a temporary one, reachable through a socket
//! alone, that runs the scripts.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::settings::Settings;
use super::{mariadb, mysql};
use crate::configuration::{DatabaseKind, MysqlFirstStart};
use crate::os;
use crate::protocol::{Connection, ProtocolError};
use crate::secret::Secret;
use crate::signal::Signal;

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
    #[error("the server did not make its data directory: {status}; its own lines say why")]
    Initialise { status: ExitStatus },
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

/// The server that the configuration names, for one first start.
#[derive(Debug)]
pub(super) struct Database<'a> {
    pub(super) first_start: &'a MysqlFirstStart,
    deadline: Instant,
}

impl<'a> Database<'a> {
    pub(super) fn new(first_start: &'a MysqlFirstStart) -> Self {
        Self {
            first_start,
            deadline: Instant::now() + first_start.timeout,
        }
    }

    /// Fills an empty directory with the system tables and the accounts; gives the server's version.
    pub(super) fn initialise(&self, directory: &Path, settings: &Settings) -> Result<String, ServerError> {
        match self.first_start.kind {
            DatabaseKind::Mariadb => mariadb::initialise(self, directory, settings),
            DatabaseKind::Mysql => mysql::initialise(self, directory, settings),
        }
    }

    /// What the server says of itself after `Ver `: `10.11.19-MariaDB-deb12u1 for …`.
    pub(super) fn version(&self) -> Result<String, ServerError> {
        let output = Command::new(&self.first_start.server)
            .arg("--no-defaults")
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|source| self.run_failed(source))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        match text.split_once("Ver ") {
            Some((_, version)) => Ok(version.trim().to_owned()),
            None => Err(ServerError::Version(text.trim().to_owned())),
        }
    }

    /// Ends with the server, or with the first start's time.
    pub(super) fn finish(&self, child: &mut Child) -> Result<(), ServerError> {
        let status = wait_until(child, self.deadline)
            .map_err(|source| self.run_failed(source))?
            .ok_or(ServerError::Timeout(self.first_start.timeout.as_secs()))?;
        if status.success() {
            Ok(())
        } else {
            Err(ServerError::Initialise { status })
        }
    }

    /// Serves nobody but this process: no network, and a socket that the health check does not ask.
    pub(super) fn start_temporary(
        &self,
        directory: &Path,
        root_password: &Secret,
    ) -> Result<TemporaryServer, ServerError> {
        let socket = self.first_start.socket_directory.join(SOCKET);
        let child = self
            .server(directory)
            .arg("--skip-networking")
            .arg(option("socket", &socket))
            .arg(option("pid-file", &directory.join("first-start.pid")))
            .stdin(Stdio::null())
            .spawn()
            .map_err(|source| self.run_failed(source))?;
        let mut server = TemporaryServer {
            child,
            socket,
            deadline: self.deadline,
        };
        server.wait_until_it_answers(root_password)?;
        Ok(server)
    }

    /// Its outputs go to our standard error, which PID 1 reads as the server's log.
    pub(super) fn server(&self, directory: &Path) -> Command {
        let mut command = Command::new(&self.first_start.server);
        command
            .arg(option("defaults-file", &self.first_start.defaults_file))
            .arg(self.first_start.kind.group_suffix())
            .arg(option("datadir", directory))
            .args(self.first_start.kind.first_start_arguments())
            .stdout(io::stderr());
        for secret in super::SECRET_VARIABLES {
            command.env_remove(secret);
        }
        command
    }

    pub(super) fn run_failed(&self, source: io::Error) -> ServerError {
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
        Connection::login(stream, "root", root_password.expose().as_bytes()).map_err(ServerError::Login)
    }

    /// With a login: the server would log a connection without one as aborted.
    fn wait_until_it_answers(&mut self, root_password: &Secret) -> Result<(), ServerError> {
        let deadline = Instant::now() + SERVER_TIMEOUT;
        loop {
            let error = match self.connect(root_password) {
                Ok(connection) => {
                    connection.quit();
                    return Ok(());
                }
                Err(ServerError::Connect(error)) => error,
                Err(error) => return Err(error),
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
pub(super) fn wait_until(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        os::pause(left.min(LOOK_AGAIN));
    }
}

pub(super) fn option(name: &str, path: &Path) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(format!("--{name}="));
    option.push(path);
    option
}
