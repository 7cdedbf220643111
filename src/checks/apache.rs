//! Apache: does the status listener answer, and has it workers left.

use qclock_probe::apache::ApacheStatus;
use qclock_probe::http::{Answer, HttpError};
use serde_json::json;

use crate::checks::failure::reason;
use crate::language::Text;
use crate::observation::{Measured, Observation};
use crate::state::State;

/// A share of busy workers that is a concern when it lasts.
const BUSY: f64 = 0.85;

/// What the answer to `/server-status?auto`, or its absence, means.
pub fn judge(result: &Result<Answer, HttpError>) -> Observation {
    let answer = match result {
        Ok(answer) if answer.status == 200 => answer,
        Ok(answer) => {
            let status = answer.status;
            let summary = Text::new(
                format!("the status listener answers {status}"),
                format!("l'écoute d'état répond {status}"),
            );
            return Observation::bare(State::Degraded, summary);
        }
        Err(error) => return Observation::bare(State::Down, reason(error)),
    };
    let Ok(status) = ApacheStatus::parse(&answer.body) else {
        let summary = Text::new(
            "answers, but its status is not readable",
            "répond, mais son état n'est pas lisible",
        );
        return Observation::bare(State::Degraded, summary);
    };
    let mut observation = Observation::bare(State::Operational, summary(&status));
    observation.latency = Some(answer.latency);
    observation.uptime_seconds = status.uptime_seconds;
    observation.concern = concern(&status);
    observation.details = json!({
        "version": status.server_version,
        "mpm": status.mpm,
        "uptime_seconds": status.uptime_seconds,
        "workers": { "busy": status.busy_workers, "idle": status.idle_workers },
        "connections": status.connections,
        "requests_total": status.accesses,
    });
    let whole = |count: Option<u64>| count.map(|count| Text::each(|language| language.whole(count)));
    observation.push_fact(Text::same("Version"), status.server_version.clone().map(Text::same));
    observation.push_fact(Text::same("MPM"), status.mpm.clone().map(Text::same));
    observation.push_fact(Text::new("Requests", "Requêtes"), whole(status.accesses));
    observation.push_fact(Text::new("Connections", "Connexions"), whole(status.connections.total));
    observation.push_fact(
        Text::new("Uptime", "En service"),
        status
            .uptime_seconds
            .map(|seconds| Text::each(|language| language.duration(seconds))),
    );
    observation.measured = Some(Measured::Apache(Box::new(status)));
    observation
}

fn summary(status: &ApacheStatus) -> Text {
    match (status.busy_workers, status.idle_workers) {
        (Some(busy), Some(idle)) => Text::each(|language| language.busy_workers(busy, busy.saturating_add(idle))),
        _ => Text::new("answers", "répond"),
    }
}

fn concern(status: &ApacheStatus) -> Option<Text> {
    let (busy, idle) = (status.busy_workers?, status.idle_workers?);
    let all = busy.saturating_add(idle);
    (all > 0 && busy as f64 / all as f64 > BUSY).then(|| {
        Text::each(|language| {
            let workers = language.busy_workers(busy, all);
            language.pick(
                format!("nearly saturated: {workers}"),
                format!("presque saturé : {workers}"),
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn judged(status: u16, body: &str) -> Observation {
        let latency = Duration::from_millis(2);
        judge(&Ok(Answer {
            status,
            content_type: None,
            body: body.as_bytes().to_vec().into(),
            latency,
        }))
    }

    #[test]
    fn a_status_is_operational_with_its_workers() {
        let observation = judged(
            200,
            "ServerVersion: Apache\nBusyWorkers: 1\nIdleWorkers: 63\nServerUptimeSeconds: 70\n",
        );
        assert_eq!(
            (observation.state, observation.summary.en.as_str()),
            (State::Operational, "1 of 64 workers busy")
        );
        assert_eq!((observation.uptime_seconds, observation.concern), (Some(70), None));
        assert_eq!(observation.details["requests_total"], serde_json::Value::Null);
    }

    #[test]
    fn few_workers_left_are_a_concern_and_another_page_degrades() {
        assert!(judged(200, "BusyWorkers: 63\nIdleWorkers: 1\n").concern.is_some());
        assert!(judged(200, "BusyWorkers: 0\nIdleWorkers: 0\n").concern.is_none());
        assert_eq!(judged(200, "hello").state, State::Degraded);
        assert_eq!(judged(403, "").state, State::Degraded);
    }
}
