//! A file server that misbehaves on demand: it stalls, lies about lengths, breaks off, flips bytes, never ends.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

/// What goes wrong with a file.
#[derive(Debug, Clone)]
pub enum Fault {
    /// No answer at all; the connection stays open.
    Silent,
    /// The headers and this many bytes, then nothing; the connection stays open.
    Stall(usize),
    /// This many bytes, then the connection is closed.
    BreakOff(usize),
    /// The announced length and what is sent are this much longer than the file.
    Longer(usize),
    /// The announced length is right for what is sent, which is only this much of the file.
    Shorter(usize),
    /// The announced length, and then one byte in each interval.
    Drip(Duration),
    /// No length, and bytes without end.
    Endless,
    /// The byte at this position is another.
    Flip(usize),
    /// This status instead of the file.
    Status(u16),
    /// A redirection to this path.
    Redirect(String),
}

/// One request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub path: String,
    /// The value of `Range`.
    pub range: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// Path → faults; the last stays when the others are used up, unless it is meant to happen once.
    faults: BTreeMap<String, Vec<(Fault, bool)>>,
    asked: Vec<Asked>,
}

/// Serves on a free port of this machine until the process ends.
#[derive(Debug, Clone)]
pub struct Server {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away is no matter.
                std::thread::spawn(move || drop(serve(&stream, &state)));
            }
        });
        Ok(Self { address, state })
    }

    /// `http://127.0.0.1:…`, without a slash at the end.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Replaces all files; faults stay.
    pub fn set_files(&self, files: BTreeMap<String, Vec<u8>>) {
        self.with(|state| state.files = files);
    }

    pub fn remove(&self, path: &str) {
        self.with(|state| state.files.remove(path));
    }

    /// From now on.
    pub fn fail(&self, path: &str, fault: Fault) {
        self.with(|state| state.faults.insert(path.to_owned(), vec![(fault, false)]));
    }

    /// At the next request only.
    pub fn fail_once(&self, path: &str, fault: Fault) {
        self.with(|state| {
            let faults = state.faults.entry(path.to_owned()).or_default();
            faults.insert(0, (fault, true));
        });
    }

    pub fn mend(&self) {
        self.with(|state| state.faults.clear());
    }

    /// Requests since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        self.with(|state| std::mem::take(&mut state.asked))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut range = None;
        let mut if_range = None;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim_end().split_once(':') else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "range" => range = Some(value.trim().to_owned()),
                "if-range" => if_range = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        let (file, fault) = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.asked.push(Asked {
                path: path.clone(),
                range: range.clone(),
            });
            (state.files.get(&path).cloned(), next_fault(&mut state, &path))
        };
        let Some(file) = file else {
            let mut output = stream;
            write!(output, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        let tag = tag(&file);
        let start = range
            .filter(|_| if_range.as_ref() == Some(&tag))
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
            .filter(|start| *start < file.len());
        if !answer(stream, &file, &tag, start, fault.as_ref())? {
            return Ok(());
        }
    }
}

fn next_fault(state: &mut State, path: &str) -> Option<Fault> {
    let faults = state.faults.get_mut(path)?;
    let (fault, once) = faults.first()?.clone();
    if once {
        faults.remove(0);
    }
    Some(fault)
}

/// Whether the connection can go on.
fn answer(mut stream: &TcpStream, file: &[u8], tag: &str, start: Option<usize>, fault: Option<&Fault>) -> Result<bool> {
    let mut body = file[start.unwrap_or(0)..].to_vec();
    let mut announced = body.len();
    match fault {
        Some(Fault::Silent) => {
            wait_for_the_end(stream);
            return Ok(false);
        }
        Some(Fault::Status(status)) => {
            write!(stream, "HTTP/1.1 {status} Fault\r\nContent-Length: 0\r\n\r\n")?;
            return Ok(true);
        }
        Some(Fault::Redirect(to)) => {
            write!(
                stream,
                "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
            )?;
            return Ok(true);
        }
        Some(Fault::Endless) => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&body)?;
            }
        }
        Some(Fault::Stall(bytes) | Fault::BreakOff(bytes)) => body.truncate(*bytes),
        Some(Fault::Shorter(bytes)) => {
            body.truncate(*bytes);
            announced = body.len();
        }
        Some(Fault::Longer(bytes)) => {
            body.resize(body.len() + bytes, b'x');
            announced = body.len();
        }
        Some(Fault::Flip(position)) => {
            let position = position
                .saturating_sub(start.unwrap_or(0))
                .min(body.len().saturating_sub(1));
            body[position] ^= 1;
        }
        Some(Fault::Drip(_)) | None => {}
    }
    match start {
        Some(start) => write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{}\r\n",
            file.len() - 1,
            file.len()
        )?,
        None => write!(stream, "HTTP/1.1 200 OK\r\n")?,
    }
    write!(stream, "Content-Length: {announced}\r\nETag: {tag}\r\n\r\n")?;
    if let Some(Fault::Drip(interval)) = fault {
        drip(stream, &body, *interval)?;
        return Ok(false);
    }
    stream.write_all(&body)?;
    match fault {
        Some(Fault::Stall(_)) => {
            wait_for_the_end(stream);
            Ok(false)
        }
        Some(Fault::BreakOff(_)) => Ok(false),
        _ => Ok(true),
    }
}

/// Until the client closes the connection, or nothing is left.
fn drip(mut stream: &TcpStream, body: &[u8], interval: Duration) -> Result<()> {
    stream.set_read_timeout(Some(interval))?;
    for byte in body {
        stream.write_all(&[*byte])?;
        if stream.read(&mut [0; 64]).is_ok() {
            break;
        }
    }
    Ok(())
}

/// Until the client closes the connection.
fn wait_for_the_end(mut stream: &TcpStream) {
    let mut buffer = [0; 64];
    while stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
}

fn tag(file: &[u8]) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(file);
    format!(
        "\"{:02x}{:02x}{:02x}{:02x}\"",
        digest[0], digest[1], digest[2], digest[3]
    )
}
