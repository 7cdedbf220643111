//! `/metrics` for Prometheus.  Names are those of the usual exporters where they have one; a figure that was not found out is left out.
//! Where those exporters count without `_total`, the kind is "unknown": a name that dashboards and alerts know is worth more.

use std::fmt::Error;

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::board::Snapshot;
use crate::clock::Moment;
use crate::web::App;
use crate::web::metrics::format::Format;

mod databases;
mod format;
mod services;
mod supervision;

/// Encodes the present knowledge, as OpenMetrics or as Prometheus' older text.
pub async fn show(State(app): State<App>, headers: HeaderMap) -> Response {
    let format = Format::wanted(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()));
    let mut registry = Registry::default();
    let at = Moment::now();
    let readers = app.event_clients.saturating_sub(app.event_permits.available_permits());
    let exposition = Exposition {
        snapshot: app.board.snapshot(at),
        readers: readers as u64,
        started: app.started,
        record: app.record,
    };
    registry.register_collector(Box::new(exposition));
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => {
            let headers = [(CONTENT_TYPE, format.media_type()), (VARY, "Accept")];
            (headers, format.written(text)).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Everything that is exposed, from one snapshot.
#[derive(Debug)]
struct Exposition {
    snapshot: Snapshot,
    readers: u64,
    started: jiff::Timestamp,
    record: Option<std::sync::Arc<crate::record::ImageRecord>>,
}

impl Collector for Exposition {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut writer = Writer { encoder };
        supervision::write(self, &mut writer)?;
        services::write(self, &mut writer)
    }
}

/// The labels of one sample.
type Labels = Vec<(&'static str, String)>;

/// Writes families of samples.
struct Writer<'a> {
    encoder: DescriptorEncoder<'a>,
}

impl Writer<'_> {
    /// A gauge with any number of samples; with none it does not appear.
    fn gauges(&mut self, name: &str, help: &str, samples: &[(Labels, f64)]) -> Result<(), Error> {
        self.family(name, help, MetricType::Gauge, samples)
    }

    /// A counter, named without its `_total`.
    fn counters(&mut self, name: &str, help: &str, samples: &[(Labels, f64)]) -> Result<(), Error> {
        self.family(name, help, MetricType::Counter, samples)
    }

    /// Counts that the usual exporters name without `_total`.
    fn unknown(&mut self, name: &str, help: &str, samples: &[(Labels, f64)]) -> Result<(), Error> {
        self.family(name, help, MetricType::Unknown, samples)
    }

    /// One sample without labels, where there is a figure.
    fn gauge(&mut self, name: &str, help: &str, value: Option<f64>) -> Result<(), Error> {
        self.gauges(
            name,
            help,
            &value
                .map(|value| (Labels::new(), value))
                .into_iter()
                .collect::<Vec<_>>(),
        )
    }

    /// One sample without labels, where there is a figure.
    fn counter(&mut self, name: &str, help: &str, value: Option<f64>) -> Result<(), Error> {
        self.counters(
            name,
            help,
            &value
                .map(|value| (Labels::new(), value))
                .into_iter()
                .collect::<Vec<_>>(),
        )
    }

    fn family(&mut self, name: &str, help: &str, kind: MetricType, samples: &[(Labels, f64)]) -> Result<(), Error> {
        if samples.is_empty() {
            return Ok(());
        }
        // A unit is the end of the name.
        let known = [("_seconds", Unit::Seconds), ("_bytes", Unit::Bytes)];
        let unit = known
            .iter()
            .find_map(|(end, unit)| Some((name.strip_suffix(end)?, unit)));
        let (name, unit) = unit.map_or((name, None), |(name, unit)| (name, Some(unit)));
        let mut family = self.encoder.encode_descriptor(name, help, unit, kind)?;
        for (labels, value) in samples {
            let sample = family.encode_family(labels)?;
            match kind {
                MetricType::Counter => ConstCounter::new(*value).encode(sample)?,
                _ => ConstGauge::new(*value).encode(sample)?,
            }
        }
        Ok(())
    }
}
