//! The HTTP client against servers that behave, and servers that do not.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::time::Duration;

use qclock_probe::endpoint::Endpoint;
use qclock_probe::http::{Answer, HttpError, Limits, Stage, fetch};
use qclock_probe::resolve::Resolver;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

const LIMITS: Limits = Limits {
    deadline: Duration::from_millis(400),
    body_bytes: 100,
};

/// A server that answers each connection with these bytes, then closes it or holds it open.
async fn serve(answer: &'static [u8], hold: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut question = [0; 1024];
                let _ = stream.read(&mut question).await;
                let _ = stream.write_all(answer).await;
                if hold {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    address
}

async fn ask(address: SocketAddr) -> Result<Answer, HttpError> {
    let endpoint = Endpoint {
        host: address.ip().to_string(),
        port: address.port(),
    };
    fetch(&Resolver::default(), &endpoint, "/server-status?auto", LIMITS).await
}

#[tokio::test]
async fn an_answer_is_returned_whatever_its_status() {
    let address = serve(
        b"HTTP/1.1 503 Busy\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy",
        true,
    )
    .await;
    let answer = ask(address).await.unwrap();
    assert_eq!(
        (answer.status, answer.content_type.as_deref(), &*answer.body),
        (503, Some("text/plain"), b"busy".as_slice())
    );
}

#[tokio::test]
async fn an_answer_that_ends_with_the_connection_is_complete() {
    let address = serve(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", false).await;
    assert_eq!(&*ask(address).await.unwrap().body, b"hello");
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let begun = Instant::now();
    for (answer, expected) in [
        (b"".as_slice(), Stage::Answer),
        (b"HTTP/1.1 200 OK\r\n", Stage::Answer),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", Stage::Body),
    ] {
        let error = ask(serve(answer, true).await).await.unwrap_err();
        assert!(
            matches!(error, HttpError::Deadline { stage, .. } if stage == expected),
            "{error}"
        );
    }
    assert!(begun.elapsed() < LIMITS.deadline * 3 + Duration::from_secs(1));
}

#[tokio::test]
async fn long_and_foreign_answers_are_refused() {
    let long = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n\
        40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n";
    assert!(matches!(
        ask(serve(long, true).await).await.unwrap_err(),
        HttpError::TooLong { limit: 100, .. }
    ));
    for answer in [
        b"SSH-2.0-OpenSSH\r\n".as_slice(),
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
    ] {
        let error = ask(serve(answer, false).await).await.unwrap_err();
        assert!(matches!(error, HttpError::Protocol { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_closed_port_is_refused_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(matches!(ask(address).await.unwrap_err(), HttpError::Connect { .. }));
}
