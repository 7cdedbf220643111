//! The cookies of signing in.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, HeaderValue};

use crate::sign_in::pending::LASTS;
use crate::sign_in::random::Ticket;
use crate::sign_in::settings::PublicUrl;

/// Their names: with TLS such that a browser takes them from nobody else (`__Host-`), without it plain ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cookies {
    /// The session's.
    pub session: &'static str,
    /// That of a sign-in under way.
    pub sign_in: &'static str,
    secure: bool,
}

impl Cookies {
    /// Those of this address.
    pub fn of(public: &PublicUrl) -> Self {
        let secure = public.is_secure();
        let [session, sign_in] = if secure {
            ["__Host-qclock", "__Host-qclock-sign-in"]
        } else {
            ["qclock_session", "qclock_sign_in"]
        };
        Self {
            session,
            sign_in,
            secure,
        }
    }

    /// Gives a browser its session, for as long as it runs; the limits are ours.
    pub fn give_session(self, ticket: &Ticket) -> Option<HeaderValue> {
        self.write(self.session, ticket.reveal(), "")
    }

    /// Marks the browser that began to sign in.
    pub fn give_sign_in(self, ticket: &Ticket) -> Option<HeaderValue> {
        self.write(self.sign_in, ticket.reveal(), &format!("; Max-Age={}", LASTS.as_secs()))
    }

    /// Takes one of them away.
    pub fn take(self, name: &str) -> Option<HeaderValue> {
        self.write(name, "", "; Max-Age=0")
    }

    fn write(self, name: &str, value: &str, more: &str) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}")).ok()
    }
}

/// The value of a cookie.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_as_strict_as_the_address_allows() {
        let ticket = Ticket::draw().unwrap();
        let given = |text: &str| {
            let cookies = Cookies::of(&PublicUrl::parse(text).unwrap());
            let value = cookies.give_session(&ticket).unwrap();
            value.to_str().unwrap().replace(ticket.reveal(), "TICKET")
        };
        assert_eq!(
            given("https://noc.example"),
            "__Host-qclock=TICKET; Path=/; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            given("http://localhost:8080"),
            "qclock_session=TICKET; Path=/; HttpOnly; SameSite=Lax"
        );
    }
}
