//! Just enough of the MySQL client protocol for a login over a Unix socket and for statements whose results nobody reads.
//!
//! Statements are bytes, not text: a dump holds whatever the tables held.  Nothing is kept of what the server sends but its
//! errors, and every length is checked against what is there.

mod authentication;
mod packet;

use std::io::{Read, Write};

use thiserror::Error;

use authentication::{Plugin, parse_greeting};
use packet::{LONGEST_PACKET, Packet, read_packet, write_packet};

const PROTOCOL_41: u32 = 1 << 9;
const TRANSACTIONS: u32 = 1 << 13;
const SECURE_CONNECTION: u32 = 1 << 15;
const MULTI_RESULTS: u32 = 1 << 17;
const PLUGIN_AUTH: u32 = 1 << 19;
const LONG_PASSWORD: u32 = 1;
const CAPABILITIES: u32 = LONG_PASSWORD | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | MULTI_RESULTS | PLUGIN_AUTH;
/// utf8mb4_general_ci
const CHARACTER_SET: u8 = 45;
const MORE_RESULTS: u16 = 8;
const QUIT: u8 = 1;
const QUERY: u8 = 3;
const OK: u8 = 0;
const MORE_DATA: u8 = 1;
const END_OF_FILE: u8 = 0xfe;
const ERROR: u8 = 0xff;
const LOCAL_INFILE: u8 = 0xfb;
/// More columns than any result has (the server's own limit is 4096).
const MOST_COLUMNS: u64 = 1 << 16;

#[derive(Debug, Error)]
pub enum ProtocolError {
    #[error("the connection broke")]
    Broken(#[source] std::io::Error),
    #[error("the server answered {code} ({state}): {message}")]
    Refused { code: u16, state: String, message: String },
    #[error("the server's {0} is not understood")]
    Unknown(&'static str),
    #[error("the server asks for the authentication `{0}`")]
    Authentication(String),
    #[error("the statement asks for a file of the client, which is not given")]
    LocalFile,
    #[error("the statement is longer than {} bytes", LONGEST_PACKET - 1)]
    TooLong,
}

#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
}

impl<S: Read + Write> Connection<S> {
    /// An empty password also serves accounts that are recognised by the socket.
    pub fn login(mut stream: S, user: &str, password: &[u8]) -> Result<Self, ProtocolError> {
        let greeting = read_packet(&mut stream, &mut 0)?;
        let salt = parse_greeting(&greeting)?;
        let mut plugin = Plugin::Native;
        let mut answer = Vec::new();
        answer.extend_from_slice(&CAPABILITIES.to_le_bytes());
        answer.extend_from_slice(&u32::try_from(LONGEST_PACKET).unwrap_or(u32::MAX).to_le_bytes());
        answer.push(CHARACTER_SET);
        answer.extend_from_slice(&[0; 23]);
        answer.extend_from_slice(user.as_bytes());
        answer.push(0);
        let scrambled = plugin.scramble(password, &salt);
        answer.push(u8::try_from(scrambled.len()).unwrap_or(0));
        answer.extend_from_slice(&scrambled);
        answer.extend_from_slice(plugin.name().as_bytes());
        answer.push(0);
        let mut sequence = 1;
        write_packet(&mut stream, &mut sequence, &answer)?;
        loop {
            let packet = read_packet(&mut stream, &mut sequence)?;
            match packet.as_slice() {
                [OK, ..] => return Ok(Self { stream }),
                [ERROR, ..] => return Err(refusal(&packet)),
                [END_OF_FILE, rest @ ..] => {
                    let mut parts = rest.splitn(2, |byte| *byte == 0);
                    plugin = Plugin::named(parts.next().unwrap_or_default())?;
                    let salt = parts.next().unwrap_or_default();
                    let answer = plugin.scramble(password, salt.strip_suffix(&[0]).unwrap_or(salt));
                    write_packet(&mut stream, &mut sequence, &answer)?;
                }
                [MORE_DATA, rest @ ..] => {
                    if let Some(answer) = plugin.go_on(rest, password)? {
                        write_packet(&mut stream, &mut sequence, &answer)?;
                    }
                }
                _ => return Err(ProtocolError::Unknown("answer to the login")),
            }
        }
    }

