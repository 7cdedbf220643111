//! Records to bytes and back (FastCGI 1.0 §3.3, §3.4, §5.5), and the CGI answer inside them (RFC 3875 §6).

use thiserror::Error;

const VERSION: u8 = 1;
const HEADER: usize = 8;
const REQUEST_ID: u16 = 1;
const BEGIN_REQUEST: u8 = 1;
const END_REQUEST: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;
/// A record's content has a 16-bit length.
const LONGEST_CONTENT: usize = 0xffff;
/// The most header lines that an answer may have.
const MOST_HEADERS: usize = 100;

/// What bounds an answer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of standard output, headers included.
    pub stdout_bytes: usize,
    /// The most bytes of standard error that are kept; what is more is dropped.
    pub stderr_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            stdout_bytes: 1 << 20,
            stderr_bytes: 8 << 10,
        }
    }
}

/// The application's answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// The HTTP status: from the `Status` header, else 200.
    pub status: u16,
    /// The headers in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// What follows the headers.
    pub body: Vec<u8>,
    /// What the application wrote to its error stream.
    pub stderr: Vec<u8>,
    /// The application's exit status (`appStatus`).
    pub application_status: u32,
}

/// Why bytes are not an answer, or a request cannot be sent.
#[derive(Debug, Eq, Error, PartialEq)]
pub enum CodecError {
    /// The answer ended too early.
    #[error("the answer breaks off")]
    Truncated,
    /// Another protocol, or another version of it.
    #[error("record of version {0}, wanted {VERSION}")]
    Version(u8),
    /// A record for a request that was not made.
    #[error("record for request {0}, wanted {REQUEST_ID}")]
    RequestId(u16),
    /// A record that an application does not send.
    #[error("record of type {0} has no place in an answer")]
    Type(u8),
    /// The end record is too short.
    #[error("end record of {0} bytes, wanted 8")]
    EndLength(usize),
    /// The application refused: the protocol status is not `FCGI_REQUEST_COMPLETE`.
    #[error("the application refused the request (protocol status {0})")]
    Refused(u8),
    /// Too much.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// The CGI headers are not readable.
    #[error("the answer's headers are not readable")]
    Headers,
    /// A parameter is too long to be sent.
    #[error("the request's parameters are longer than {LONGEST_CONTENT} bytes")]
    Parameters,
}

/// Whether more bytes are needed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// The end record has not come yet.
    NeedMore,
    /// The answer is complete.
    Complete,
}

/// The bytes of a request in the responder role; the connection is closed after it.
pub fn encode_request(parameters: &[(&str, &str)], body: &[u8]) -> Result<Vec<u8>, CodecError> {
    let mut pairs = Vec::new();
    for (name, value) in parameters {
        push_length(&mut pairs, name.len())?;
        push_length(&mut pairs, value.len())?;
        pairs.extend_from_slice(name.as_bytes());
        pairs.extend_from_slice(value.as_bytes());
    }
    if pairs.len() > LONGEST_CONTENT {
        return Err(CodecError::Parameters);
    }
    let mut bytes = Vec::with_capacity(pairs.len() + body.len() + 8 * HEADER);
    push_record(&mut bytes, BEGIN_REQUEST, &[0, 1, 0, 0, 0, 0, 0, 0]);
    if !pairs.is_empty() {
        push_record(&mut bytes, PARAMS, &pairs);
    }
    push_record(&mut bytes, PARAMS, &[]);
    for chunk in body.chunks(LONGEST_CONTENT) {
        push_record(&mut bytes, STDIN, chunk);
    }
    push_record(&mut bytes, STDIN, &[]);
    Ok(bytes)
}

fn push_length(bytes: &mut Vec<u8>, length: usize) -> Result<(), CodecError> {
    if let Ok(short @ 0..128) = u8::try_from(length) {
        bytes.push(short);
        return Ok(());
    }
    let long = u16::try_from(length).map_err(|_| CodecError::Parameters)?;
    bytes.extend_from_slice(&(u32::from(long) | 0x8000_0000).to_be_bytes());
    Ok(())
}

fn push_record(bytes: &mut Vec<u8>, kind: u8, content: &[u8]) {
    let length = u16::try_from(content.len()).expect("callers cut content to 16 bits of length");
    let [id_high, id_low] = REQUEST_ID.to_be_bytes();
    let [high, low] = length.to_be_bytes();
    bytes.extend_from_slice(&[VERSION, kind, id_high, id_low, high, low, 0, 0]);
    bytes.extend_from_slice(content);
}

