//! Where a watched service listens: `http://host:port`, and nothing more.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use thiserror::Error;

/// A host and a port that speak plain HTTP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// A name or an address; an IPv6 address stands without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// Why a text is not an [`Endpoint`].
#[derive(Debug, Eq, Error, PartialEq)]
pub enum EndpointError {
    /// Not a URL at all.
    #[error("`{0}` is not a URL of the form http://host:port")]
    Syntax(String),
    /// Another scheme than http.
    #[error("`{0}` does not begin with http:// (services are watched on the inner network, without TLS)")]
    Scheme(String),
    /// A user, a path or a query, none of which has a meaning here.
    #[error("`{0}` has more than a host and a port")]
    Surplus(String),
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let syntax = || EndpointError::Syntax(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| syntax())?;
        match uri.scheme_str() {
            Some("http") => {}
            Some(_) => return Err(EndpointError::Scheme(text.to_owned())),
            None => return Err(syntax()),
        }
        let authority = uri.authority().ok_or_else(syntax)?;
        if authority.as_str().contains('@') || uri.query().is_some() || !matches!(uri.path(), "" | "/") {
            return Err(EndpointError::Surplus(text.to_owned()));
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => 80,
            Some(_) => authority.port_u16().ok_or_else(syntax)?,
            None => return Err(syntax()),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(syntax());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_read() {
        let read = |text: &str| text.parse::<Endpoint>().map(|endpoint| endpoint.to_string());
        assert_eq!(read("http://app:8090"), Ok("app:8090".to_owned()));
        assert_eq!(read("http://app/"), Ok("app:80".to_owned()));
        assert_eq!(read("http://[::1]:8090"), Ok("[::1]:8090".to_owned()));
    }

    #[test]
    fn anything_more_or_less_is_refused() {
        for text in ["", "app", "app:8090", "http://", "http://:80", "http://a:99999"] {
            assert!(
                matches!(text.parse::<Endpoint>(), Err(EndpointError::Syntax(_))),
                "{text}"
            );
        }
        assert!(matches!(
            "https://app:8090".parse::<Endpoint>(),
            Err(EndpointError::Scheme(_))
        ));
        for text in [
            "http://user:word@app:8090",
            "http://app:8090/server-status",
            "http://app/?a=b",
        ] {
            assert!(
                matches!(text.parse::<Endpoint>(), Err(EndpointError::Surplus(_))),
                "{text}"
            );
        }
    }
}
