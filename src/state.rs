//! The five states, and which is worse.

use serde::Serialize;

use crate::language::Language;

/// The state of a check.  The order is from best to worst, and the state of the whole is the worst of its parts:
/// `operational < maintenance < degraded < unknown < down`.  What is not known may be down, so it is worse than what limps.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It does what it is for.
    Operational,
    /// It was announced that it need not.
    Maintenance,
    /// It does, with something that needs a look.
    Degraded,
    /// It could not be found out.
    Unknown,
    /// It does not.
    Down,
}

impl State {
    /// All five, best first.
    pub const ALL: [Self; 5] = [
        Self::Operational,
        Self::Maintenance,
        Self::Degraded,
        Self::Unknown,
        Self::Down,
    ];

    /// The word in the interfaces.
    pub fn key(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Maintenance => "maintenance",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::Down => "down",
        }
    }

    /// The word on the page.
    pub fn word(self, language: Language) -> &'static str {
        match self {
            Self::Operational => language.pick("Operational", "Opérationnel"),
            Self::Maintenance => "Maintenance",
            Self::Degraded => language.pick("Degraded", "Dégradé"),
            Self::Unknown => language.pick("Unknown", "Inconnu"),
            Self::Down => language.pick("Down", "En panne"),
        }
    }

    /// The word after a number: `2 degraded`, `2 dégradés`.
    pub fn counted(self, count: usize, language: Language) -> String {
        let many = count > 1;
        let word = match (self, language) {
            (Self::Operational, Language::Fr) => ["opérationnel", "opérationnels"][usize::from(many)],
            (Self::Degraded, Language::Fr) => ["dégradé", "dégradés"][usize::from(many)],
            (Self::Unknown, Language::Fr) => ["inconnu", "inconnus"][usize::from(many)],
            (Self::Down, Language::Fr) => "en panne",
            (Self::Maintenance, _) => language.pick("in maintenance", "en maintenance"),
            (state, Language::En) => state.key(),
        };
        format!("{count}\u{a0}{word}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_state_wins() {
        let worst = |states: &[State]| states.iter().max().copied();
        assert_eq!(
            worst(&[State::Maintenance, State::Operational]),
            Some(State::Maintenance)
        );
        assert_eq!(worst(&[State::Unknown, State::Degraded]), Some(State::Unknown));
        assert_eq!(worst(&State::ALL), Some(State::Down));
    }

    #[test]
    fn keys_are_what_is_serialised() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.key());
        }
        assert_eq!(State::Degraded.counted(2, Language::Fr), "2\u{a0}dégradés");
    }
}
