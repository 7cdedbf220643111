//! The figures of the watched services, under the names of the usual exporters.

use std::fmt::Error;

use qclock_probe::apache::ApacheStatus;
use qclock_probe::fpm::FpmStatus;
use qclock_probe::php::{Opcache, Php};

use super::databases::{database, postgres};
use super::{Exposition, Labels, Writer};
use crate::board::Seen;
use crate::check::Check;
use crate::observation::Measured;

pub(super) fn write(exposition: &Exposition, writer: &mut Writer<'_>) -> Result<(), Error> {
    for seen in &exposition.snapshot.checks {
        // A figure of yesterday is no figure.
        let measured = seen.current.observation.measured.as_ref().filter(|_| !seen.stale);
        up(seen, measured, writer)?;
        match measured {
            Some(Measured::Apache(status)) => apache(status, writer)?,
            Some(Measured::Fpm(status, most)) => fpm(status, *most, writer)?,
            Some(Measured::Php(php, opcache)) => interpreter(php, opcache.as_ref(), writer)?,
            Some(Measured::Extensions(extensions)) => loaded(extensions, writer)?,
            Some(Measured::Database(answer)) => database(answer, writer)?,
            Some(Measured::Postgres(answer)) => postgres(answer, writer)?,
            Some(Measured::Connection(_)) | None => {}
        }
    }
    Ok(())
}

/// `…_up` is 1 only for an answer that was understood.
fn up(seen: &Seen, measured: Option<&Measured>, writer: &mut Writer<'_>) -> Result<(), Error> {
    let (name, help) = match seen.check {
        Check::Apache => ("apache_up", "Whether Apache's status was read"),
        Check::PhpFpm => ("phpfpm_up", "Whether PHP-FPM's status was read"),
        Check::Database => ("mysql_up", "Whether the database answered"),
        Check::IdentityDb => ("pg_up", "Whether the identity provider's database answered"),
        _ => return Ok(()),
    };
    writer.gauge(name, help, Some(f64::from(u8::from(measured.is_some()))))
}

pub(super) fn number(count: Option<u64>) -> Option<f64> {
    count.map(|count| count as f64)
}

/// Those that only grow have no `_total` in the names of the usual exporters.
const COUNTS: [&str; 6] = [
    "phpfpm_accepted_connections",
    "phpfpm_max_children_reached",
    "phpfpm_slow_requests",
    "mysql_global_status_questions",
    "mysql_global_status_slow_queries",
    "mysql_global_status_aborted_connects",
];

pub(super) fn write_figure(
    name: &str,
    help: &str,
    samples: &[(Labels, f64)],
    writer: &mut Writer<'_>,
) -> Result<(), Error> {
    if COUNTS.contains(&name) {
        writer.unknown(name, help, samples)
    } else {
        writer.gauges(name, help, samples)
    }
}

/// Samples that differ in one label; those without a figure are left out.
fn by(label: &'static str, figures: &[(&'static str, Option<f64>)]) -> Vec<(Labels, f64)> {
    figures
        .iter()
        .filter_map(|(value, figure)| Some((vec![(label, (*value).to_owned())], (*figure)?)))
        .collect()
}

fn apache(status: &ApacheStatus, writer: &mut Writer<'_>) -> Result<(), Error> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let info = vec![("version", text(&status.server_version)), ("mpm", text(&status.mpm))];
    writer.gauges("apache_info", "Version and processing module", &[(info, 1.0)])?;
    let generations = by(
        "type",
        &[
            ("config", number(status.config_generation)),
            ("mpm", number(status.mpm_generation)),
        ],
    );
    writer.gauges(
        "apache_generation",
        "Restarts of the configuration and of the processing module",
        &generations,
    )?;
    let [one, five, fifteen] = status.load;
    writer.gauges(
        "apache_load",
        "Load average",
        &by("interval", &[("1min", one), ("5min", five), ("15min", fifteen)]),
    )?;
    writer.counter("apache_accesses", "Requests", number(status.accesses))?;
    writer.counter("apache_sent_kilobytes", "Kilobytes sent", number(status.sent_kilobytes))?;
    writer.counter(
        "apache_duration_ms",
        "Milliseconds spent on requests",
        number(status.duration_ms),
    )?;
    let milliseconds = |seconds: Option<f64>| seconds.map(|seconds| seconds * 1000.0);
    let cpu = [
        ("user", milliseconds(status.cpu_user_seconds)),
        ("system", milliseconds(status.cpu_system_seconds)),
    ];
    writer.counters("apache_cpu_time_ms", "Milliseconds of CPU", &by("type", &cpu))?;
    writer.gauge("apache_cpuload", "Per cent of one CPU since the start", status.cpu_load)?;
    writer.counter(
        "apache_uptime_seconds",
        "Time since the start",
        number(status.uptime_seconds),
    )?;
    let workers = [
        ("busy", number(status.busy_workers)),
        ("idle", number(status.idle_workers)),
        ("graceful", number(status.graceful_workers)),
    ];
    writer.gauges("apache_workers", "Workers by what they do", &by("state", &workers))?;
    let processes = [("all", number(status.processes)), ("stopping", number(status.stopping))];
    writer.gauges("apache_processes", "Server processes", &by("state", &processes))?;
    let connections = [
        ("total", number(status.connections.total)),
        ("writing", number(status.connections.writing)),
        ("keepalive", number(status.connections.keepalive)),
        ("closing", number(status.connections.closing)),
    ];
    writer.gauges(
        "apache_connections",
        "Connections by what they wait for",
        &by("state", &connections),
    )?;
    let counts = status
        .scoreboard
        .map(|board| board.counts().map(|(state, count)| (state, Some(count as f64))));
    writer.gauges(
        "apache_scoreboard",
        "Slots by what they do",
        &counts.map(|counts| by("state", &counts)).unwrap_or_default(),
    )
}