    /// Says good-bye: the server logs a connection that just breaks as aborted.
    pub fn quit(mut self) {
        // Gone already is as good.
        let _ = write_packet(&mut self.stream, &mut 0, &[QUIT]);
    }

    /// Runs one statement to the end of its last result.
    pub fn run(&mut self, statement: &[u8]) -> Result<(), ProtocolError> {
        if statement.len() >= LONGEST_PACKET {
            return Err(ProtocolError::TooLong);
        }
        let mut sequence = 0;
        write_packet(&mut self.stream, &mut sequence, &[&[QUERY], statement].concat())?;
        while self.read_result(&mut sequence)? {}
        Ok(())
    }

    /// True: another result follows.
    fn read_result(&mut self, sequence: &mut u8) -> Result<bool, ProtocolError> {
        let packet = read_packet(&mut self.stream, sequence)?;
        match packet.first() {
            Some(&OK) => {
                let mut rest = Packet::new(&packet[1..]);
                rest.integer()?;
                rest.integer()?;
                return Ok(rest.short()? & MORE_RESULTS != 0);
            }
            Some(&ERROR) => return Err(refusal(&packet)),
            Some(&LOCAL_INFILE) => {
                // The empty packet says that there is no file; the server answers with its own error or an OK.
                write_packet(&mut self.stream, sequence, &[])?;
                read_packet(&mut self.stream, sequence)?;
                return Err(ProtocolError::LocalFile);
            }
            _ => {}
        }
        let columns = Packet::new(&packet).integer()?;
        if columns > MOST_COLUMNS {
            return Err(ProtocolError::Unknown("number of columns"));
        }
        for _ in 0..columns {
            read_packet(&mut self.stream, sequence)?;
        }
        // The end of the columns, then rows until the end of the rows.
        let mut ends = 0;
        loop {
            let packet = read_packet(&mut self.stream, sequence)?;
            match packet.first() {
                Some(&END_OF_FILE) if packet.len() < 9 => {
                    ends += 1;
                    if ends == 2 {
                        let mut rest = Packet::new(&packet[1..]);
                        rest.short()?;
                        return Ok(rest.short()? & MORE_RESULTS != 0);
                    }
                }
                Some(&ERROR) => return Err(refusal(&packet)),
                _ => {}
            }
        }
    }
}

fn refusal(packet: &[u8]) -> ProtocolError {
    let code = u16::from_le_bytes([packet.get(1).copied().unwrap_or(0), packet.get(2).copied().unwrap_or(0)]);
    let rest = packet.get(3..).unwrap_or_default();
    let (state, message) = match rest {
        [b'#', rest @ ..] if rest.len() >= 5 => rest.split_at(5),
        _ => (b"HY000".as_slice(), rest),
    };
    ProtocolError::Refused {
        code,
        state: String::from_utf8_lossy(state).into_owned(),
        message: String::from_utf8_lossy(message).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads what a server is supposed to have sent and swallows what is written.
    struct Sent<'a>(&'a [u8]);

    impl Read for Sent<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(into)
        }
    }

    impl Write for Sent<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn whatever_a_server_sends_ends_in_an_answer_or_an_error(
            packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
            greeted in any::<bool>(),
        ) {
            let mut bytes = Vec::new();
            if greeted {
                let greeting = [&[10][..], b"10.11\0", &[1, 0, 0, 0], b"saltsalt", &[0; 19], b"saltsaltsalt\0"].concat();
                let _ = write_packet(&mut bytes, &mut 0, &greeting);
            }
            for (number, packet) in packets.iter().enumerate() {
                let mut sequence = u8::try_from(number).unwrap_or(0);
                let _ = write_packet(&mut bytes, &mut sequence, packet);
            }
            if let Ok(mut connection) = Connection::login(Sent(&bytes), "x", b"y") {
                let _ = connection.run(b"SELECT 1");
            }
        }
    }
}
