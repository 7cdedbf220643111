//! What a provider's answer says in the browser's address (RFC 6749 §4.1.2, RFC 9207), read and checked.

use openidconnect::url::form_urlencoded;
use thiserror::Error;

use crate::sign_in::random::Ticket;

/// The most bytes of the query.
const LONGEST: usize = 8 << 10;
/// The most bytes of a code.
const LONGEST_CODE: usize = 4 << 10;

/// The answer.
#[derive(Debug)]
pub struct Callback {
    /// Which sign-in it belongs to.
    pub state: Ticket,
    /// The code, or the provider's word for why there is none.
    pub outcome: Result<String, String>,
    /// Who answers.
    pub issuer: Option<String>,
}

/// Why an address is no answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum CallbackError {
    /// Not one.
    #[error("the provider's answer is not readable")]
    Malformed,
    /// From another provider than was asked.
    #[error("the provider's answer is from another issuer")]
    Issuer,
    /// It should say from whom it is, and does not.
    #[error("the provider's answer does not say from whom it is")]
    NoIssuer,
}

impl CallbackError {
    /// A word for logs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "callback-malformed",
            Self::Issuer => "callback-issuer",
            Self::NoIssuer => "callback-without-issuer",
        }
    }
}

impl Callback {
    /// Reads a query.  What comes twice is no answer (RFC 6749 §3.1).
    pub fn parse(query: &str) -> Result<Self, CallbackError> {
        if query.len() > LONGEST {
            return Err(CallbackError::Malformed);
        }
        let (mut state, mut code, mut error, mut issuer) = (None, None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let place = match &*name {
                "state" => &mut state,
                "code" => &mut code,
                "error" => &mut error,
                "iss" => &mut issuer,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(CallbackError::Malformed);
            }
        }
        let outcome = match (code, error) {
            (Some(code), None) if !code.is_empty() && code.len() <= LONGEST_CODE => Ok(code),
            (None, Some(error)) => Err(qclock_probe::text::shown(&error)),
            _ => return Err(CallbackError::Malformed),
        };
        let state = state
            .and_then(|state| Ticket::parse(&state))
            .ok_or(CallbackError::Malformed)?;
        Ok(Self { state, outcome, issuer })
    }

    /// Checks from whom it is: exactly from `expected`, and said so where the provider has announced that it would.
    pub fn check_issuer(&self, expected: &str, announced: bool) -> Result<(), CallbackError> {
        match &self.issuer {
            Some(issuer) if issuer == expected => Ok(()),
            Some(_) => Err(CallbackError::Issuer),
            None if announced => Err(CallbackError::NoIssuer),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Callback, CallbackError> {
        Callback::parse(&query.replace("STATE", &"A".repeat(43)))
    }

    #[test]
    fn a_code_or_an_error_and_a_state() {
        assert_eq!(
            read("code=a%2Fb&state=STATE&session_state=x").unwrap().outcome,
            Ok("a/b".to_owned())
        );
        assert_eq!(
            read("error=access_denied&state=STATE").unwrap().outcome,
            Err("access_denied".to_owned())
        );
        for bad in [
            "",
            "code=a",
            "state=STATE",
            "code=&state=STATE",
            "code=a&state=short",
            "code=a&code=b&state=STATE",
            "code=a&state=STATE&state=STATE",
            "code=a&error=b&state=STATE",
            "code=a&state=STATE&iss=a&iss=b",
        ] {
            assert_eq!(read(bad).unwrap_err(), CallbackError::Malformed, "{bad}");
        }
        let long = "x".repeat(LONGEST_CODE + 1);
        assert!(read(&format!("code={long}&state=STATE")).is_err());
    }

    #[test]
    fn an_answer_comes_from_whom_was_asked() {
        let check = |query: &str, announced| read(query).unwrap().check_issuer("https://a", announced);
        assert_eq!(check("code=a&state=STATE&iss=https%3A%2F%2Fa", true), Ok(()));
        assert_eq!(
            check("code=a&state=STATE&iss=https%3A%2F%2Fb", false),
            Err(CallbackError::Issuer)
        );
        assert_eq!(check("code=a&state=STATE", true), Err(CallbackError::NoIssuer));
        assert_eq!(check("code=a&state=STATE", false), Ok(()));
    }
}
