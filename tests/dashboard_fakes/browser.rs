//! What stands in for a browser: one request, one answer, or a stream of events.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    request(address, "GET", path, &[]).await
}

pub(crate) async fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    timeout(PATIENCE, exchange(address, method, path, headers))
        .await
        .expect("an answer in time")
}

/// Sends a form.
pub(crate) async fn post(address: SocketAddr, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
    let length = form.len().to_string();
    let own = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Length", length.as_str()),
    ];
    let question = question("POST", path, &[headers, &own].concat(), "close") + form;
    timeout(PATIENCE, send(address, &question))
        .await
        .expect("an answer in time")
}

async fn exchange(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    send(address, &question(method, path, headers, "close")).await
}

async fn send(address: SocketAddr, question: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    Answer {
        status,
        headers: headers.collect(),
        body: body.to_owned(),
    }
}

fn question(method: &str, path: &str, headers: &[(&str, &str)], connection: &str) -> String {
    let lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let more = lines.concat();
    format!("{method} {path} HTTP/1.1\r\nHost: dashboard\r\nConnection: {connection}\r\n{more}\r\n")
}

/// An open event stream.
#[derive(Debug)]
pub(crate) struct Events {
    lines: tokio::io::Lines<BufReader<TcpStream>>,
    pub(crate) status: String,
}

impl Events {
    pub(crate) async fn open(address: SocketAddr, path: &str) -> Self {
        Self::open_with(address, path, &[]).await
    }

    /// With headers, as if a proxy had passed it on.
    pub(crate) async fn open_with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(question("GET", path, headers, "keep-alive").as_bytes())
            .await
            .unwrap();
        let mut lines = BufReader::new(stream).lines();
        let status = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        Self { lines, status }
    }

    /// The next event's kind and data; nothing when the stream ends.
    pub(crate) async fn next(&mut self) -> Option<(String, serde_json::Value)> {
        let mut kind = String::new();
        loop {
            let line = timeout(PATIENCE, self.lines.next_line())
                .await
                .expect("an event in time")
                .ok()??;
            // The last chunk: the answer is over, though the connection may go on.
            if line == "0" {
                return None;
            }
            if let Some(event) = line.strip_prefix("event: ") {
                event.clone_into(&mut kind);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((kind, serde_json::from_str(data).unwrap()));
            }
        }
    }
}
