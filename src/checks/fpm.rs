//! PHP-FPM: does the pool's status answer, and has it workers left.  The queue is not shown: on a Unix socket FPM does not know it.

use qclock_probe::fpm::FpmStatus;
use qclock_probe::http::{Answer, HttpError};
use serde_json::json;

use crate::checks::failure::{Way, behind_apache, refused_by_status};
use crate::language::Text;
use crate::observation::{Measured, Observation};
use crate::state::State;

/// A share of active workers that is a concern when it lasts.
const BUSY: f64 = 0.8;

/// What the answer to `/fpm-status?json`, or its absence, means.
pub fn judge(result: &Result<Answer, HttpError>, way: Way, max_children: Option<u64>) -> Observation {
    let answer = match result {
        Ok(answer) => answer,
        Err(error) => return behind_apache(error, way),
    };
    if let Some(refused) = refused_by_status(answer) {
        return refused;
    }
    let Ok(status) = FpmStatus::parse(&answer.body) else {
        return Observation::bare(
            State::Unknown,
            Text::new("its status is not readable", "son état n'est pas lisible"),
        );
    };
    let most = max_children.or_else(|| status.max_children());
    let (active, total) = (status.active_processes, most.unwrap_or(status.total_processes));
    let summary = Text::each(|language| language.busy_workers(active, total));
    let mut observation = Observation::bare(State::Operational, summary);
    observation.latency = Some(answer.latency);
    observation.uptime_seconds = Some(status.start_since);
    observation.concern = most.and_then(|most| concern(&status, most));
    observation.details = json!({
        "pool": status.pool,
        "process_manager": status.process_manager,
        "start_time": status.start_time,
        "uptime_seconds": status.start_since,
        "workers": { "active": active, "idle": status.idle_processes, "total": status.total_processes, "max": most,
            "max_active": status.max_active_processes },
        "accepted_connections": status.accepted_connections,
        "slow_requests": status.slow_requests,
    });
    let whole = |count: u64| Some(Text::each(|language| language.whole(count)));
    observation.push_fact(
        Text::new("Pool", "Groupe"),
        Some(Text::same(format!("{} ({})", status.pool, status.process_manager))),
    );
    observation.push_fact(Text::same("Workers"), whole(status.total_processes));
    observation.push_fact(
        Text::new("Most busy at once", "Maximum occupé"),
        status.max_active_processes.and_then(whole),
    );
    observation.push_fact(
        Text::new("Requests", "Requêtes"),
        status.accepted_connections.and_then(whole),
    );
    let uptime = status.start_since;
    observation.push_fact(
        Text::new("Uptime", "En service"),
        Some(Text::each(|language| language.duration(uptime))),
    );
    observation.measured = Some(Measured::Fpm(status, most));
    observation
}

fn concern(status: &FpmStatus, most: u64) -> Option<Text> {
    let active = status.active_processes;
    let saturated = active >= most && status.idle_processes == 0;
    (most > 0 && active as f64 / most as f64 >= BUSY).then(|| {
        Text::each(|language| {
            let how = if saturated {
                language.pick("saturated:", "saturé :")
            } else {
                language.pick("nearly saturated:", "presque saturé :")
            };
            format!("{how} {}", language.busy_workers(active, most))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn judged(active: u64, manager: &str, max_children: Option<u64>) -> Observation {
        let body = format!(
            r#"{{"pool":"www","process manager":"{manager}","start time":1732240000,"start since":12,"idle processes":{},
            "active processes":{active},"total processes":8,"listen queue":0}}"#,
            8 - active
        );
        let latency = Duration::from_millis(1);
        judge(
            &Ok(Answer {
                status: 200,
                content_type: None,
                body: body.into(),
                latency,
            }),
            Way::Open,
            max_children,
        )
    }

    #[test]
    fn a_pool_with_room_is_operational_and_tells_no_queue() {
        let observation = judged(1, "static", None);
        assert_eq!(
            (observation.state, observation.concern.as_ref()),
            (State::Operational, None)
        );
        assert_eq!(observation.uptime_seconds, Some(12));
        assert!(!observation.details.to_string().contains("queue"));
    }

    #[test]
    fn saturation_needs_to_know_the_most_workers() {
        let concern = |active, manager, most| judged(active, manager, most).concern.map(|text| text.en);
        assert_eq!(
            concern(7, "static", None).as_deref(),
            Some("nearly saturated: 7 of 8 workers busy")
        );
        assert_eq!(
            concern(8, "static", None).as_deref(),
            Some("saturated: 8 of 8 workers busy")
        );
        assert_eq!(concern(8, "dynamic", None), None);
        assert_eq!(concern(8, "dynamic", Some(50)), None);
    }
}
