//! One HTTP request, of whose answer only the status matters (RFC 9112).

use std::io::{self, Read, Write};

/// A longer first line is no HTTP.
const LONGEST_STATUS_LINE: usize = 512;

/// The status, three digits.
pub(super) fn get(stream: &mut (impl Read + Write), authority: &str, path: &str) -> io::Result<String> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: qclock-init\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 512];
    while !answer.contains(&b'\n') && answer.len() < LONGEST_STATUS_LINE {
        match stream.read(&mut piece)? {
            0 => break,
            count => answer.extend_from_slice(&piece[..count]),
        }
    }
    let line = answer
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .next()
        .unwrap_or_default();
    let status = line
        .strip_prefix(b"HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .filter(|status| status.iter().all(u8::is_ascii_digit));
    let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))?;
    // The rest is read so that the server does not log a reset connection; it is not kept.
    let mut rest = 0;
    while rest < (1 << 20) {
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => rest += count,
            _ => break,
        }
    }
    Ok(String::from_utf8_lossy(status).into_owned())
}
