//! What came through Apache, and from whom.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// Set by our Apache; and by any proxy that says what it is.
const MARKS: [&str; 6] = [
    "x-qclock-edge",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "forwarded",
    "via",
];

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Whether a proxy passed this on.
pub fn came_through_proxy(headers: &HeaderMap) -> bool {
    MARKS.iter().any(|mark| headers.contains_key(*mark))
}

/// Who asks: what our edge says, which is the last that was added; else the other end of the connection.
pub fn client(headers: &HeaderMap, peer: Option<Peer>) -> Option<IpAddr> {
    let told = headers.get_all("x-forwarded-for").iter().next_back();
    let last = told.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    last.or(peer.map(|Peer(address)| address.ip()))
}

/// The host that a browser asked for.
pub fn host(headers: &HeaderMap) -> Option<&str> {
    let told = headers
        .get("x-forwarded-host")
        .or(headers.get(axum::http::header::HOST));
    told?.to_str().ok()?.split(',').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn the_edge_says_who_asks() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            pairs.collect()
        };
        let peer = Some(Peer(([172, 18, 0, 3], 40_000).into()));
        assert_eq!(client(&headers(&[]), peer), Some([172, 18, 0, 3].into()));
        assert_eq!(
            client(&headers(&[("x-forwarded-for", "1.1.1.1, 10.0.0.9")]), peer),
            Some([10, 0, 0, 9].into())
        );
        assert_eq!(
            client(&headers(&[("x-forwarded-for", "nonsense")]), peer),
            Some([172, 18, 0, 3].into())
        );
        assert_eq!(
            host(&headers(&[
                ("x-forwarded-host", "noc:8080"),
                ("host", "dashboard:8082")
            ])),
            Some("noc:8080")
        );
    }
}
