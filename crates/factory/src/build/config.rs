//! The image's configuration and labels.

use std::collections::BTreeMap;

use jiff::Timestamp;
use qclock_oci::image::{Config, Empty, Healthcheck, History, Run};

use super::{BuildError, BuiltImage, Request};
use crate::definition::{Definition, Health, IMAGE_PREFIX};
use crate::flavour::go_architecture;

const SECOND: u64 = 1_000_000_000;

/// RFC 3339.
pub(super) fn date(image: &str, epoch: u64) -> Result<String, BuildError> {
    let wrong = || BuildError::Date {
        image: image.to_owned(),
        seconds: epoch,
    };
    let seconds = i64::try_from(epoch).map_err(|_| wrong())?;
    Ok(Timestamp::from_second(seconds).map_err(|_| wrong())?.to_string())
}

/// Seconds since the epoch of a date that [`date`] wrote.
pub(super) fn seconds(date: &str) -> Option<u64> {
    let timestamp: Timestamp = date.parse().ok()?;
    u64::try_from(timestamp.as_second()).ok()
}

/// The same map is in the config, where `docker inspect` shows it, and in the manifest, where registries do.
pub(super) fn labels(
    request: &Request<'_>,
    image: &Definition,
    parent: Option<&BuiltImage>,
    created: &str,
    lock: &str,
) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for ancestor in request.project.lineage(image) {
        labels.extend(ancestor.labels.clone());
    }
    let flavour = &request.project.flavour;
    let mut put = |key: &str, value: &str| labels.insert(key.to_owned(), value.to_owned());
    for (key, value) in [
        ("title", image.title.as_str()),
        ("description", &image.description),
        ("version", request.version),
        ("created", created),
        ("vendor", "QClock"),
        // Our own files, and those of the packages, each under its own.
        ("licenses", "Apache-2.0 AND LicenseRef-distribution-packages"),
    ] {
        put(&format!("org.opencontainers.image.{key}"), value);
    }
    if let Some(parent) = parent {
        put(
            "org.opencontainers.image.base.name",
            &format!(
                "{IMAGE_PREFIX}{}:{}",
                image.parent.as_deref().unwrap_or_default(),
                request.version
            ),
        );
        put("org.opencontainers.image.base.digest", &parent.digest.to_string());
    }
    put("io.qclock.flavour", &flavour.name);
    put(
        "io.qclock.evaluation",
        if flavour.evaluation { "true" } else { "false" },
    );
    put("io.qclock.lock", lock);
    labels
}

/// What the image runs: the parent's configuration, changed by the definition as a Dockerfile would change it.
pub(super) fn run(parent: Option<&Run>, image: &Definition, labels: BTreeMap<String, String>) -> Run {
    let own = &image.run;
    let mut run = parent.cloned().unwrap_or_default();
    run.labels = labels;
    if let Some(user) = &own.user {
        run.user.clone_from(user);
    }
    if !own.entrypoint.is_empty() {
        run.entrypoint.clone_from(&own.entrypoint);
        run.cmd.clear();
    }
    if !own.command.is_empty() {
        run.cmd.clone_from(&own.command);
    }
    let mut environment: BTreeMap<String, String> = run
        .env
        .iter()
        .filter_map(|variable| variable.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    environment.extend(own.environment.clone());
    run.env = environment
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    run.exposed_ports
        .extend(own.ports.iter().map(|port| (format!("{port}/tcp"), Empty {})));
    run.volumes
        .extend(own.volumes.iter().map(|volume| (volume.clone(), Empty {})));
    if let Some(folder) = &own.working_directory {
        run.working_dir.clone_from(folder);
    }
    if let Some(signal) = &own.stop_signal {
        run.stop_signal.clone_from(signal);
    }
    if let Some(health) = &own.health {
        run.healthcheck = Some(healthcheck(health));
    }
    run
}

fn healthcheck(health: &Health) -> Healthcheck {
    Healthcheck {
        test: ["CMD".to_owned()]
            .into_iter()
            .chain(health.command.iter().cloned())
            .collect(),
        interval: health.interval_seconds.saturating_mul(SECOND),
        timeout: health.timeout_seconds.saturating_mul(SECOND),
        start_period: health.start_period_seconds.saturating_mul(SECOND),
        retries: health.retries,
    }
}

/// The config without its layers; `history` has one line for each layer of the image's own.
pub(super) fn config(architecture: &str, created: &str, run: Run, history: &[(&str, String)]) -> Config {
    Config {
        created: created.to_owned(),
        architecture: go_architecture(architecture).to_owned(),
        os: "linux".to_owned(),
        config: run,
        history: history
            .iter()
            .map(|(created_by, comment)| History {
                created: created.to_owned(),
                created_by: (*created_by).to_owned(),
                comment: comment.clone(),
            })
            .collect(),
        ..Config::default()
    }
}
