//! One HTTP/1.1 question, with one deadline for all of it and a bound on the answer.  No redirects, no cookies.

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::endpoint::Endpoint;
use crate::resolve::{ResolveError, Resolver};
use crate::tls::{Stream, Trust};

/// What bounds a question.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time for all of it: the name, the connection, the answer's last byte.
    pub deadline: Duration,
    /// The most bytes that the answer's body may have.
    pub body_bytes: usize,
}

/// What came back, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status code.
    pub status: u16,
    /// The media type, as sent.
    pub content_type: Option<String>,
    /// The whole body.
    pub body: Bytes,
    /// From the question's beginning to the answer's last byte.
    pub latency: Duration,
}

/// What came back to a question of any kind.
#[derive(Debug)]
pub struct Reply {
    /// Status, headers and the whole body.
    pub response: Response<Bytes>,
    /// From the question's beginning to the answer's last byte.
    pub latency: Duration,
    /// The server's own certificate (DER), where the connection had one.
    pub certificate: Option<Vec<u8>>,
}

/// How far a question got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// The answer's first line and headers.
    Answer,
    /// The rest of the answer.
    Body,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Connect => "connection",
            Self::Handshake => "TLS handshake",
            Self::Answer => "answer",
            Self::Body => "complete answer",
        })
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The host's name has no address.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// No address of the host accepts connections.
    #[error("cannot connect to `{endpoint}`")]
    Connect {
        /// Where.
        endpoint: Endpoint,
        /// The last address's refusal.
        #[source]
        source: std::io::Error,
    },
    /// The server's certificate is not trusted, or it speaks no TLS.
    #[error("no trusted TLS connection to `{endpoint}`")]
    Tls {
        /// Where.
        endpoint: Endpoint,
        /// What is wrong with it.
        #[source]
        source: std::io::Error,
    },
    /// The deadline passed.
    #[error("no {stage} from `{endpoint}` within {} ms", deadline.as_millis())]
    Deadline {
        /// Who did not answer.
        endpoint: Endpoint,
        /// What was waited for.
        stage: Stage,
        /// The time that had been given.
        deadline: Duration,
    },
    /// What came back is not HTTP, or it broke off.
    #[error("`{endpoint}` broke off or does not speak HTTP")]
    Protocol {
        /// Who.
        endpoint: Endpoint,
        /// What exactly.
        #[source]
        source: hyper::Error,
    },
    /// The answer is too long.
    #[error("the answer of `{endpoint}` is longer than {limit} bytes")]
    TooLong {
        /// Who.
        endpoint: Endpoint,
        /// The bound.
        limit: usize,
    },
    /// The path cannot be sent.
    #[error("`{0}` is not a path")]
    Path(String),
}

/// Asks `endpoint` for `path` (which may hold a query), without TLS.
pub async fn fetch(resolver: &Resolver, endpoint: &Endpoint, path: &str, limits: Limits) -> Result<Answer, HttpError> {
    let request = Request::get(path)
        .body(Bytes::new())
        .map_err(|_| HttpError::Path(path.to_owned()))?;
    let reply = exchange(resolver, endpoint, None, request, limits).await?;
    let content_type = reply.response.headers().get(CONTENT_TYPE);
    Ok(Answer {
        status: reply.response.status().as_u16(),
        content_type: content_type.and_then(|value| value.to_str().ok()).map(str::to_owned),
        latency: reply.latency,
        body: reply.response.into_body(),
    })
}

