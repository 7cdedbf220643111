//! The database, visited by the dashboard itself.

use std::io;

use qclock_probe::database::{DatabaseAnswer, DatabaseError};
use serde_json::{Value, json};

use crate::checks::failure::unresolved;
use crate::checks::visit::{self, Refusal};
use crate::language::Text;
use crate::observation::{Measured, Observation};
use crate::state::State;

/// What a visit, or its failure, means.
pub fn judge(result: Result<DatabaseAnswer, DatabaseError>) -> Observation {
    match result {
        Ok(answer) => visited(answer),
        Err(error) => failed(&error),
    }
}

fn visited(answer: DatabaseAnswer) -> Observation {
    let product = answer.product.to_string();
    let number = answer.version.split('-').next().unwrap_or(&answer.version).to_owned();
    let read_only = answer.read_only == Some(true);
    let (state, summary) = if read_only {
        let summary = Text::new(
            format!("{product} {number} is read-only"),
            format!("{product} {number} est en lecture seule"),
        );
        (State::Degraded, summary)
    } else {
        (
            State::Operational,
            Text::new(
                format!("{product} {number} answers"),
                format!("{product} {number} répond"),
            ),
        )
    };
    let mut observation = Observation::bare(state, summary);
    observation.latency = Some(answer.latency);
    observation.uptime_seconds = answer.uptime_seconds;
    observation.concern = visit::few_left(answer.threads_connected, answer.max_connections);
    observation.details = json!({
        "product": product,
        "version": answer.version,
        "version_comment": answer.version_comment,
        "uptime_seconds": answer.uptime_seconds,
        "threads_connected": answer.threads_connected,
        "threads_running": answer.threads_running,
        "max_used_connections": answer.max_used_connections,
        "max_connections": answer.max_connections,
        "read_only": answer.read_only,
    });
    observation.push_fact(Text::new("Product", "Produit"), Some(Text::same(product)));
    observation.push_fact(Text::same("Version"), Some(Text::same(answer.version.clone())));
    let connections = answer
        .threads_connected
        .map(|connected| visit::connections(connected, answer.max_connections));
    observation.push_fact(Text::new("Connections", "Connexions"), connections);
    let whole = |count: u64| Text::each(|language| language.whole(count));
    observation.push_fact(
        Text::new("Slow queries", "Requêtes lentes"),
        answer.slow_queries.map(whole),
    );
    let uptime = answer
        .uptime_seconds
        .map(|seconds| Text::each(|language| language.duration(seconds)));
    observation.push_fact(Text::new("Uptime", "En service"), uptime);
    observation.measured = Some(Measured::Database(Box::new(answer)));
    observation
}

fn failed(error: &DatabaseError) -> Observation {
    let code = match error {
        DatabaseError::Full { code } | DatabaseError::Refused { code, .. } | DatabaseError::Server { code, .. } => {
            Some(Value::from(*code))
        }
        _ => None,
    };
    let judged = match error {
        DatabaseError::Resolve(error) => (State::Down, unresolved(error)),
        DatabaseError::Connection { source, .. } => (State::Down, connection(source)),
        DatabaseError::Deadline { deadline, .. } => Refusal::Late(*deadline).judge(),
        DatabaseError::Full { .. } => Refusal::Full.judge(),
        DatabaseError::Refused { .. } => Refusal::Account.judge(),
        DatabaseError::Server { .. } => Refusal::Error.judge(),
        DatabaseError::Answer => Refusal::Unreadable.judge(),
    };
    visit::failed(judged, code.as_ref())
}

/// A refused connection is told from one that broke off.
fn connection(error: &(dyn std::error::Error + 'static)) -> Text {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        {
            return Text::new("connection refused", "connexion refusée");
        }
        cause = error.source();
    }
    Refusal::BrokenOff.judge().1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use qclock_probe::database::Product;

    use super::*;

    fn answer() -> DatabaseAnswer {
        DatabaseAnswer {
            product: Product::MariaDB,
            version: "10.11.6-MariaDB-0+deb12u1".to_owned(),
            uptime_seconds: Some(3600),
            threads_connected: Some(4),
            max_connections: Some(151),
            latency: Duration::from_millis(2),
            ..DatabaseAnswer::default()
        }
    }

    #[test]
    fn an_answer_is_operational_with_product_and_version() {
        let observation = judge(Ok(answer()));
        assert_eq!(
            (observation.state, observation.summary.fr.as_str()),
            (State::Operational, "MariaDB 10.11.6 répond")
        );
        assert_eq!(
            (&observation.details["product"], &observation.details["version"]),
            (&json!("MariaDB"), &json!("10.11.6-MariaDB-0+deb12u1"))
        );
        assert_eq!(observation.concern, None);
    }

    #[test]
    fn a_full_server_is_a_concern_and_a_read_only_one_degrades() {
        assert!(
            judge(Ok(DatabaseAnswer {
                threads_connected: Some(140),
                ..answer()
            }))
            .concern
            .is_some()
        );
        assert_eq!(
            judge(Ok(DatabaseAnswer {
                read_only: Some(true),
                ..answer()
            }))
            .state,
            State::Degraded
        );
    }

    #[test]
    fn failures_are_down_and_refusals_are_not() {
        let late = DatabaseError::Deadline {
            address: "db:3306".to_owned(),
            deadline: Duration::from_millis(1500),
        };
        assert_eq!(judge(Err(late)).summary.en, "no answer within 1.5\u{a0}s");
        let refused = DatabaseError::Refused {
            code: 1045,
            message: "Access denied for user 'qclock_monitor'".to_owned(),
        };
        let observation = judge(Err(refused));
        assert_eq!(
            (observation.state, observation.details["error_code"].as_u64()),
            (State::Degraded, Some(1045))
        );
        assert!(!observation.summary.en.contains("qclock_monitor"));
        assert_eq!(judge(Err(DatabaseError::Full { code: 1040 })).state, State::Down);
    }
}
