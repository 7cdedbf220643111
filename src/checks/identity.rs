//! The identity provider: whether it is ready, and whether it is the one that people are sent to.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use jiff::Timestamp;
use qclock_probe::http::{Limits, Reply};
use qclock_probe::tls::valid_until;
use qclock_probe::web::{Client, WebError};
use serde_json::{Value, json};

use crate::checks::failure::reason;
use crate::clock::rfc3339;
use crate::configuration::IdentityService;
use crate::language::Text;
use crate::observation::Observation;
use crate::sign_in::metadata::{Metadata, MetadataError};
use crate::sign_in::version::ServerVersion;
use crate::state::State;

/// The most bytes of an answer.
const LONGEST: usize = 128 << 10;
/// A certificate that ends sooner is a concern.
const NEAR_END: i64 = 14 * 86_400;

/// What was found out at one look.
#[derive(Debug)]
pub struct Answers {
    health: Result<Reply, WebError>,
    document: Option<Result<Reply, WebError>>,
    /// When.
    now: Timestamp,
}

/// Looks at it: first whether it is ready; its document only where it answers at all.
pub async fn look(client: &Client, service: &IdentityService, deadline: Duration) -> Observation {
    let ask = async |address: &str| {
        let request = Request::get(address).body(Bytes::new());
        let request = request.map_err(|_| WebError::Address(address.to_owned()))?;
        client
            .send(
                request,
                Limits {
                    deadline,
                    body_bytes: LONGEST,
                },
            )
            .await
    };
    let health = ask(&format!("{}/health/ready", service.url)).await;
    let document = match (&health, &service.discovery_url) {
        (Ok(_), Some(address)) => Some(ask(address).await),
        _ => None,
    };
    let now = crate::clock::Moment::now().wall;
    judge(&Answers { health, document, now }, service.issuer.as_deref())
}

/// Adds which version it has, where it works and tells.
pub async fn add_version(observation: &mut Observation, version: &ServerVersion, deadline: Duration) {
    if observation.state == State::Down {
        return version.forget().await;
    }
    let Some(version) = version.ask(deadline).await else {
        return;
    };
    observation.push_fact(
        Text::new("Version", "Version"),
        Some(Text::same(format!("Keycloak {version}"))),
    );
    if let Value::Object(details) = &mut observation.details {
        details.insert("product".to_owned(), "Keycloak".into());
        details.insert("version".to_owned(), version.into());
    }
}

/// What the answers mean.
pub fn judge(answers: &Answers, issuer: Option<&str>) -> Observation {
    let health = match &answers.health {
        Ok(reply) => reply,
        Err(error) => return Observation::bare(State::Down, web_reason(error)),
    };
    let certificate = [
        Some(health),
        answers.document.as_ref().and_then(|reply| reply.as_ref().ok()),
    ];
    let until = certificate
        .into_iter()
        .flatten()
        .find_map(|reply| valid_until(reply.certificate.as_deref()?));
    let days = until.map(|until| (until - answers.now.as_second()).div_euclid(86_400));
    let (state, summary) = verdict(health.response.status().as_u16(), answers, issuer);
    let mut observation = Observation::bare(state, summary);
    observation.latency = Some(health.latency);
    observation.concern = days.filter(|days| days * 86_400 < NEAR_END).map(|days| {
        Text::new(
            format!("its certificate ends in {days} d"),
            format!("son certificat expire dans {days} j"),
        )
    });
    let answered = answers
        .document
        .as_ref()
        .map(|document| document.as_ref().is_ok_and(|reply| reply.response.status() == 200));
    let latency = answers
        .document
        .as_ref()
        .and_then(|document| document.as_ref().ok())
        .map(|reply| reply.latency);
    observation.details = json!({
        "ready": health.response.status() == 200,
        "discovery": answered,
        "discovery_latency_ms": latency.map(|latency| (latency.as_secs_f64() * 1e6).round() / 1e3),
        "issuer": issuer,
        "certificate_not_after": until.and_then(|until| Timestamp::from_second(until).ok()).map(rfc3339),
        "certificate_days_left": days,
    });
    observation.push_fact(Text::new("Issuer", "Émetteur"), issuer.map(Text::same));
    let milliseconds = |latency: Duration| Text::each(|language| language.latency(latency.as_secs_f64() * 1000.0));
    observation.push_fact(Text::new("Discovery", "Découverte"), latency.map(milliseconds));
    let words = |days: i64| Text::new(format!("{days} d left"), format!("reste {days} j"));
    observation.push_fact(Text::new("Certificate", "Certificat"), days.map(words));
    observation
}

