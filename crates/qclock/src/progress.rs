//! Bars on a terminal, notes everywhere.

use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use qclock_factory::build::Event;
use qclock_factory::{build, fetch};

use crate::printer::Printer;

#[derive(Debug)]
pub(crate) struct Progress {
    printer: Printer,
    drawn: Mutex<Drawn>,
}

/// One bar for all that is downloaded at a time.
#[derive(Debug, Default)]
struct Drawn {
    bar: Option<ProgressBar>,
    downloads: usize,
    /// What was told last: one file may be asked for in several places.
    told: String,
}

impl Progress {
    pub(crate) fn new(printer: Printer) -> Self {
        Self {
            printer,
            drawn: Mutex::default(),
        }
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fetch::Progress for Progress {
    fn begin(&self, what: &str, bytes: u64) {
        let mut drawn = self.drawn();
        if !self.printer.draws() {
            if drawn.told != what {
                what.clone_into(&mut drawn.told);
                let bytes = indicatif::HumanBytes(bytes);
                self.printer.status(&format!("Downloading {what} ({bytes})."));
            }
            return;
        }
        drawn.downloads += 1;
        let bar = drawn.bar.get_or_insert_with(new_bar);
        bar.inc_length(bytes);
        bar.set_message(what.to_owned());
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.drawn().bar {
            bar.inc(bytes);
        }
    }

    fn end(&self) {
        let mut drawn = self.drawn();
        drawn.downloads = drawn.downloads.saturating_sub(1);
        if drawn.downloads == 0
            && let Some(bar) = drawn.bar.take()
        {
            bar.finish_and_clear();
        }
    }

    fn note(&self, text: &str) {
        match &self.drawn().bar {
            Some(bar) => bar.suspend(|| self.printer.note(text)),
            None => self.printer.note(text),
        }
    }
}

impl build::Progress for Progress {
    fn report(&self, event: &Event<'_>) {
        match event {
            Event::Unchanged { .. } | Event::Compressing { .. } => {}
            Event::Damaged { image } => self
                .printer
                .note(&format!("The stored {image} was damaged and is made again.")),
            Event::Unpacking { image, packages } => self
                .printer
                .status(&format!("Assembling {image} from {packages} packages of its own.")),
            Event::Built { image } => self.printer.status(&format!("Built {image}.")),
            Event::Joined { image, architectures } => self.printer.status(&format!(
                "{image} is an index of the images for {}.",
                architectures.join(", ")
            )),
            Event::Unreviewed { doubts } => {
                let each = doubts.iter().map(|doubt| {
                    format!(
                        "\n      `{}` of `{}`: {}",
                        doubt.script,
                        doubt.package,
                        doubt.why.word()
                    )
                });
                self.printer.note(&format!(
                    "Install scripts of packages that nobody has reviewed. None is run, and the images may lack what they would do:{}",
                    each.collect::<String>()
                ));
            }
            Event::Idle { image, kind, what } => self
                .printer
                .note(&format!("The {kind} `{what}` of {image} has no effect.")),
        }
    }
}

fn new_bar() -> ProgressBar {
    let form = "Downloading {msg} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec}";
    let style = ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style)
}
