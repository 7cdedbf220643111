//! A database that speaks enough of its protocol for a visit, and can be frozen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const COM_QUERY: u8 = 3;

/// The fake.  While it is frozen it accepts connections, as the kernel does for a paused process, and says nothing.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) address: SocketAddr,
    frozen: Arc<AtomicBool>,
    _server: JoinSet<()>,
}

impl Database {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let frozen = Arc::new(AtomicBool::new(false));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&frozen)));
        Self {
            address,
            frozen,
            _server: server,
        }
    }

    pub(crate) fn freeze(&self, frozen: bool) {
        self.frozen.store(frozen, Ordering::SeqCst);
    }
}

async fn serve(listener: TcpListener, frozen: Arc<AtomicBool>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let frozen = Arc::clone(&frozen);
        connections.spawn(async move {
            // Only whoever hangs up ends this.
            let _ = converse(stream, &frozen).await;
        });
    }
}

async fn converse(mut stream: TcpStream, frozen: &AtomicBool) -> std::io::Result<()> {
    if frozen.load(Ordering::SeqCst) {
        let mut heard = [0; 64];
        while stream.read(&mut heard).await? > 0 {}
        return Ok(());
    }
    stream.write_all(&packet(0, &greeting())).await?;
    let (sequence, _) = read_packet(&mut stream).await?;
    stream.write_all(&packet(sequence + 1, &[0, 0, 0, 2, 0, 0, 0])).await?;
    loop {
        let (_, command) = read_packet(&mut stream).await?;
        if command.first() != Some(&COM_QUERY) {
            return Ok(());
        }
        let query = String::from_utf8_lossy(&command[1..]).into_owned();
        let answer = if query.starts_with("SELECT VERSION()") {
            rows(4, &[&["10.11.6-MariaDB-0+deb12u1", "Debian 12", "151", "0"]])
        } else {
            rows(
                2,
                &[
                    &["Threads_connected", "3"],
                    &["Uptime", "86400"],
                    &["Slow_queries", "0"],
                ],
            )
        };
        stream.write_all(&answer).await?;
    }
}

async fn read_packet(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let mut payload = vec![0; usize::from(u16::from_le_bytes([head[0], head[1]]))];
    stream.read_exact(&mut payload).await?;
    Ok((head[3], payload))
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_le_bytes();
    [&[length[0], length[1], 0, sequence], payload].concat()
}

/// Protocol 10; the capabilities leave out `CLIENT_DEPRECATE_EOF`.
fn greeting() -> Vec<u8> {
    let mut payload = b"\x0a10.11.6-MariaDB-0+deb12u1\0\x01\0\0\0abcdefgh\0".to_vec();
    payload.extend_from_slice(&[0xff, 0xf7, 0x2d, 0x02, 0, 0x3f, 0x00, 21]);
    payload.extend_from_slice(&[0; 10]);
    payload.extend_from_slice(b"ijklmnopqrst\0mysql_native_password\0");
    payload
}

/// A text result: columns, end, rows, end.
fn rows(columns: u8, rows: &[&[&str]]) -> Vec<u8> {
    let mut sequence = 1;
    let mut bytes = Vec::new();
    let mut push = |payload: &[u8]| {
        bytes.extend(packet(sequence, payload));
        sequence += 1;
    };
    let end = [0xfe, 0, 0, 2, 0];
    push(&[columns]);
    for _ in 0..columns {
        // catalogue, schema, table, table, name, name; fixed part: utf8mb4, 255 long, VAR_STRING.
        push(b"\x03def\0\0\0\x01c\x01c\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0");
    }
    push(&end);
    for row in rows {
        let values = row
            .iter()
            .flat_map(|value| [&[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat());
        push(&values.collect::<Vec<u8>>());
    }
    push(&end);
    bytes
}
