//! One FastCGI request, of whose answer only the status matters (FastCGI Specification 1.0, §3 to §6).

use std::io::{self, Read, Write};

const VERSION: u8 = 1;
const BEGIN_REQUEST: u8 = 1;
const END_REQUEST: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;
const RESPONDER: u8 = 1;
const REQUEST: u8 = 1;
/// A ping's answer has about 200 bytes.
const LONGEST_ANSWER: usize = 64 << 10;

/// The status, three digits.
pub fn get(stream: &mut (impl Read + Write), path: &str) -> io::Result<String> {
    stream.write_all(&request(path)?)?;
    let mut output = Vec::new();
    let mut read = 0;
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header)?;
        let [version, kind, _, _, length_high, length_low, padding, _] = header;
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        read += length;
        if version != VERSION || read > LONGEST_ANSWER {
            return Err(invalid("the answer is not FastCGI"));
        }
        let mut content = vec![0; length + usize::from(padding)];
        stream.read_exact(&mut content)?;
        content.truncate(length);
        match kind {
            STDOUT => output.extend_from_slice(&content),
            STDERR => {}
            END_REQUEST if content.get(4) == Some(&0) => return Ok(status(&output)),
            END_REQUEST => return Err(invalid("the request was not served")),
            _ => return Err(invalid("the answer has a record of an unknown kind")),
        }
    }
}

fn request(path: &str) -> io::Result<Vec<u8>> {
    let mut parameters = Vec::new();
    for (name, value) in [
        ("SCRIPT_NAME", path),
        ("SCRIPT_FILENAME", path),
        ("REQUEST_URI", path),
        ("REQUEST_METHOD", "GET"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("QUERY_STRING", ""),
    ] {
        // Lengths above 127 would need four bytes.
        for text in [name, value] {
            let length = u8::try_from(text.len()).ok().filter(|length| *length < 128);
            parameters.push(length.ok_or_else(|| invalid("the path is longer than 127 characters"))?);
        }
        parameters.extend_from_slice(name.as_bytes());
        parameters.extend_from_slice(value.as_bytes());
    }
    let mut request = Vec::new();
    record(&mut request, BEGIN_REQUEST, &[0, RESPONDER, 0, 0, 0, 0, 0, 0])?;
    record(&mut request, PARAMS, &parameters)?;
    record(&mut request, PARAMS, &[])?;
    record(&mut request, STDIN, &[])?;
    Ok(request)
}

fn record(to: &mut Vec<u8>, kind: u8, content: &[u8]) -> io::Result<()> {
    let [high, low] = u16::try_from(content.len())
        .map_err(|_| invalid("the record is too long"))?
        .to_be_bytes();
    to.extend_from_slice(&[VERSION, kind, 0, REQUEST, high, low, 0, 0]);
    to.extend_from_slice(content);
    Ok(())
}

/// Of a CGI response: 200 unless a `Status` field says otherwise (RFC 3875 §6.3.3).
fn status(output: &[u8]) -> String {
    for line in output.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        if line.get(..7).is_some_and(|name| name.eq_ignore_ascii_case(b"status:")) {
            return String::from_utf8_lossy(&line[7..]).trim().chars().take(3).collect();
        }
    }
    "200".to_owned()
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a prepared answer and swallows what is written.
    struct Prepared(io::Cursor<Vec<u8>>);

    impl Read for Prepared {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0.read(into)
        }
    }

    impl Write for Prepared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn answer(records: &[(u8, &[u8])]) -> io::Result<String> {
        let mut bytes = Vec::new();
        for (kind, content) in records {
            record(&mut bytes, *kind, content)?;
        }
        get(&mut Prepared(io::Cursor::new(bytes)), "/fpm-ping")
    }

    #[test]
    fn the_status_is_200_unless_the_answer_says_otherwise() {
        let pong = b"Content-type: text/plain\r\n\r\npong";
        assert_eq!(
            answer(&[(STDOUT, pong), (STDOUT, b""), (END_REQUEST, &[0; 8])])
                .ok()
                .as_deref(),
            Some("200")
        );
        let lost = b"Status: 404 Not Found\r\n\r\nFile not found.";
        assert_eq!(
            answer(&[(STDERR, b"x"), (STDOUT, lost), (END_REQUEST, &[0; 8])])
                .ok()
                .as_deref(),
            Some("404")
        );
    }

    #[test]
    fn an_answer_that_stops_or_refuses_or_never_ends_is_an_error() {
        assert!(answer(&[(STDOUT, b"pong")]).is_err());
        assert!(answer(&[(END_REQUEST, &[0, 0, 0, 0, 2, 0, 0, 0])]).is_err());
        assert!(answer(&[(99, b"")]).is_err());
        let many: Vec<(u8, &[u8])> = vec![(STDOUT, &[b'x'; 1000]); 100];
        assert!(answer(&many).is_err());
    }
}
