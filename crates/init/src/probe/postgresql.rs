//! Just enough of PostgreSQL's protocol (version 3.0) for a session over a Unix socket and a query whose answer nobody reads.

use std::io::{self, Read, Write};

use thiserror::Error;

const PROTOCOL: i32 = 196_608;
const AUTHENTICATION: u8 = b'R';
const ERROR: u8 = b'E';
const READY: u8 = b'Z';
const COMMAND_COMPLETE: u8 = b'C';
const LONGEST_MESSAGE: usize = 16 << 10;
/// A session begins with some fifteen messages; notices may come in between.
const MOST_MESSAGES: usize = 200;

#[derive(Debug, Error)]
pub enum SessionError {
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    #[error("the server does not answer")]
    Silent,
    #[error("the server answered {code}: {message}")]
    Refused { code: String, message: String },
    #[error("the server asks for a password")]
    Password,
    #[error("the server's {0} is not understood")]
    Unknown(&'static str),
}

/// Begins a session, has one query answered, and takes its leave.
pub fn ask(stream: &mut (impl Read + Write), user: &str, database: &str) -> Result<(), SessionError> {
    stream.write_all(&startup(user, database)?)?;
    read_until_ready(stream)?;
    stream.write_all(&message(b'Q', b"SELECT 1\0"))?;
    if !read_until_ready(stream)? {
        return Err(SessionError::Unknown("answer to a query"));
    }
    // It has answered: whether it hears the farewell does not matter.
    let _ = stream.write_all(&message(b'X', b""));
    Ok(())
}

impl From<io::Error> for SessionError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Silent,
            _ => Self::Broken(error),
        }
    }
}

fn startup(user: &str, database: &str) -> Result<Vec<u8>, SessionError> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for text in ["user", user, "database", database, "application_name", "qclock-init"] {
        if text.contains('\0') || text.len() > 256 {
            return Err(SessionError::Unknown("account"));
        }
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = i32::try_from(body.len() + 4).unwrap_or(i32::MAX);
    Ok([&length.to_be_bytes(), body.as_slice()].concat())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap_or(i32::MAX);
    [&[kind], length.to_be_bytes().as_slice(), body].concat()
}

/// Whether a command was completed on the way.
fn read_until_ready(stream: &mut impl Read) -> Result<bool, SessionError> {
    let mut completed = false;
    for _ in 0..MOST_MESSAGES {
        let mut header = [0; 5];
        stream.read_exact(&mut header)?;
        let [kind, length @ ..] = header;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(0);
        if !(4..=LONGEST_MESSAGE).contains(&length) {
            return Err(SessionError::Unknown("message"));
        }
        let mut body = vec![0; length - 4];
        stream.read_exact(&mut body)?;
        match kind {
            READY => return Ok(completed),
            ERROR => return Err(refusal(&body)),
            // Zero: nothing (more) is asked.
            AUTHENTICATION if body != [0; 4] => return Err(SessionError::Password),
            COMMAND_COMPLETE => completed = true,
            _ => {}
        }
    }
    Err(SessionError::Unknown("flood of messages"))
}

/// Fields of one letter and a text each.
fn refusal(body: &[u8]) -> SessionError {
    let mut code = String::new();
    let mut message = String::new();
    for field in body.split(|byte| *byte == 0) {
        match field {
            [b'C', rest @ ..] if code.is_empty() => code = printable(rest),
            [b'M', rest @ ..] if message.is_empty() => message = printable(rest),
            _ => {}
        }
    }
    SessionError::Refused { code, message }
}

fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars()
        .filter(|character| !character.is_control())
        .take(400)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads what a server is supposed to have sent and keeps what is written.
    struct Server<'a> {
        sent: &'a [u8],
        heard: Vec<u8>,
    }

    impl Read for Server<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.sent.read(into)
        }
    }

    impl Write for Server<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ask_of(messages: &[(u8, &[u8])]) -> (Result<(), SessionError>, Vec<u8>) {
        let sent: Vec<u8> = messages.iter().flat_map(|(kind, body)| message(*kind, body)).collect();
        let mut server = Server {
            sent: &sent,
            heard: Vec::new(),
        };
        let answer = ask(&mut server, "qclock", "postgres");
        (answer, server.heard)
    }

    const WELCOME: [(u8, &[u8]); 4] = [
        (b'R', &[0; 4]),
        (b'S', b"server_version\x0015.20\0"),
        (b'K', &[0; 8]),
        (b'Z', b"I"),
    ];

    #[test]
    fn a_session_a_query_and_a_farewell() {
        let answered: [(u8, &[u8]); 4] = [(b'T', &[0; 2]), (b'D', &[0; 2]), (b'C', b"SELECT 1\0"), (b'Z', b"I")];
        let (answer, heard) = ask_of(&[WELCOME, answered].concat());
        answer.unwrap();
        assert!(
            heard.starts_with(b"\0\0\0\x44\0\x03\0\0user\0qclock\0database\0postgres\0"),
            "{heard:?}"
        );
        assert!(heard.ends_with(b"Q\0\0\0\x0dSELECT 1\0X\0\0\0\x04"));
    }

    #[test]
    fn a_server_that_refuses_is_told_in_its_own_words() {
        let (answer, _) = ask_of(&[(b'E', b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0")]);
        assert_eq!(
            answer.unwrap_err().to_string(),
            "the server answered 57P03: the database system is starting up"
        );
        let (answer, _) = ask_of(&[(b'R', &[0, 0, 0, 10])]);
        assert!(matches!(answer, Err(SessionError::Password)));
    }

    #[test]
    fn an_answer_that_is_none_or_does_not_end_is_an_error() {
        // Ready without having done anything.
        assert!(ask_of(&[WELCOME.as_slice(), &[(b'Z', b"I")]].concat()).0.is_err());
        assert!(ask_of(&WELCOME).0.is_err());
        assert!(ask_of(&vec![(b'N', b"".as_slice()); 1000]).0.is_err());
        let mut server = Server {
            sent: b"R\x7f\xff\xff\xff",
            heard: Vec::new(),
        };
        assert!(matches!(
            ask(&mut server, "a", "b"),
            Err(SessionError::Unknown("message"))
        ));
        assert!(ask(&mut server, "a\0b", "b").is_err());
    }

    proptest! {
        #[test]
        fn whatever_a_server_sends_ends_in_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut server = Server { sent: &bytes, heard: Vec::new() };
            let _ = ask(&mut server, "qclock", "postgres");
        }
    }
}
