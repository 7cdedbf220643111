//! Questions to any `http://` or `https://` address, with a method, headers and a body of one's own.

use bytes::Bytes;
use hyper::{Request, Uri};
use thiserror::Error;

use crate::endpoint::Endpoint;
use crate::http::{HttpError, Limits, Reply, exchange};
use crate::resolve::Resolver;
use crate::tls::Trust;

/// Asks.  Clones share what names are known.
#[derive(Clone, Debug)]
pub struct Client {
    resolver: Resolver,
    trust: Option<Trust>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum WebError {
    /// Not an address that can be asked.
    #[error("`{0}` is not an address of the form http://host/… or https://host/…")]
    Address(String),
    /// Nobody is trusted.
    #[error("`{0}` wants TLS, and there is no certificate of an authority to trust")]
    NoTrust(String),
    /// The question failed.
    #[error(transparent)]
    Http(#[from] HttpError),
}

impl Client {
    /// Asks with these names known and these authorities trusted; without any, `https` addresses cannot be asked.
    pub fn new(resolver: Resolver, trust: Option<Trust>) -> Self {
        Self { resolver, trust }
    }

    /// Sends `request`, whose address is whole.
    pub async fn send(&self, request: Request<Bytes>, limits: Limits) -> Result<Reply, WebError> {
        let (mut parts, body) = request.into_parts();
        let (endpoint, over_tls) = place(&parts.uri).ok_or_else(|| WebError::Address(parts.uri.to_string()))?;
        let trust = match (&self.trust, over_tls) {
            (_, false) => None,
            (Some(trust), true) => Some(trust),
            (None, true) => return Err(WebError::NoTrust(endpoint.to_string())),
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = path.parse().map_err(|_| WebError::Address(path.to_owned()))?;
        let request = Request::from_parts(parts, body);
        Ok(exchange(&self.resolver, &endpoint, trust, request, limits).await?)
    }
}

/// Where an address leads, and whether over TLS.
fn place(address: &Uri) -> Option<(Endpoint, bool)> {
    let over_tls = match address.scheme_str()? {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let authority = address.authority()?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || authority.as_str().contains('@') {
        return None;
    }
    let port = match authority.as_str().strip_prefix(authority.host())? {
        "" => {
            if over_tls {
                443
            } else {
                80
            }
        }
        _ => authority.port_u16()?,
    };
    let host = host.to_owned();
    Some((Endpoint { host, port }, over_tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_somewhere_or_are_refused() {
        let read = |text: &str| place(&text.parse().ok()?).map(|(endpoint, tls)| (endpoint.to_string(), tls));
        assert_eq!(
            read("http://identity:8080/auth"),
            Some(("identity:8080".to_owned(), false))
        );
        assert_eq!(
            read("https://login.example/x?y"),
            Some(("login.example:443".to_owned(), true))
        );
        assert_eq!(read("https://[::1]/"), Some(("[::1]:443".to_owned(), true)));
        for text in ["/path", "ftp://x/", "http://user@host/", "https://:1/"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
