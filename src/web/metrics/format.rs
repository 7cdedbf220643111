//! The two formats of an exposition, and which one a client gets.

use std::fmt::Write as _;

use crate::accept::{Range, ranges};

/// How an exposition is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus' own text, 0.0.4, which every tool reads.
    Text,
}

impl Format {
    /// The value of `Content-Type`.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// What an `Accept` header asks for; without one, or when it asks for neither, the text.
    pub(super) fn wanted(accept: Option<&str>) -> Self {
        let best = |fits: fn(&Range<'_>) -> bool| {
            let qualities = ranges(accept.unwrap_or_default())
                .filter(fits)
                .map(|range| range.quality);
            qualities.fold(0.0, f32::max)
        };
        let open = best(|range| {
            let known = matches!(range.parameter("version"), None | Some("1.0.0"));
            known && range.name.eq_ignore_ascii_case("application/openmetrics-text")
        });
        let text = best(|range| {
            let known = matches!(range.parameter("version"), None | Some("0.0.4"));
            known && range.name.eq_ignore_ascii_case("text/plain")
        });
        if open > 0.0 && open >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// Writes an exposition, which is OpenMetrics, in this format.
    pub(super) fn written(self, exposition: String) -> String {
        match self {
            Self::OpenMetrics => exposition,
            Self::Text => text(&exposition),
        }
    }
}

/// The older format has no units and no end mark, names a family of counters as its samples, and has another word for "unknown".
fn text(exposition: &str) -> String {
    let mut text = String::with_capacity(exposition.len());
    let mut help = None;
    for line in exposition.lines() {
        let mut words = line.splitn(4, ' ');
        // To a string nothing fails to be written.
        let _ = match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(_), told) => {
                help = told;
                Ok(())
            }
            (Some("#"), Some("TYPE"), Some(family), Some(kind)) => {
                let (end, kind) = match kind {
                    "counter" => ("_total", kind),
                    "unknown" => ("", "untyped"),
                    _ => ("", kind),
                };
                let help = help.take().unwrap_or_default();
                write!(text, "# HELP {family}{end} {help}\n# TYPE {family}{end} {kind}\n")
            }
            (Some("#"), ..) => Ok(()),
            _ => writeln!(text, "{line}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_openmetrics_gets_it() {
        for accept in [
            "application/openmetrics-text",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
             text/plain;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
        ] {
            assert_eq!(Format::wanted(Some(accept)), Format::OpenMetrics, "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
            "text/plain;version=0.0.4",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=0.2,text/plain;q=0.3",
            "application/openmetrics-text;version=2.0.0",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,text/plain;q=0.5",
        ] {
            assert_eq!(Format::wanted(Some(accept)), Format::Text, "{accept}");
        }
        assert_eq!(Format::wanted(None), Format::Text);
    }

    #[test]
    fn the_older_text_says_the_same() {
        let exposition = "# HELP a_seconds How long.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1.5\n\
                          # HELP b What # it is.\n# TYPE b gauge\nb{x=\"# y\"} 2\n# HELP c C.\n# TYPE c unknown\nc 3\n# EOF\n";
        assert_eq!(
            Format::Text.written(exposition.to_owned()),
            "# HELP a_seconds_total How long.\n# TYPE a_seconds_total counter\na_seconds_total 1.5\n\
             # HELP b What # it is.\n# TYPE b gauge\nb{x=\"# y\"} 2\n# HELP c C.\n# TYPE c untyped\nc 3\n"
        );
        assert_eq!(Format::OpenMetrics.written(exposition.to_owned()), exposition);
    }
}
