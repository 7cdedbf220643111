//! Waiting for PostgreSQL, since Keycloak does not: it ends when its database does not answer at once.
//!
//! The server is asked as `pg_isready` asks it: a start-up message for the very account and database, and no password.  Whoever gets as far
//! as being asked for one is served (PostgreSQL's documentation, "Frontend/Backend Protocol").

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::settings::Database;
use crate::os;

/// For each step of one attempt.
const STEP: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often the same reason is told again.
const REMIND: Duration = Duration::from_secs(30);
/// Version 3.0 of the protocol.
const PROTOCOL: u32 = 196_608;
const ACCOUNT: &str = "keycloak";
/// Of an answer; an error's text is a few lines.
const LONGEST_ANSWER: usize = 8192;

#[derive(Debug, Error)]
#[error("{place} did not answer within {} s: {reason}", within.as_secs())]
pub(super) struct DatabaseError {
    place: String,
    within: Duration,
    reason: String,
}

/// `tell` gets an action and a message: `waiting-for-database`, in the end `database-ready`.
pub(super) fn wait(database: &Database, within: Duration, tell: impl Fn(&str, &str)) -> Result<(), DatabaseError> {
    let place = format!("the database at {}:{}", database.host, database.port);
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut told: Option<(String, Instant)> = None;
    loop {
        let reason = match ask(database) {
            Ok(()) => {
                let message = format!("{place} answers after {} ms", begun.elapsed().as_millis());
                tell("database-ready", &message);
                return Ok(());
            }
            Err(reason) => reason,
        };
        let is_news = told
            .as_ref()
            .is_none_or(|(earlier, at)| *earlier != reason || at.elapsed() >= REMIND);
        if is_news {
            tell("waiting-for-database", &format!("waiting for {place}: {reason}"));
            told = Some((reason.clone(), Instant::now()));
        }
        if begun.elapsed() + pause >= within {
            return Err(DatabaseError { place, within, reason });
        }
        os::pause(pause);
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

fn ask(database: &Database) -> Result<(), String> {
    let addresses = (database.host.as_str(), database.port)
        .to_socket_addrs()
        .map_err(|error| format!("its name leads nowhere: {error}"))?;
    let mut reason = "its name leads nowhere".to_owned();
    for address in addresses {
        let connected = TcpStream::connect_timeout(&address, STEP).and_then(|stream| {
            stream.set_read_timeout(Some(STEP))?;
            stream.set_write_timeout(Some(STEP))?;
            Ok(stream)
        });
        match connected {
            Ok(mut stream) => return exchange(&mut stream),
            Err(error) => reason = format!("cannot connect: {error}"),
        }
    }
    Err(reason)
}

fn exchange(stream: &mut (impl Read + Write)) -> Result<(), String> {
    let failed = |error: io::Error| format!("no answer: {error}");
    stream.write_all(&start_up()).map_err(failed)?;
    let mut head = [0; 5];
    stream.read_exact(&mut head).map_err(failed)?;
    match head[0] {
        // Authentication: it asks for a password, or does not need one.
        b'R' => Ok(()),
        b'E' => {
            let [_, length @ ..] = head;
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            let length = length.saturating_sub(4).min(LONGEST_ANSWER);
            let mut body = vec![0; length];
            stream.read_exact(&mut body).map_err(failed)?;
            Err(refusal(&body))
        }
        _ => Err("the answer is not PostgreSQL's".to_owned()),
    }
}

fn start_up() -> Vec<u8> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for word in ["user", ACCOUNT, "database", ACCOUNT, "application_name", "qclock-init"] {
        body.extend(word.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &body].concat()
}

/// What an ErrorResponse says: fields of a letter and a text, `M` the message and `C` its code.
fn refusal(body: &[u8]) -> String {
    let field = |wanted: u8| {
        let fields = body.split(|byte| *byte == 0);
        let found = fields
            .filter_map(|field| field.split_first())
            .find(|(kind, _)| **kind == wanted);
        found.map(|(_, text)| {
            let text = String::from_utf8_lossy(text);
            text.chars()
                .filter(|letter| !letter.is_control())
                .take(200)
                .collect::<String>()
        })
    };
    let message = field(b'M').unwrap_or_else(|| "no reason given".to_owned());
    match field(b'C') {
        Some(code) => format!("{message} ({code})"),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Mutex;

    use super::super::settings::tests::read;
    use super::*;

    fn database(port: u16) -> Database {
        let port = port.to_string();
        let variables = [
            ("QCLOCK_IDENTITY_DB_HOST", "127.0.0.1"),
            ("QCLOCK_IDENTITY_DB_PORT", &port),
        ];
        read(&variables).unwrap().database
    }

    /// A server that gives these answers, one to each connection.
    fn server(answers: Vec<Vec<u8>>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut length = [0; 4];
                stream.read_exact(&mut length).unwrap();
                let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
                stream.read_exact(&mut body).unwrap();
                assert_eq!(body[..4], PROTOCOL.to_be_bytes());
                stream.write_all(&answer).unwrap();
            }
        });
        port
    }

    fn error(fields: &str) -> Vec<u8> {
        let body = fields.replace('|', "\0");
        let length = u32::try_from(body.len() + 4).unwrap();
        [b"E", &length.to_be_bytes()[..], body.as_bytes()].concat()
    }

    #[test]
    fn a_server_that_is_starting_is_waited_for_and_named() {
        let starting = error("SFATAL|C57P03|Mthe database system is starting up||");
        let password = [&b"R"[..], &[0, 0, 0, 8, 0, 0, 0, 10]].concat();
        let database = database(server(vec![starting.clone(), starting, password]));
        let told = Mutex::new(Vec::new());
        wait(&database, Duration::from_secs(60), |action, message| {
            told.lock().unwrap().push(format!("{action}: {message}"));
        })
        .unwrap();
        let told = told.into_inner().unwrap();
        assert_eq!(told.len(), 2, "{told:?}");
        let end = ": the database system is starting up (57P03)";
        assert!(told[0].starts_with("waiting-for-database: waiting for the database at 127.0.0.1:"));
        assert!(told[0].ends_with(end), "{}", told[0]);
        assert!(told[1].starts_with("database-ready: "));
    }

    #[test]
    fn what_never_answers_is_given_up_within_the_bound() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = wait(&database(port), Duration::from_millis(600), |_, _| {}).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("did not answer within 0 s: cannot connect: "),
            "{error}"
        );
    }

    #[test]
    fn other_servers_and_damaged_answers_are_no_answers() {
        for (answer, expected) in [
            (
                b"HTTP/1.1 400 Bad Request\r\n".to_vec(),
                "the answer is not PostgreSQL's",
            ),
            (b"E".to_vec(), "no answer: failed to fill whole buffer"),
            (error(""), "no reason given"),
            (b"E\xff\xff\xff\xff".to_vec(), "no answer: failed to fill whole buffer"),
        ] {
            let mut stream = Conversation {
                answer: io::Cursor::new(answer),
            };
            assert_eq!(exchange(&mut stream).unwrap_err(), expected);
        }
    }

    struct Conversation {
        answer: io::Cursor<Vec<u8>>,
    }

    impl Read for Conversation {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.answer.read(buffer)
        }
    }

    impl Write for Conversation {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
