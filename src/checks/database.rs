//! The database, visited by the dashboard itself.

use std::io;

use qclock_probe::database::{DatabaseAnswer, DatabaseError};
use serde_json::json;

use crate::checks::failure::{late, unresolved};
use crate::language::{Language, Text};
use crate::observation::{Measured, Observation};
use crate::state::State;

/// A share of used connections that is a concern when it lasts.
const BUSY: f64 = 0.85;

/// What a visit, or its failure, means.
pub fn judge(result: Result<DatabaseAnswer, DatabaseError>) -> Observation {
    match result {
        Ok(answer) => visited(answer),
        Err(error) => failed(&error),
    }
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
    observation.concern = concern(&answer);
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
        .map(|connected| connections(connected, answer.max_connections));
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

fn connections(connected: u64, most: Option<u64>) -> Text {
    match most {
        Some(most) => Text::each(|language: Language| {
            let (connected, most) = (language.whole(connected), language.whole(most));
            language.pick(format!("{connected} of {most}"), format!("{connected} sur {most}"))
        }),
        None => Text::each(|language| language.whole(connected)),
    }
}

fn concern(answer: &DatabaseAnswer) -> Option<Text> {
    let (connected, most) = (
        answer.threads_connected?,
        answer.max_connections.filter(|most| *most > 0)?,
    );
    (connected as f64 / most as f64 > BUSY).then(|| {
        Text::new(
            format!("few connections left: {connected} of {most} in use"),
            format!("peu de connexions libres : {connected} sur {most} utilisées"),
        )
    })
}

fn failed(error: &DatabaseError) -> Observation {
    let (state, summary, code) = match error {
        DatabaseError::Resolve(error) => (State::Down, unresolved(error), None),
        DatabaseError::Connection { source, .. } => (State::Down, connection(source), None),
        DatabaseError::Deadline { deadline, .. } => (
            State::Down,
            late(deadline.as_secs_f64(), ["no answer within", "aucune réponse en"]),
            None,
        ),
        DatabaseError::Full { code } => (
            State::Down,
            Text::new("no connection left", "plus de connexion libre"),
            Some(*code),
        ),
        // It lives, and applications may well be served: what is broken is the watching.
        DatabaseError::Refused { code, .. } => (
            State::Degraded,
            Text::new(
                "lives, but refuses the monitoring account",
                "vit, mais refuse le compte de surveillance",
            ),
            Some(*code),
        ),
        DatabaseError::Server { code, .. } => (
            State::Degraded,
            Text::new("lives, but answers with an error", "vit, mais répond par une erreur"),
            Some(*code),
        ),
        DatabaseError::Answer => (
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
    Text::new("the connection fails", "la connexion échoue")
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
        assert_eq!(without_password(&io::ErrorKind::NotFound.into()).state, State::Unknown);
    }
}
