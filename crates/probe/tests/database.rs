//! The database client against servers that refuse, fall silent, or send nonsense: it ends by its deadline and leaves no task behind.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::time::Duration;

use qclock_probe::database::{DatabaseAnswer, DatabaseError, DatabaseTarget, ask};
use qclock_probe::resolve::Resolver;
use qclock_probe::secret::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::time::Instant;

const DEADLINE: Duration = Duration::from_millis(400);

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let [low, middle, high, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&[low, middle, high, sequence], payload].concat()
}

/// A server's greeting, protocol 10, as MariaDB sends it.
fn greeting() -> Vec<u8> {
    let mut payload = b"\x0a10.11.6-MariaDB\0\x01\0\0\0abcdefgh\0".to_vec();
    payload.extend_from_slice(&[0xff, 0xf7, 0x2d, 0x02, 0, 0xbf, 0x81, 21]);
    payload.extend_from_slice(&[0; 10]);
    payload.extend_from_slice(b"ijklmnopqrst\0mysql_native_password\0");
    packet(0, &payload)
}

/// A server that plays these answers, one after each thing it hears (the first at once), then falls silent.
async fn serve(script: Vec<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(play(stream, script.clone()));
        }
    });
    address
}

async fn play(mut stream: TcpStream, script: Vec<Vec<u8>>) {
    let mut heard = [0; 4096];
    for (index, answer) in script.into_iter().enumerate() {
        if index > 0 && stream.read(&mut heard).await.unwrap_or(0) == 0 {
            return;
        }
        let _ = stream.write_all(&answer).await;
    }
    // Silent until the client hangs up.
    while stream.read(&mut heard).await.unwrap_or(0) > 0 {}
}

async fn visit(address: SocketAddr) -> Result<DatabaseAnswer, DatabaseError> {
    let target = DatabaseTarget {
        host: address.ip().to_string(),
        port: address.port(),
        user: "qclock_monitor".to_owned(),
        password: Secret::new("a password"),
    };
    ask(&Resolver::default(), &target, DEADLINE).await
}

fn ok(sequence: u8) -> Vec<u8> {
    packet(sequence, &[0, 0, 0, 2, 0, 0, 0])
}

#[tokio::test]
async fn silence_at_any_moment_ends_at_the_deadline_and_leaves_no_task() {
    for script in [vec![], vec![greeting()], vec![greeting(), ok(2)]] {
        let address = serve(script).await;
        let before = Handle::current().metrics().num_alive_tasks();
        let begun = Instant::now();
        for _ in 0..5 {
            let error = visit(address).await.unwrap_err();
            assert!(matches!(error, DatabaseError::Deadline { .. }), "{error}");
        }
        assert!(begun.elapsed() < DEADLINE * 5 + Duration::from_secs(2));
        let last = Instant::now() + Duration::from_secs(5);
        while Handle::current().metrics().num_alive_tasks() > before {
            assert!(Instant::now() < last, "tasks are left behind");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_refusal_is_told_from_an_outage() {
    let refused = [
        b"\xff\x15\x04#28000".as_slice(),
        b"Access denied for user 'qclock_monitor'@'10.0.0.3'",
    ]
    .concat();
    let error = visit(serve(vec![greeting(), packet(2, &refused)]).await)
        .await
        .unwrap_err();
    assert!(matches!(error, DatabaseError::Refused { code: 1045, .. }), "{error:?}");
    let full = b"\xff\x10\x04Too many connections";
    let error = visit(serve(vec![packet(0, full)]).await).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Full { code: 1040 }), "{error:?}");
}

#[tokio::test]
async fn a_closed_port_and_another_protocol_are_failures_of_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = visit(address).await.unwrap_err();
    assert!(matches!(error, DatabaseError::Connection { .. }), "{error:?}");
    let error = visit(serve(vec![b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()]).await)
        .await
        .unwrap_err();
    assert!(
        matches!(error, DatabaseError::Connection { .. } | DatabaseError::Deadline { .. }),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains("a password"));
}
