//! Bars on a terminal, notes everywhere.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use qclock_factory::build::Event;
use qclock_factory::{build, fetch};

use crate::printer::Printer;

#[derive(Debug)]
pub(crate) struct Progress {
    printer: Printer,
    bar: Mutex<Option<ProgressBar>>,
}

impl Progress {
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            bar: Mutex::new(None),
        }
    }

    fn with_bar(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        act(&mut self.bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl fetch::Progress for Progress {
    fn begin(&self, what: &str, bytes: u64) {
        if !self.printer.draws() {
            self.printer
                .status(&format!("Downloading {what} ({}).", indicatif::HumanBytes(bytes)));
            return;
        }
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
        bar.set_style(style);
        bar.set_prefix(format!("Downloading {what}"));
        self.with_bar(|place| *place = Some(bar));
    }

    fn advance(&self, bytes: u64) {
        self.with_bar(|bar| bar.iter().for_each(|bar| bar.inc(bytes)));
    }

    fn end(&self) {
        self.with_bar(|bar| bar.take().iter().for_each(ProgressBar::finish_and_clear));
    }

    fn note(&self, text: &str) {
        self.with_bar(|bar| match bar {
            Some(bar) => bar.suspend(|| self.printer.note(text)),
            None => self.printer.note(text),
        });
    }
}

impl build::Progress for Progress {
    fn report(&self, event: &Event<'_>) {
        match event {
            Event::Unchanged { .. } | Event::Compressing { .. } => {}
            Event::Unpacking { image, packages } => self
                .printer
                .status(&format!("Assembling {image} from {packages} packages of its own.")),
            Event::Built { image } => self.printer.status(&format!("Built {image}.")),
            Event::Idle { image, kind, what } => self
                .printer
                .note(&format!("The {kind} `{what}` of {image} has no effect.")),
        }
    }
}
