//! One attempt at one address.

use std::cell::Cell;
use std::io::Read as _;
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Response, StatusCode, Url};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::Cause;
use super::{Fetcher, Progress, Wanted};
use crate::cache::{Cache, Partial};

/// Tells of each byte of a file once, however many attempts it takes.
pub(super) struct Meter<'a> {
    progress: &'a dyn Progress,
    told: Cell<u64>,
}

/// A server that sends less than this a second, on the whole, is given up.
const SLOWEST: u64 = 8 << 10;
/// So is one that sends less than this a second for a while, whatever the length that it announced would allow.
const DRIP: u64 = 1 << 10;

/// How fast the bytes of one answer come.
struct Pace {
    /// When the whole must be here.
    deadline: Instant,
    span: Duration,
    since: Instant,
    received: u64,
}

impl Pace {
    fn new(patience: Duration, size: u64) -> Self {
        let span = patience * 3;
        let since = Instant::now();
        Self {
            deadline: since + span + Duration::from_secs(size / SLOWEST),
            span,
            since,
            received: 0,
        }
    }

    fn receive(&mut self, bytes: usize) -> Result<(), Cause> {
        self.received += bytes as u64;
        if self.since.elapsed() >= self.span {
            if self.received < DRIP * self.span.as_secs() {
                return Err(Cause::TooSlow { slowest: DRIP });
            }
            self.since = Instant::now();
            self.received = 0;
        }
        Ok(())
    }
}

impl<'a> Meter<'a> {
    pub(super) fn new(progress: &'a dyn Progress) -> Self {
        Self {
            progress,
            told: Cell::new(0),
        }
    }

    fn reached(&self, length: u64) {
        if length > self.told.get() {
            self.progress.advance(length - self.told.replace(length));
        }
    }
}

impl Fetcher {
    pub(super) async fn small_once(&self, address: &Url, most: u64) -> Result<Vec<u8>, Cause> {
        if address.scheme() == "file" {
            return read_file(address, most);
        }
        let mut pace = Pace::new(self.settings.patience, most);
        let mut response = self.answered(self.client.get(address.clone())).await?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(Cause::Status(status));
        }
        if response.content_length().is_some_and(|length| length > most) {
            return Err(Cause::Longer { limit: most });
        }
        let announced = response.content_length();
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(&mut response, &mut pace).await? {
            if bytes.len() as u64 + chunk.len() as u64 > most {
                return Err(Cause::Longer { limit: most });
            }
            bytes.extend_from_slice(&chunk);
        }
        match announced {
            Some(expected) if bytes.len() as u64 != expected => Err(Cause::Truncated {
                received: bytes.len() as u64,
                expected,
            }),
            _ => Ok(bytes),
        }
    }

    pub(super) async fn store_once(
        &self,
        cache: &Cache,
        wanted: &Wanted,
        address: &Url,
        meter: &Meter<'_>,
    ) -> Result<(), Cause> {
        let mut partial = cache.partial(wanted.digest, wanted.size)?;
        if address.scheme() == "file" {
            partial.restart()?;
            let bytes = read_file(address, wanted.size)?;
            partial.append(&bytes)?;
            meter.reached(partial.length());
            // Nothing more will come.
            if partial.length() < wanted.size {
                return Err(Cause::Shorter {
                    found: partial.length(),
                    expected: wanted.size,
                });
            }
        } else {
            self.download(&mut partial, wanted.size, address, meter).await?;
        }
        if partial.length() < wanted.size {
            return Err(Cause::Truncated {
                received: partial.length(),
                expected: wanted.size,
            });
        }
        match partial.finish(cache)? {
            Ok(()) => Ok(()),
            Err(found) => Err(Cause::Digest {
                kind: wanted.digest.kind(),
                expected: wanted.digest.to_string(),
                found: found.to_string(),
            }),
        }
    }

    async fn download(&self, partial: &mut Partial, size: u64, address: &Url, meter: &Meter<'_>) -> Result<(), Cause> {
        let mut pace = Pace::new(self.settings.patience, size);
        let mut request = self.client.get(address.clone());
        if let Some(validator) = partial.validator().filter(|_| partial.length() > 0) {
            request = request
                .header(RANGE, format!("bytes={}-", partial.length()))
                .header(IF_RANGE, validator);
        }
        let mut response = self.answered(request).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if continues_at(response.headers(), partial.length()) => {}
            StatusCode::OK => partial.restart()?,
            status @ (StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE) => {
                partial.restart()?;
                return Err(Cause::Range(status));
            }
            status => return Err(Cause::Status(status)),
        }
        partial.set_validator(validator(response.headers()).as_deref());
        if response
            .content_length()
            .is_some_and(|length| partial.length() + length > size)
        {
            partial.restart()?;
            return Err(Cause::Longer { limit: size });
        }
        while let Some(chunk) = self.chunk(&mut response, &mut pace).await? {
            if partial.length() + chunk.len() as u64 > size {
                partial.restart()?;
                return Err(Cause::Longer { limit: size });
            }
            partial.append(&chunk)?;
            meter.reached(partial.length());
        }
        Ok(())
    }

    async fn answered(&self, request: reqwest::RequestBuilder) -> Result<Response, Cause> {
        let answer = timeout(self.settings.patience, request.send()).await;
        answer
            .map_err(|_| Cause::Silent {
                after: self.settings.patience,
            })?
            .map_err(Cause::request)
    }

    async fn chunk(&self, response: &mut Response, pace: &mut Pace) -> Result<Option<bytes::Bytes>, Cause> {
        let stalled = Instant::now() + self.settings.patience;
        let chunk = timeout_at(stalled.min(pace.deadline), response.chunk()).await;
        let chunk = chunk
            .map_err(|_| {
                if stalled < pace.deadline {
                    Cause::Stalled {
                        after: self.settings.patience,
                    }
                } else {
                    Cause::TooSlow { slowest: SLOWEST }
                }
            })?
            .map_err(Cause::request)?;
        if let Some(chunk) = &chunk {
            pace.receive(chunk.len())?;
        }
        Ok(chunk)
    }
}

fn read_file(address: &Url, most: u64) -> Result<Vec<u8>, Cause> {
    let path = address
        .to_file_path()
        .map_err(|()| Cause::Status(StatusCode::BAD_REQUEST))?;
    let mut bytes = Vec::new();
    let file = fs_err::File::open(path).map_err(Cause::file)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(Cause::file)?;
    if bytes.len() as u64 > most {
        return Err(Cause::Longer { limit: most });
    }
    Ok(bytes)
}

/// `Content-Range: bytes 100-199/200` answers a request for what follows the first 100 bytes (RFC 9110 §14.4).
fn continues_at(headers: &HeaderMap, position: u64) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let start = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
    start == Some(position)
}

/// A strong entity tag, else the date (RFC 9110 §13.1.5).
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    text(ETAG)
        .filter(|tag| !tag.starts_with("W/"))
        .or_else(|| text(LAST_MODIFIED))
        .map(str::to_owned)
}