/// The listen queue is left out: on a Unix socket FPM does not know it.
fn fpm(status: &FpmStatus, most: Option<u64>, writer: &mut Writer<'_>) -> Result<(), Error> {
    let labels = vec![("pool", status.pool.clone())];
    let figures = [
        (
            "phpfpm_start_since",
            "Seconds since the pool was started or reloaded",
            Some(status.start_since),
        ),
        (
            "phpfpm_accepted_connections",
            "Requests accepted since then",
            status.accepted_connections,
        ),
        (
            "phpfpm_idle_processes",
            "Workers that wait for a request",
            Some(status.idle_processes),
        ),
        (
            "phpfpm_active_processes",
            "Workers that handle one",
            Some(status.active_processes),
        ),
        ("phpfpm_total_processes", "Workers", Some(status.total_processes)),
        (
            "phpfpm_max_active_processes",
            "The most workers that were active at once",
            status.max_active_processes,
        ),
        (
            "phpfpm_max_children_reached",
            "How often the limit of workers was reached",
            status.max_children_reached,
        ),
        (
            "phpfpm_slow_requests",
            "Requests slower than the limit for the slow log",
            status.slow_requests,
        ),
        (
            "phpfpm_pm_max_children_config",
            "The most workers that the pool may have",
            most,
        ),
    ];
    for (name, help, figure) in figures {
        let samples: Vec<_> = number(figure)
            .map(|figure| (labels.clone(), figure))
            .into_iter()
            .collect();
        write_figure(name, help, &samples, writer)?;
    }
    Ok(())
}

fn interpreter(php: &Php, opcache: Option<&Opcache>, writer: &mut Writer<'_>) -> Result<(), Error> {
    let info = vec![
        ("version", php.version.clone().unwrap_or_default()),
        ("sapi", php.sapi.clone().unwrap_or_default()),
    ];
    writer.gauges("qclock_php_info", "Version and interface of PHP", &[(info, 1.0)])?;
    let Some(opcache) = opcache else { return Ok(()) };
    let enabled = opcache.enabled.map(|enabled| f64::from(u8::from(enabled)));
    writer.gauge("phpfpm_opcache_enabled", "Whether the opcode cache is on", enabled)?;
    writer.gauge(
        "phpfpm_opcache_used_memory_bytes",
        "Memory used by the opcode cache",
        number(opcache.memory_used),
    )?;
    writer.gauge(
        "phpfpm_opcache_free_memory_bytes",
        "Memory free in the opcode cache",
        number(opcache.memory_free),
    )?;
    writer.gauge(
        "phpfpm_opcache_wasted_memory_bytes",
        "Memory wasted in the opcode cache",
        number(opcache.memory_wasted),
    )?;
    writer.gauge(
        "phpfpm_opcache_cached_scripts",
        "Scripts in the opcode cache",
        number(opcache.cached_scripts),
    )?;
    writer.counter("phpfpm_opcache_hits", "Hits of the opcode cache", number(opcache.hits))?;
    writer.counter(
        "phpfpm_opcache_misses",
        "Misses of the opcode cache",
        number(opcache.misses),
    )?;
    writer.gauge(
        "phpfpm_opcache_hit_rate",
        "Hits of the opcode cache in per cent",
        opcache.hit_rate,
    )?;
    writer.counter(
        "phpfpm_opcache_oom_restarts",
        "Restarts of the opcode cache for want of memory",
        number(opcache.oom_restarts),
    )?;
    writer.counter(
        "phpfpm_opcache_hash_restarts",
        "Restarts of the opcode cache for want of keys",
        number(opcache.hash_restarts),
    )?;
    writer.counter(
        "phpfpm_opcache_manual_restarts",
        "Restarts of the opcode cache by hand",
        number(opcache.manual_restarts),
    )
}

fn loaded(extensions: &[(&'static str, bool)], writer: &mut Writer<'_>) -> Result<(), Error> {
    let samples: Vec<_> = extensions
        .iter()
        .map(|(name, good)| {
            (
                vec![("extension", (*name).to_owned()), ("required", "true".to_owned())],
                f64::from(u8::from(*good)),
            )
        })
        .collect();
    writer.gauges(
        "qclock_php_extension_loaded",
        "Whether an extension is loaded and works",
        &samples,
    )
}
