//! Why there was no answer, in words, and what that says about what is behind Apache.

use std::io;

use qclock_probe::http::{Answer, HttpError, Stage};
use qclock_probe::resolve::ResolveError;

use crate::language::{Language, Text};
use crate::observation::Observation;
use crate::state::State;

/// The reason in a few words.
pub fn reason(error: &HttpError) -> Text {
    match error {
        HttpError::Resolve(error) => unresolved(error),
        HttpError::Connect { source, .. } => refused(source),
        HttpError::Deadline {
            stage: Stage::Connect,
            deadline,
            ..
        } => late(deadline.as_secs_f64(), ["no connection within", "aucune connexion en"]),
        HttpError::Tls { .. } => Text::new("its certificate is not trusted", "son certificat n'est pas reconnu"),
        HttpError::Deadline { deadline, .. } => late(deadline.as_secs_f64(), ["no answer within", "aucune réponse en"]),
        HttpError::Protocol { .. } => Text::new("the answer broke off", "la réponse s'est interrompue"),
        HttpError::TooLong { .. } => Text::new("the answer is too long", "la réponse est trop longue"),
        HttpError::Path(_) => Text::new("the question cannot be asked", "la question ne peut pas être posée"),
    }
}

/// The reason why a name has no address.
pub fn unresolved(error: &ResolveError) -> Text {
    match error {
        ResolveError::Lookup { .. } | ResolveError::NoAddress { .. } => Text::new(
            "its name is not known on the network",
            "son nom n'est pas connu sur le réseau",
        ),
        ResolveError::Deadline { .. } => {
            Text::new("its name is not resolved in time", "son nom n'est pas résolu à temps")
        }
    }
}

/// The reason why there is no connection.
pub fn refused(error: &io::Error) -> Text {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Text::new("connection refused", "connexion refusée"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Text::new("host unreachable", "hôte injoignable")
        }
        _ => Text::new("no connection", "aucune connexion"),
    }
}

/// `no answer within 1.5 s`.
pub fn late(seconds: f64, [en, fr]: [&str; 2]) -> Text {
    let time = |language: Language| format!("{}\u{a0}s", language.decimal(seconds, 1));
    Text::new(
        format!("{en} {}", time(Language::En)),
        format!("{fr} {}", time(Language::Fr)),
    )
}

/// Whether Apache was last seen to answer; what stands behind it can be asked through it only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// It answers.
    Open,
    /// It does not, or nobody knows.
    Closed,
}

/// What no answer from something behind Apache means.  An Apache that does not answer hides what is behind it: that is unknown, not down.
pub fn behind_apache(error: &HttpError, way: Way) -> Observation {
    let silent = matches!(
        error,
        HttpError::Deadline {
            stage: Stage::Answer | Stage::Body,
            ..
        }
    );
    if way == Way::Open && silent {
        return Observation::bare(State::Down, reason(error));
    }
    let Text { en, fr } = reason(error);
    let summary = Text::new(
        format!("cannot be asked, Apache does not answer ({en})"),
        format!("ne peut pas être interrogé, Apache ne répond pas ({fr})"),
    );
    Observation::bare(State::Unknown, summary)
}

/// The observation for a status other than 200, from something behind Apache; nothing for a 200.
pub fn refused_by_status(answer: &Answer) -> Option<Observation> {
    let status = answer.status;
    let (state, summary) = match status {
        200 => return None,
        502..=504 => (
            State::Down,
            Text::new("PHP-FPM does not answer", "PHP-FPM ne répond pas"),
        ),
        500 => (
            State::Down,
            Text::new("PHP fails (error 500)", "PHP échoue (erreur 500)"),
        ),
        _ => (
            State::Unknown,
            Text::new(
                format!("the status listener answers {status}"),
                format!("l'écoute d'état répond {status}"),
            ),
        ),
    };
    let mut observation = Observation::bare(state, summary);
    observation.details = serde_json::json!({ "http_status": status });
    Some(observation)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use qclock_probe::endpoint::Endpoint;

    use super::*;

    fn deadline(stage: Stage) -> HttpError {
        let endpoint = Endpoint {
            host: "app".to_owned(),
            port: 8090,
        };
        HttpError::Deadline {
            endpoint,
            stage,
            deadline: Duration::from_millis(1500),
        }
    }

    #[test]
    fn silence_behind_an_open_apache_is_down_and_behind_a_closed_one_unknown() {
        let down = behind_apache(&deadline(Stage::Answer), Way::Open);
        assert_eq!(
            (down.state, down.summary.fr.as_str()),
            (State::Down, "aucune réponse en 1,5\u{a0}s")
        );
        assert_eq!(
            behind_apache(&deadline(Stage::Answer), Way::Closed).state,
            State::Unknown
        );
        assert_eq!(
            behind_apache(&deadline(Stage::Connect), Way::Open).state,
            State::Unknown
        );
    }

    #[test]
    fn the_proxys_statuses_mean_what_they_say() {
        let judged = |status| {
            let answer = Answer {
                status,
                content_type: None,
                body: Vec::new().into(),
                latency: Duration::ZERO,
            };
            refused_by_status(&answer).map(|observation| observation.state)
        };
        assert_eq!(
            [200, 503, 500, 404].map(judged),
            [None, Some(State::Down), Some(State::Down), Some(State::Unknown)]
        );
    }
}
