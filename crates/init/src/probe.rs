//! Asking a service whether it works; every question ends by its deadline.

pub mod fastcgi;
mod http;
pub mod postgresql;

use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;

use crate::configuration::Probe;
use crate::os;
use crate::protocol::{Connection, ProtocolError};

#[derive(Debug, Error)]
pub enum ProbeError {
    #[error("cannot connect to `{to}`")]
    Connect {
        to: String,
        #[source]
        source: io::Error,
    },
    #[error("no answer from `{from}`")]
    Exchange {
        from: String,
        #[source]
        source: io::Error,
    },
    #[error("`{from}` answered {answer} instead of status 200")]
    Answer { from: String, answer: String },
    #[error("cannot log in at `{to}` as `{user}`")]
    Login {
        to: String,
        user: String,
        #[source]
        source: ProtocolError,
    },
    #[error("no session at `{to}` as `{user}`")]
    Session {
        to: String,
        user: String,
        #[source]
        source: postgresql::SessionError,
    },
}

/// `timeout` limits each step of the exchange.
pub fn ask(probe: &Probe, timeout: Duration) -> Result<(), ProbeError> {
    match probe {
        Probe::Tcp { address } => connect_tcp(*address, timeout).map(drop),
        Probe::Http {
            address,
            authority,
            path,
        } => {
            let mut stream = connect_tcp(*address, timeout)?;
            let from = format!("http://{authority}{path}");
            match http::get(&mut stream, authority, path) {
                Ok(status) if status == "200" => Ok(()),
                Ok(answer) => Err(ProbeError::Answer { from, answer }),
                Err(source) => Err(ProbeError::Exchange { from, source }),
            }
        }
        Probe::Fastcgi { socket, path } => {
            let to = socket.display().to_string();
            let mut stream = os::connect_unix(socket, timeout).map_err(|source| ProbeError::Connect { to, source })?;
            let from = format!("{}{path}", socket.display());
            match fastcgi::get(&mut stream, path) {
                Ok(status) if status == "200" => Ok(()),
                Ok(answer) => Err(ProbeError::Answer { from, answer }),
                Err(source) => Err(ProbeError::Exchange { from, source }),
            }
        }
        Probe::Postgresql { socket, user, database } => ask_postgresql(socket, user, database, timeout),
        Probe::Mysql { socket, user } => {
            let to = socket.display().to_string();
            let stream =
                os::connect_unix(socket, timeout).map_err(|source| ProbeError::Connect { to: to.clone(), source })?;
            Connection::login(stream, user, b"")
                .map(Connection::quit)
                .map_err(|source| ProbeError::Login {
                    to,
                    user: user.clone(),
                    source,
                })
        }
    }
}

fn ask_postgresql(socket: &Path, user: &str, database: &str, timeout: Duration) -> Result<(), ProbeError> {
    let to = socket.display().to_string();
    let mut stream =
        os::connect_unix(socket, timeout).map_err(|source| ProbeError::Connect { to: to.clone(), source })?;
    postgresql::ask(&mut stream, user, database).map_err(|source| ProbeError::Session {
        to,
        user: user.to_owned(),
        source,
    })
}

fn connect_tcp(address: std::net::SocketAddr, timeout: Duration) -> Result<TcpStream, ProbeError> {
    let connected = || {
        let stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(stream)
    };
    connected().map_err(|source| ProbeError::Connect {
        to: address.to_string(),
        source,
    })
}