/// Reads a complete answer.  This is the entry for fuzzing.
pub fn parse_response(bytes: &[u8], limits: Limits) -> Result<Response, CodecError> {
    let mut assembler = Assembler::new(limits);
    match assembler.feed(bytes)? {
        Progress::Complete => assembler.finish(),
        Progress::NeedMore => Err(CodecError::Truncated),
    }
}

/// Puts an answer together from bytes that arrive in any portions.
#[derive(Debug)]
pub struct Assembler {
    limits: Limits,
    pending: Vec<u8>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    end: Option<u32>,
}

impl Assembler {
    /// Nothing received yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            pending: Vec::new(),
            stdout: Vec::new(),
            stderr: Vec::new(),
            end: None,
        }
    }

    /// Takes the next bytes; what follows the end record is ignored.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Progress, CodecError> {
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while self.end.is_none() {
            let Some((record, after)) = split_record(rest)? else {
                break;
            };
            self.take(record)?;
            rest = after;
        }
        if self.end.is_some() {
            return Ok(Progress::Complete);
        }
        self.pending = rest.to_vec();
        Ok(Progress::NeedMore)
    }

    fn take(&mut self, Record { kind, content }: Record<'_>) -> Result<(), CodecError> {
        match kind {
            STDOUT if self.stdout.len() + content.len() > self.limits.stdout_bytes => {
                return Err(CodecError::TooLong(self.limits.stdout_bytes));
            }
            STDOUT => self.stdout.extend_from_slice(content),
            STDERR => {
                let room = self.limits.stderr_bytes.saturating_sub(self.stderr.len());
                self.stderr.extend_from_slice(&content[..content.len().min(room)]);
            }
            END_REQUEST => {
                let end: [u8; 8] = content.try_into().map_err(|_| CodecError::EndLength(content.len()))?;
                let [a, b, c, d, protocol_status, ..] = end;
                if protocol_status != 0 {
                    return Err(CodecError::Refused(protocol_status));
                }
                self.end = Some(u32::from_be_bytes([a, b, c, d]));
            }
            other => return Err(CodecError::Type(other)),
        }
        Ok(())
    }

    /// The answer, once it is complete.
    pub fn finish(self) -> Result<Response, CodecError> {
        let application_status = self.end.ok_or(CodecError::Truncated)?;
        let (status, headers, body) = split_cgi(&self.stdout)?;
        Ok(Response {
            status,
            headers,
            body: body.to_vec(),
            stderr: self.stderr,
            application_status,
        })
    }
}

struct Record<'a> {
    kind: u8,
    content: &'a [u8],
}

/// The first record of `bytes` and what follows it, or nothing when it is not all there.
fn split_record(bytes: &[u8]) -> Result<Option<(Record<'_>, &[u8])>, CodecError> {
    let Some((&[version, kind, id_high, id_low, high, low, padding, _], rest)) = bytes.split_first_chunk::<HEADER>()
    else {
        return Ok(None);
    };
    if version != VERSION {
        return Err(CodecError::Version(version));
    }
    let request_id = u16::from_be_bytes([id_high, id_low]);
    if request_id != REQUEST_ID {
        return Err(CodecError::RequestId(request_id));
    }
    let content_length = usize::from(u16::from_be_bytes([high, low]));
    let Some((content, rest)) = rest.split_at_checked(content_length) else {
        return Ok(None);
    };
    let Some((_, rest)) = rest.split_at_checked(usize::from(padding)) else {
        return Ok(None);
    };
    Ok(Some((Record { kind, content }, rest)))
}

type Cgi<'a> = (u16, Vec<(String, String)>, &'a [u8]);

