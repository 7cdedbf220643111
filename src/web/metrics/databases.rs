//! The figures of both databases.

use std::fmt::Error;

use qclock_probe::database::DatabaseAnswer;
use qclock_probe::postgres::PostgresAnswer;

use super::services::{number, write_figure};
use super::{Labels, Writer};

pub(super) fn postgres(answer: &PostgresAnswer, writer: &mut Writer<'_>) -> Result<(), Error> {
    let info = vec![("version", answer.version.clone())];
    writer.gauges(
        "pg_static",
        "Version of the identity provider's database",
        &[(info, 1.0)],
    )?;
    for (name, help, figure) in [
        ("pg_uptime_seconds", "Seconds since the start", answer.uptime_seconds),
        (
            "pg_stat_activity_connections",
            "Connections of clients that are open",
            answer.connections,
        ),
        (
            "pg_settings_max_connections",
            "The most connections that are allowed",
            answer.max_connections,
        ),
        (
            "pg_stat_activity_max_tx_duration",
            "Seconds since the oldest open transaction began",
            answer.oldest_transaction_seconds,
        ),
    ] {
        writer.gauge(name, help, number(figure))?;
    }
    Ok(())
}

pub(super) fn database(answer: &DatabaseAnswer, writer: &mut Writer<'_>) -> Result<(), Error> {
    let comment = answer.version_comment.clone().unwrap_or_default();
    let info = vec![
        ("product", answer.product.to_string()),
        ("version", answer.version.clone()),
        ("version_comment", comment),
    ];
    writer.gauges("mysql_version_info", "Version of the database", &[(info, 1.0)])?;
    let figures = [
        (
            "mysql_global_status_uptime",
            "Seconds since the start",
            answer.uptime_seconds,
        ),
        (
            "mysql_global_status_threads_connected",
            "Connections that are open",
            answer.threads_connected,
        ),
        (
            "mysql_global_status_threads_running",
            "Connections that do something",
            answer.threads_running,
        ),
        (
            "mysql_global_status_max_used_connections",
            "The most connections that were open at once",
            answer.max_used_connections,
        ),
        (
            "mysql_global_status_questions",
            "Statements since the start",
            answer.questions,
        ),
        (
            "mysql_global_status_slow_queries",
            "Slow statements since the start",
            answer.slow_queries,
        ),
        (
            "mysql_global_status_aborted_connects",
            "Failed connections since the start",
            answer.aborted_connects,
        ),
        (
            "mysql_global_variables_max_connections",
            "The most connections that are allowed",
            answer.max_connections,
        ),
        (
            "mysql_global_variables_read_only",
            "Whether the server refuses to write",
            answer.read_only.map(u64::from),
        ),
    ];
    for (name, help, figure) in figures {
        let samples: Vec<_> = number(figure)
            .map(|figure| (Labels::new(), figure))
            .into_iter()
            .collect();
        write_figure(name, help, &samples, writer)?;
    }
    Ok(())
}
