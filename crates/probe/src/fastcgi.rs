//! FastCGI 1.0, the client's side: one request over a Unix socket, or bytes to an answer without any socket.

mod codec;

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

pub use codec::{Assembler, CodecError, Limits, Progress, Response, encode_request, parse_response};

/// Why a FastCGI application gave no answer.
#[derive(Debug, Error)]
pub enum FastcgiError {
    /// The socket cannot be reached, or the connection broke off.
    #[error("cannot talk to the FastCGI socket `{socket}`")]
    Socket {
        /// Which socket.
        socket: PathBuf,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
    /// What came back is not FastCGI, or too long.
    #[error("the answer from `{socket}` is not understood")]
    Codec {
        /// Which socket.
        socket: PathBuf,
        /// Why not.
        #[source]
        source: CodecError,
    },
    /// The deadline passed.
    #[error("no answer from the FastCGI socket `{socket}` within {} ms", deadline.as_millis())]
    Deadline {
        /// Which socket.
        socket: PathBuf,
        /// The time that had been given.
        deadline: Duration,
    },
}

/// Sends one request with these parameters and without a body, and waits for the whole answer.
pub async fn request(
    socket: &Path,
    parameters: &[(&str, &str)],
    limits: Limits,
    deadline: Duration,
) -> Result<Response, FastcgiError> {
    let end = Instant::now() + deadline;
    timeout_at(end, exchange(socket, parameters, limits))
        .await
        .map_err(|_| FastcgiError::Deadline {
            socket: socket.to_owned(),
            deadline,
        })?
}

async fn exchange(socket: &Path, parameters: &[(&str, &str)], limits: Limits) -> Result<Response, FastcgiError> {
    let broken = |source| FastcgiError::Socket {
        socket: socket.to_owned(),
        source,
    };
    let garbled = |source| FastcgiError::Codec {
        socket: socket.to_owned(),
        source,
    };
    let question = encode_request(parameters, &[]).map_err(garbled)?;
    let mut stream = UnixStream::connect(socket).await.map_err(broken)?;
    stream.write_all(&question).await.map_err(broken)?;
    let mut assembler = Assembler::new(limits);
    let mut buffer = [0; 8192];
    loop {
        let length = stream.read(&mut buffer).await.map_err(broken)?;
        if length == 0 {
            return Err(garbled(CodecError::Truncated));
        }
        if assembler.feed(&buffer[..length]).map_err(garbled)? == Progress::Complete {
            return assembler.finish().map_err(garbled);
        }
    }
}
