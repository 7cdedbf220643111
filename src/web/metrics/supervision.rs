//! What the dashboard knows as such: states, ages, itself.

use std::fmt::Error;

use super::{Exposition, Labels, Writer};
use crate::board::Seen;
use crate::clock::seconds_between;
use crate::state::State;

pub(super) fn write(exposition: &Exposition, writer: &mut Writer<'_>) -> Result<(), Error> {
    states(exposition, writer)?;
    ages(exposition, writer)?;
    itself(exposition, writer)
}

fn labels(seen: &Seen) -> Labels {
    vec![
        ("check", seen.check.id().to_owned()),
        ("tier", seen.check.tier().id().to_owned()),
    ]
}

fn states(exposition: &Exposition, writer: &mut Writer<'_>) -> Result<(), Error> {
    let checks = &exposition.snapshot.checks;
    let set = |labels: Labels, current: State| {
        State::ALL.into_iter().map(move |state| {
            let labels = [labels.clone(), vec![("state", state.key().to_owned())]].concat();
            (labels, f64::from(u8::from(state == current)))
        })
    };
    let samples: Vec<_> = checks
        .iter()
        .flat_map(|seen| set(labels(seen), seen.believed()))
        .collect();
    writer.gauges(
        "qclock_check_state",
        "State of a check: 1 for the one that it is in, stale ones are unknown",
        &samples,
    )?;
    let whole: Vec<_> = set(Labels::new(), exposition.snapshot.state()).collect();
    writer.gauges("qclock_state", "State of the whole, the worst of its checks", &whole)?;
    let flag = |value: bool| f64::from(u8::from(value));
    let stale: Vec<_> = checks.iter().map(|seen| (labels(seen), flag(seen.stale))).collect();
    writer.gauges(
        "qclock_check_stale",
        "Whether a check's last observation is too old to be believed",
        &stale,
    )?;
    let maintenance: Vec<_> = checks
        .iter()
        .map(|seen| (labels(seen), flag(seen.current.state == State::Maintenance)))
        .collect();
    writer.gauges(
        "qclock_check_maintenance",
        "Whether a check is in announced maintenance",
        &maintenance,
    )
}

fn ages(exposition: &Exposition, writer: &mut Writer<'_>) -> Result<(), Error> {
    let checks = &exposition.snapshot.checks;
    let runs: Vec<_> = checks
        .iter()
        .filter_map(|seen| Some((labels(seen), seen.current.checked_at?.as_millisecond() as f64 / 1000.0)))
        .collect();
    writer.gauges(
        "qclock_check_last_run_timestamp_seconds",
        "When a check was last made",
        &runs,
    )?;
    let since: Vec<_> = checks
        .iter()
        .map(|seen| (labels(seen), seen.current.since.as_millisecond() as f64 / 1000.0))
        .collect();
    writer.gauges(
        "qclock_check_since_timestamp_seconds",
        "Since when a check is in its state",
        &since,
    )?;
    let latencies: Vec<_> = checks
        .iter()
        .filter_map(|seen| Some((labels(seen), seen.current.observation.latency?.as_secs_f64())))
        .collect();
    writer.gauges(
        "qclock_check_duration_seconds",
        "How long the last answer took",
        &latencies,
    )
}

fn itself(exposition: &Exposition, writer: &mut Writer<'_>) -> Result<(), Error> {
    let mut labels: Labels = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    if let Some(record) = &exposition.record {
        labels.push(("flavour", record.flavour.clone()));
        labels.push(("lock", record.lock.clone()));
    }
    writer.gauges(
        "qclock_build_info",
        "The dashboard's version and the image that it came in",
        &[(labels, 1.0)],
    )?;
    writer.gauge(
        "qclock_sse_clients",
        "Event streams that are open",
        Some(exposition.readers as f64),
    )?;
    let uptime = seconds_between(exposition.started, exposition.snapshot.at) as f64;
    writer.gauge(
        "qclock_uptime_seconds",
        "Time since the dashboard was started",
        Some(uptime),
    )
}