fn split_cgi(stdout: &[u8]) -> Result<Cgi<'_>, CodecError> {
    let mut headers = Vec::new();
    let mut rest = stdout;
    loop {
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or(CodecError::Headers)?;
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        let line = std::str::from_utf8(line).map_err(|_| CodecError::Headers)?;
        let (name, value) = line.split_once(':').ok_or(CodecError::Headers)?;
        if headers.len() == MOST_HEADERS {
            return Err(CodecError::Headers);
        }
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let status = match headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("status")) {
        None => 200,
        Some((_, value)) => {
            let code = value
                .split(' ')
                .next()
                .and_then(|code| code.parse().ok())
                .ok_or(CodecError::Headers)?;
            if !(100..1000).contains(&code) {
                return Err(CodecError::Headers);
            }
            code
        }
    };
    Ok((status, headers, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(kind: u8, content: &[u8], padding: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        push_record(&mut bytes, kind, content);
        bytes[6] = padding;
        bytes.extend(std::iter::repeat_n(0, padding.into()));
        bytes
    }

    fn answer(stdout: &[u8]) -> Vec<u8> {
        [
            record(STDOUT, stdout, 3),
            record(STDERR, b"PHP message: x", 0),
            record(STDOUT, b"", 0),
            record(END_REQUEST, &[0; 8], 0),
        ]
        .concat()
    }

    #[test]
    fn a_request_has_the_bytes_of_the_specification() {
        let bytes = encode_request(&[("A", "bc")], b"").unwrap();
        let expected: &[u8] = &[
            1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, // begin, responder, close
            1, 4, 0, 1, 0, 5, 0, 0, 1, 2, b'A', b'b', b'c', // one parameter
            1, 4, 0, 1, 0, 0, 0, 0, // end of parameters
            1, 5, 0, 1, 0, 0, 0, 0, // end of body
        ];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn long_values_take_four_bytes_of_length_and_too_long_ones_are_refused() {
        let long = "x".repeat(128);
        let bytes = encode_request(&[("A", &long)], b"").unwrap();
        assert_eq!(&bytes[24..29], [1, 0x80, 0, 0, 128]);
        let longer = "x".repeat(LONGEST_CONTENT + 1);
        assert_eq!(encode_request(&[("A", &longer)], b""), Err(CodecError::Parameters));
        assert_eq!(encode_request(&[("A", &longer[2..])], b""), Err(CodecError::Parameters));
    }

    #[test]
    fn an_answer_is_read_in_any_portions() {
        let bytes = answer(b"Status: 404 Not Found\r\nContent-type: text/plain\r\n\r\nFile not found.");
        let whole = parse_response(&bytes, Limits::default()).unwrap();
        assert_eq!(
            (whole.status, whole.body.as_slice(), whole.stderr.as_slice()),
            (404, b"File not found.".as_slice(), b"PHP message: x".as_slice())
        );
        let mut assembler = Assembler::new(Limits::default());
        for byte in &bytes {
            assembler.feed(&[*byte]).unwrap();
        }
        assert_eq!(assembler.finish().unwrap(), whole);
    }

    #[test]
    fn bounds_and_malformed_records_are_named() {
        let small = Limits {
            stdout_bytes: 4,
            stderr_bytes: 3,
        };
        assert_eq!(parse_response(&answer(b"A: b\n\n"), small), Err(CodecError::TooLong(4)));
        assert_eq!(parse_response(&answer(b"\n"), small).unwrap().stderr, b"PHP");
        assert_eq!(
            parse_response(b"HTTP/1.1 200", Limits::default()),
            Err(CodecError::Version(b'H'))
        );
        assert_eq!(
            parse_response(&[1, 6, 0, 2, 0, 0, 0, 0], small),
            Err(CodecError::RequestId(2))
        );
        assert_eq!(parse_response(&record(1, b"", 0), small), Err(CodecError::Type(1)));
        assert_eq!(
            parse_response(&record(END_REQUEST, b"", 0), small),
            Err(CodecError::EndLength(0))
        );
        assert_eq!(
            parse_response(&record(END_REQUEST, &[0, 0, 0, 0, 2, 0, 0, 0], 0), small),
            Err(CodecError::Refused(2))
        );
        assert_eq!(
            parse_response(&answer(b"no header"), Limits::default()),
            Err(CodecError::Headers)
        );
        assert_eq!(
            parse_response(&answer(b"Status: 1\n\n"), Limits::default()),
            Err(CodecError::Headers)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_response(&bytes, Limits { stdout_bytes: 100, stderr_bytes: 10 });
        }

        #[test]
        fn a_damaged_answer_is_an_error_or_an_answer(index in 0usize..60, value: u8, body in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut bytes = answer(&[b"A: b\n\n".as_slice(), &body].concat());
            let length = bytes.len();
            bytes[index % length] = value;
            let _ = parse_response(&bytes, Limits::default());
        }

        #[test]
        fn a_truncated_answer_is_truncated(body in prop::collection::vec(any::<u8>(), 0..40), cut in 1usize..16) {
            let bytes = answer(&[b"A: b\n\n".as_slice(), &body].concat());
            let result = parse_response(&bytes[..bytes.len() - cut], Limits::default());
            prop_assert_eq!(result, Err(CodecError::Truncated));
        }

        #[test]
        fn what_is_sent_comes_back(body in prop::collection::vec(any::<u8>(), 0..2000)) {
            let response = parse_response(&answer(&[b"\n".as_slice(), &body].concat()), Limits::default()).unwrap();
            prop_assert_eq!(response.body, body);
        }
    }
}