/// Sends `request`, whose address is a path, to `endpoint`; over TLS where it is said whom to trust.
pub async fn exchange(
    resolver: &Resolver,
    endpoint: &Endpoint,
    trust: Option<&Trust>,
    request: Request<Bytes>,
    limits: Limits,
) -> Result<Reply, HttpError> {
    let begun = Instant::now();
    let question = Question {
        endpoint,
        limits,
        end: begun + limits.deadline,
    };
    let request = question.dress(request, trust.is_some())?;
    let stream = question.connect(resolver).await?;
    let (stream, certificate) = question.secure(stream, trust).await?;
    let (mut sender, connection) = question
        .within(Stage::Connect, http1::handshake(TokioIo::new(stream)))
        .await?
        .map_err(|source| question.protocol(source))?;
    let exchange = async {
        let response = question
            .within(Stage::Answer, sender.send_request(request))
            .await?
            .map_err(|source| question.protocol(source))?;
        question.collect(response).await
    };
    // The connection is driven here and not in a task of its own: whatever ends this question ends the connection too.
    let (mut exchange, mut connection) = (pin!(exchange), pin!(connection));
    let mut open = true;
    let response = loop {
        tokio::select! {
            biased;
            answer = &mut exchange => break answer?,
            _ = &mut connection, if open => open = false,
        }
    };
    Ok(Reply {
        response,
        latency: begun.elapsed(),
        certificate,
    })
}

struct Question<'a> {
    endpoint: &'a Endpoint,
    limits: Limits,
    end: Instant,
}

impl Question<'_> {
    /// Adds the headers that every question has.
    fn dress(&self, request: Request<Bytes>, over_tls: bool) -> Result<Request<Full<Bytes>>, HttpError> {
        let usual = if over_tls { 443 } else { 80 };
        let address = self.endpoint.to_string();
        let host = address.strip_suffix(&format!(":{usual}")).unwrap_or(&address);
        let host = HeaderValue::from_str(host).map_err(|_| HttpError::Path(address.clone()))?;
        let (mut parts, body) = request.into_parts();
        let agent = HeaderValue::from_static(concat!("qclock-probe/", env!("CARGO_PKG_VERSION")));
        parts.headers.insert(HOST, host);
        parts.headers.insert(USER_AGENT, agent);
        parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        parts.headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        Ok(Request::from_parts(parts, Full::new(body)))
    }

    async fn secure(
        &self,
        stream: TcpStream,
        trust: Option<&Trust>,
    ) -> Result<(Box<dyn Stream>, Option<Vec<u8>>), HttpError> {
        let Some(trust) = trust else {
            return Ok((Box::new(stream), None));
        };
        self.within(Stage::Handshake, trust.secure(&self.endpoint.host, stream))
            .await?
            .map_err(|source| HttpError::Tls {
                endpoint: self.endpoint.clone(),
                source,
            })
    }

    async fn connect(&self, resolver: &Resolver) -> Result<TcpStream, HttpError> {
        let addresses = resolver
            .addresses(&self.endpoint.host, self.endpoint.port, self.end)
            .await?;
        let mut refusal = None;
        for address in addresses {
            match self.within(Stage::Connect, TcpStream::connect(address)).await? {
                Ok(stream) => return Ok(stream),
                Err(source) => refusal = Some(source),
            }
        }
        let source = refusal.unwrap_or_else(|| std::io::ErrorKind::AddrNotAvailable.into());
        Err(HttpError::Connect {
            endpoint: self.endpoint.clone(),
            source,
        })
    }

    async fn collect(&self, response: Response<Incoming>) -> Result<Response<Bytes>, HttpError> {
        let (parts, mut incoming) = response.into_parts();
        let mut body = BytesMut::new();
        while let Some(frame) = self.within(Stage::Body, incoming.frame()).await? {
            let frame = frame.map_err(|source| self.protocol(source))?;
            let Some(data) = frame.data_ref() else { continue };
            if body.len() + data.len() > self.limits.body_bytes {
                return Err(HttpError::TooLong {
                    endpoint: self.endpoint.clone(),
                    limit: self.limits.body_bytes,
                });
            }
            body.extend_from_slice(data);
        }
        Ok(Response::from_parts(parts, body.freeze()))
    }

    async fn within<T>(&self, stage: Stage, step: impl Future<Output = T>) -> Result<T, HttpError> {
        timeout_at(self.end, step).await.map_err(|_| HttpError::Deadline {
            endpoint: self.endpoint.clone(),
            stage,
            deadline: self.limits.deadline,
        })
    }

    fn protocol(&self, source: hyper::Error) -> HttpError {
        HttpError::Protocol {
            endpoint: self.endpoint.clone(),
            source,
        }
    }
}
