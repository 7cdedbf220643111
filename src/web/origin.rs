//! Whether a form was sent by one of our own pages: what a browser says, which no foreign page can change.

use axum::http::HeaderMap;
use axum::http::header::{HOST, HeaderName, ORIGIN};

use crate::sign_in::settings::PublicUrl;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Fetch metadata decides where there is any; else `Origin` must be ours.  A browser that says neither is refused.  The form's own token
/// is checked beside this.
pub fn comes_from_us(headers: &HeaderMap, public: &PublicUrl) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let origin = text(&ORIGIN);
    let foreign_origin = origin.is_some_and(|origin| origin != "null" && !is_ours(origin, headers, public));
    match text(&FETCH_SITE) {
        Some(site) => site == "same-origin" && !foreign_origin,
        None => origin.is_some_and(|origin| origin != "null") && !foreign_origin,
    }
}

/// Our public address, or the very host that was asked: the dashboard's own port.
fn is_ours(origin: &str, headers: &HeaderMap, public: &PublicUrl) -> bool {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok());
    origin == public.origin()
        || host.is_some_and(|host| origin.split_once("://").is_some_and(|(_, authority)| authority == host))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn judged(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        comes_from_us(&headers.collect(), &PublicUrl::parse("https://noc.example").unwrap())
    }

    #[test]
    fn only_our_own_pages_send_forms() {
        assert!(judged(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://noc.example")
        ]));
        assert!(judged(&[("origin", "https://noc.example")]));
        assert!(judged(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(judged(&[
            ("origin", "http://localhost:8082"),
            ("host", "localhost:8082")
        ]));
        for foreign in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://evil.example")],
            &[("origin", "https://noc.example.evil")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.example")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://noc.example")],
        ] {
            assert!(!judged(foreign), "{foreign:?}");
        }
    }
}
