//! The identity provider's database, visited by the dashboard itself.

use qclock_probe::postgres::{PostgresAnswer, PostgresError};
use serde_json::{Value, json};

use crate::checks::failure::{refused, unresolved};
use crate::checks::visit::{self, Refusal};
use crate::language::Text;
use crate::observation::{Measured, Observation};
use crate::state::State;

/// A transaction that is open for so long holds back the cleaning of tables, in seconds.
const OLD: u64 = 300;

/// What a visit, or its failure, means.
pub fn judge(result: Result<PostgresAnswer, PostgresError>) -> Observation {
    match result {
        Ok(answer) => visited(answer),
        Err(error) => failed(&error),
    }
}

fn visited(answer: PostgresAnswer) -> Observation {
    let number = answer.version.split(' ').next().unwrap_or(&answer.version).to_owned();
    let (state, summary) = if answer.in_recovery == Some(true) {
        let words = (
            format!("PostgreSQL {number} is in recovery"),
            format!("PostgreSQL {number} est en reprise"),
        );
        (State::Degraded, Text::new(words.0, words.1))
    } else {
        let words = (
            format!("PostgreSQL {number} answers"),
            format!("PostgreSQL {number} répond"),
        );
        (State::Operational, Text::new(words.0, words.1))
    };
    let mut observation = Observation::bare(state, summary);
    observation.latency = Some(answer.latency);
    observation.uptime_seconds = answer.uptime_seconds;
    observation.concern = concern(&answer);
    observation.details = json!({
        "product": "PostgreSQL",
        "version": answer.version,
        "uptime_seconds": answer.uptime_seconds,
        "connections": answer.connections,
        "max_connections": answer.max_connections,
        "oldest_transaction_seconds": answer.oldest_transaction_seconds,
        "in_recovery": answer.in_recovery,
    });
    observation.push_fact(Text::same("Version"), Some(Text::same(answer.version.clone())));
    let connections = answer
        .connections
        .map(|used| visit::connections(used, answer.max_connections));
    observation.push_fact(Text::new("Connections", "Connexions"), connections);
    let duration = |seconds: Option<u64>| seconds.map(|seconds| Text::each(|language| language.duration(seconds)));
    let oldest = duration(answer.oldest_transaction_seconds).unwrap_or_else(|| Text::new("none", "aucune"));
    observation.push_fact(
        Text::new("Oldest transaction", "Plus vieille transaction"),
        Some(oldest),
    );
    observation.push_fact(Text::new("Uptime", "En service"), duration(answer.uptime_seconds));
    observation.measured = Some(Measured::Postgres(Box::new(answer)));
    observation
}

fn concern(answer: &PostgresAnswer) -> Option<Text> {
    if let Some(few) = visit::few_left(answer.connections, answer.max_connections) {
        return Some(few);
    }
    let oldest = answer.oldest_transaction_seconds.filter(|oldest| *oldest > OLD)?;
    Some(Text::each(|language| {
        let age = language.duration(oldest);
        language.pick(
            format!("a transaction is open for {age}"),
            format!("une transaction est ouverte depuis {age}"),
        )
    }))
}

fn failed(error: &PostgresError) -> Observation {
    let code = match error {
        PostgresError::Full { code }
        | PostgresError::NotReady { code }
        | PostgresError::Refused { code }
        | PostgresError::Server { code, .. } => Some(Value::from(code.as_str())),
        _ => None,
    };
    let judged = match error {
        PostgresError::Resolve(error) => (State::Down, unresolved(error)),
        PostgresError::Connect { source, .. } => (State::Down, refused(source)),
        PostgresError::Protocol { .. } => Refusal::BrokenOff.judge(),
        PostgresError::Deadline { deadline, .. } => Refusal::Late(*deadline).judge(),
        PostgresError::Full { .. } => Refusal::Full.judge(),
        PostgresError::NotReady { .. } => (State::Down, Text::new("is starting or stopping", "démarre ou s'arrête")),
        PostgresError::Refused { .. } => Refusal::Account.judge(),
        PostgresError::Server { .. } => Refusal::Error.judge(),
        PostgresError::Answer => Refusal::Unreadable.judge(),
    };
    visit::failed(judged, code.as_ref())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer() -> PostgresAnswer {
        PostgresAnswer {
            version: "15.14 (Debian 15.14-0+deb12u1)".to_owned(),
            uptime_seconds: Some(3600),
            connections: Some(4),
            max_connections: Some(30),
            in_recovery: Some(false),
            latency: Duration::from_millis(2),
            ..PostgresAnswer::default()
        }
    }

    #[test]
    fn an_answer_is_operational_with_its_figures() {
        let observation = judge(Ok(answer()));
        assert_eq!(
            (observation.state, observation.summary.fr.as_str()),
            (State::Operational, "PostgreSQL 15.14 répond")
        );
        assert_eq!(observation.details["oldest_transaction_seconds"], Value::Null);
        assert_eq!(observation.concern, None);
        let full = PostgresAnswer {
            connections: Some(29),
            ..answer()
        };
        assert!(judge(Ok(full)).concern.unwrap().en.contains("29 of 30"));
        let old = PostgresAnswer {
            oldest_transaction_seconds: Some(301),
            ..answer()
        };
        assert!(judge(Ok(old)).concern.unwrap().fr.contains("5\u{a0}min"));
    }

    #[test]
    fn failures_are_down_and_refusals_are_not() {
        let refused = judge(Err(PostgresError::Refused {
            code: "28P01".to_owned(),
        }));
        assert_eq!(
            (refused.state, refused.summary.en.as_str()),
            (
                State::Degraded,
                "lives, but refuses the monitoring account (error 28P01)"
            )
        );
        assert_eq!(
            judge(Err(PostgresError::Full {
                code: "53300".to_owned()
            }))
            .state,
            State::Down
        );
        assert_eq!(
            judge(Err(PostgresError::NotReady {
                code: "57P03".to_owned()
            }))
            .state,
            State::Down
        );
    }
}
