//! The identity provider's database, visited by the dashboard itself.

use qclock_probe::postgres::{PostgresAnswer, PostgresError};
use serde_json::json;

use crate::checks::failure::{late, refused, unresolved};
use crate::language::Text;
use crate::observation::{Measured, Observation};
use crate::state::State;

/// A share of used connections that is a concern when it lasts.
const BUSY: f64 = 0.85;
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
    let connections = answer.connections.zip(answer.max_connections).map(|(used, most)| {
        Text::each(|language| {
            let (used, most) = (language.whole(used), language.whole(most));
            language.pick(format!("{used} of {most}"), format!("{used} sur {most}"))
        })
    });
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
    if let (Some(used), Some(most)) = (answer.connections, answer.max_connections)
        && most > 0
        && used as f64 / most as f64 > BUSY
    {
        return Some(Text::new(
            format!("few connections left: {used} of {most} in use"),
            format!("peu de connexions libres : {used} sur {most} utilisées"),
        ));
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
    let (state, summary, code) = match error {
        PostgresError::Resolve(error) => (State::Down, unresolved(error), None),
        PostgresError::Connect { source, .. } => (State::Down, refused(source), None),
        PostgresError::Protocol { .. } => (
            State::Down,
            Text::new("the connection fails", "la connexion échoue"),
            None,
        ),
        PostgresError::Deadline { deadline, .. } => (
            State::Down,
            late(deadline.as_secs_f64(), ["no answer within", "aucune réponse en"]),
            None,
        ),
        PostgresError::Full { code } => (
            State::Down,
            Text::new("no connection left", "plus de connexion libre"),
            Some(code),
        ),
        PostgresError::NotReady { code } => (
            State::Down,
            Text::new("is starting or stopping", "démarre ou s'arrête"),
            Some(code),
        ),
        // It lives, and the provider may well be served: what is broken is the watching.
        PostgresError::Refused { code } => (
            State::Degraded,
            Text::new(
                "lives, but refuses the monitoring account",
                "vit, mais refuse le compte de surveillance",
            ),
            Some(code),
        ),
        PostgresError::Server { code, .. } => (
            State::Degraded,
            Text::new("lives, but answers with an error", "vit, mais répond par une erreur"),
            Some(code),
        ),
        PostgresError::Answer => (
            State::Degraded,
            Text::new(
                "lives, but its answer is not readable",
                "vit, mais sa réponse n'est pas lisible",
            ),
            None,
        ),
    };
    let summary = match code {
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
        assert_eq!(
            observation.details["oldest_transaction_seconds"],
            serde_json::Value::Null
        );
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