fn verdict(health: u16, answers: &Answers, issuer: Option<&str>) -> (State, Text) {
    if health != 200 {
        let summary = Text::new(
            format!("lives, but is not ready (status {health})"),
            format!("vit, mais n'est pas prêt (état {health})"),
        );
        return (State::Down, summary);
    }
    let (Some(document), Some(issuer)) = (&answers.document, issuer) else {
        return (State::Operational, Text::new("ready", "prêt"));
    };
    match document {
        Err(error) => {
            let Text { en, fr } = web_reason(error);
            (
                State::Down,
                Text::new(
                    format!("ready, but its document: {en}"),
                    format!("prêt, mais son document : {fr}"),
                ),
            )
        }
        Ok(reply) if reply.response.status() != 200 => {
            let status = reply.response.status().as_u16();
            let summary = Text::new(
                format!("ready, but without the realm (status {status})"),
                format!("prêt, mais sans le domaine (état {status})"),
            );
            (State::Down, summary)
        }
        Ok(reply) => match Metadata::parse(reply.response.body(), issuer) {
            Ok(_) => (
                State::Operational,
                Text::new("ready, and is who it should be", "prêt, et bien celui attendu"),
            ),
            Err(MetadataError::Issuer { found, .. }) => (
                State::Down,
                Text::new(format!("calls itself {found}"), format!("se nomme {found}")),
            ),
            Err(_) => (
                State::Down,
                Text::new(
                    "ready, but its document is not usable",
                    "prêt, mais son document est inutilisable",
                ),
            ),
        },
    }
}

fn web_reason(error: &WebError) -> Text {
    match error {
        WebError::Http(error) => reason(error),
        WebError::Address(_) => Text::new("its address cannot be asked", "son adresse ne peut pas être interrogée"),
        WebError::NoTrust(_) => Text::new("there is no authority to trust", "aucune autorité de certification"),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Response;

    use super::*;

    const ISSUER: &str = "http://localhost:8081/auth/realms/qclock";

    #[expect(clippy::unnecessary_wraps, reason = "stands where a failure may stand")]
    fn reply(status: u16, body: &str) -> Result<Reply, WebError> {
        let response = Response::builder()
            .status(status)
            .body(Bytes::from(body.to_owned()))
            .unwrap();
        Ok(Reply {
            response,
            latency: Duration::from_millis(3),
            certificate: None,
        })
    }

    fn judged(health: Result<Reply, WebError>, document: Option<Result<Reply, WebError>>) -> (State, String) {
        let now = "2026-11-25T10:00:00Z".parse().unwrap();
        let observation = judge(&Answers { health, document, now }, Some(ISSUER));
        (observation.state, observation.summary.en)
    }

    fn document(issuer: &str) -> String {
        json!({ "issuer": issuer, "authorization_endpoint": "http://a/", "token_endpoint": "http://a/", "jwks_uri": "http://a/" }).to_string()
    }

    #[test]
    fn a_ready_provider_with_the_right_name_is_operational() {
        let (state, summary) = judged(reply(200, "{}"), Some(reply(200, &document(ISSUER))));
        assert_eq!(
            (state, summary.as_str()),
            (State::Operational, "ready, and is who it should be")
        );
        assert_eq!(judged(reply(200, "{}"), None).0, State::Operational);
    }

    #[test]
    fn everything_else_is_down_for_whoever_wants_to_sign_in() {
        let (state, summary) = judged(reply(200, "{}"), Some(reply(200, &document("http://evil/"))));
        assert_eq!((state, summary.as_str()), (State::Down, "calls itself http://evil/"));
        assert_eq!(
            judged(reply(503, "{}"), Some(reply(200, &document(ISSUER)))).0,
            State::Down
        );
        assert_eq!(judged(reply(200, "{}"), Some(reply(404, ""))).0, State::Down);
        assert_eq!(judged(reply(200, "{}"), Some(reply(200, "<html>"))).0, State::Down);
        let gone = Err(WebError::Address("x".to_owned()));
        assert_eq!(judged(gone, None).0, State::Down);
    }
}
