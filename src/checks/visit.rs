//! What both databases' checks say in the same words: why a visit failed, and how many connections are left.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use crate::checks::failure::late;
use crate::language::Text;
use crate::observation::Observation;
use crate::state::State;

/// A share of used connections that is a concern when it lasts.
const BUSY: f64 = 0.85;

/// Why a visit failed, as both servers tell it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// It has no connection left.
    Full,
    /// It lives, and applications may well be served: what is broken is the watching.
    Account,
    /// It answers a question with an error.
    Error,
    /// It answers what is not understood.
    Unreadable,
    /// It breaks off, or speaks something else.
    BrokenOff,
    /// It does not answer in that time.
    Late(Duration),
}

impl Refusal {
    /// The state that this means, and the words.
    pub fn judge(self) -> (State, Text) {
        match self {
            Self::Full => (State::Down, Text::new("no connection left", "plus de connexion libre")),
            Self::BrokenOff => (State::Down, Text::new("the connection fails", "la connexion échoue")),
            Self::Late(deadline) => (
                State::Down,
                late(deadline.as_secs_f64(), ["no answer within", "aucune réponse en"]),
            ),
            Self::Account => (
                State::Degraded,
                Text::new(
                    "lives, but refuses the monitoring account",
                    "vit, mais refuse le compte de surveillance",
                ),
            ),
            Self::Error => (
                State::Degraded,
                Text::new("lives, but answers with an error", "vit, mais répond par une erreur"),
            ),
            Self::Unreadable => (
                State::Degraded,
                Text::new(
                    "lives, but its answer is not readable",
                    "vit, mais sa réponse n'est pas lisible",
                ),
            ),
        }
    }
}

/// A failed visit; the server's own code, a number or a text, is told where there is one.
pub fn failed((state, summary): (State, Text), code: Option<&Value>) -> Observation {
    let shown = code.map(|code| match code {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let summary = match shown {
        Some(code) => Text::new(
            format!("{} (error {code})", summary.en),
            format!("{} (erreur {code})", summary.fr),
        ),
        None => summary,
    };
    let mut observation = Observation::bare(state, summary);
    observation.details = json!({ "error_code": code });
    observation
}

/// The password file cannot be read: nothing can be said about the database.
pub fn without_password(error: &io::Error) -> Observation {
    let (en, fr) = match error.kind() {
        io::ErrorKind::NotFound => (
            "the monitoring account's password file is missing",
            "le fichier du mot de passe de surveillance manque",
        ),
        _ => (
            "the monitoring account's password file cannot be read",
            "le fichier du mot de passe de surveillance est illisible",
        ),
    };
    Observation::bare(State::Unknown, Text::new(en, fr))
}

/// `4 of 151`, or the first alone.
pub fn connections(used: u64, most: Option<u64>) -> Text {
    match most {
        Some(most) => Text::each(|language| {
            let (used, most) = (language.whole(used), language.whole(most));
            language.pick(format!("{used} of {most}"), format!("{used} sur {most}"))
        }),
        None => Text::each(|language| language.whole(used)),
    }
}

/// A concern where few are left.
pub fn few_left(used: Option<u64>, most: Option<u64>) -> Option<Text> {
    let (used, most) = (used?, most.filter(|most| *most > 0)?);
    (used as f64 / most as f64 > BUSY).then(|| {
        Text::new(
            format!("few connections left: {used} of {most} in use"),
            format!("peu de connexions libres : {used} sur {most} utilisées"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_whether_number_or_text() {
        let (number, text) = (Value::from(1045), Value::from("28P01"));
        let of = |code| failed(Refusal::Account.judge(), code).summary.fr;
        assert_eq!(
            of(Some(&number)),
            "vit, mais refuse le compte de surveillance (erreur 1045)"
        );
        assert_eq!(
            of(Some(&text)),
            "vit, mais refuse le compte de surveillance (erreur 28P01)"
        );
        assert_eq!(of(None), "vit, mais refuse le compte de surveillance");
        assert_eq!(without_password(&io::ErrorKind::NotFound.into()).state, State::Unknown);
    }

    #[test]
    fn a_concern_needs_both_figures() {
        assert!(few_left(Some(140), Some(151)).is_some());
        for (used, most) in [
            (Some(4), Some(151)),
            (None, Some(1)),
            (Some(1), None),
            (Some(1), Some(0)),
        ] {
            assert_eq!(few_left(used, most), None);
        }
        assert_eq!(connections(4, Some(151)).fr, "4 sur 151");
        assert_eq!(connections(4, None).en, "4");
    }
}
