//! Results go to the standard output, everything else to the standard error.

use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::json;

use crate::cli::{Cli, Format};
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;

/// Why the result, or a part of it, could not be written: the first time.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    quiet: bool,
    format: Format,
    coloured: bool,
}

impl Printer {
    pub(crate) fn new(cli: &Cli) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            quiet: cli.global.quiet,
            format: cli.global.format,
            coloured: io::stderr().is_terminal() && !no_color,
        }
    }

    /// Before the options are known.
    pub(crate) fn plain() -> Self {
        Self {
            quiet: false,
            format: Format::Text,
            coloured: false,
        }
    }

    pub(crate) fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Whether bars may be drawn.
    pub(crate) fn draws(self) -> bool {
        !self.quiet && !self.is_json() && io::stderr().is_terminal()
    }

    /// A line of the result.
    #[expect(clippy::unused_self, reason = "all output goes through a printer")]
    pub(crate) fn line(self, text: &str) {
        keep_error(writeln!(io::stdout().lock(), "{text}"));
    }

    /// Many lines of the result, written in one go.
    #[expect(clippy::unused_self, reason = "all output goes through a printer")]
    pub(crate) fn lines<'a>(self, lines: impl Iterator<Item = &'a str>) {
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        keep_error(io::stdout().lock().write_all(text.as_bytes()));
    }

    /// At the end: whether the whole result has been written.
    #[expect(clippy::unused_self, reason = "all output goes through a printer")]
    pub(crate) fn finish(self) -> Result<(), CommandFailure> {
        keep_error(io::stdout().flush());
        match UNWRITTEN.get() {
            None => Ok(()),
            Some(error) => Err(unwritten(error)),
        }
    }

    /// The whole result, for programs.
    pub(crate) fn json(self, result: &impl Serialize) {
        let text = serde_json::to_string_pretty(result).expect("results are plain data");
        self.line(&text);
    }

    /// What happens or has happened, as a sentence.
    pub(crate) fn status(self, text: &str) {
        if !self.quiet && !self.is_json() {
            write_line(&mut io::stderr().lock(), text);
        }
    }

    /// Something that the user should know, as a sentence.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            write_line(
                &mut io::stderr().lock(),
                &format!("{} {text}", self.painted("note:", "33")),
            );
        }
    }

    pub(crate) fn failure(self, failure: &CommandFailure) {
        let mut chain = failure.chain();
        if self.is_json() {
            let message = chain.remove(0);
            self.json(&json!({
                "schema": "qclock.error/1",
                "status": failure.status as u8,
                "class": failure.status.word(),
                "message": message,
                "causes": chain,
                "hint": failure.hint,
            }));
            return;
        }
        let mut error = io::stderr().lock();
        for (position, text) in chain.iter().enumerate() {
            let label = if position == 0 {
                self.painted("error:", "1;31")
            } else {
                format!("  {}", self.painted("caused by:", "31"))
            };
            write_line(&mut error, &format!("{label} {}", text.replace('\n', "\n    ")));
        }
        if let Some(hint) = &failure.hint {
            write_line(&mut error, &format!("\n{} {hint}", self.painted("hint:", "36")));
        }
    }

    /// A panic: the exit status is [`ExitStatus::Bug`].
    pub(crate) fn bug(self, panic: &PanicHookInfo<'_>) {
        let place = panic.location().map(|place| format!(" ({place})")).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        if self.is_json() {
            let class = ExitStatus::Bug;
            self.json(&json!({
                "schema": "qclock.error/1", "status": class as u8, "class": class.word(),
                "message": format!("{message}{place}"), "causes": [], "hint": null,
            }));
            return;
        }
        let mut error = io::stderr().lock();
        write_line(
            &mut error,
            &format!(
                "{} this is a fault in qclock: {message}{place}",
                self.painted("error:", "1;31")
            ),
        );
        write_line(
            &mut error,
            "\nhint: report it with the command that you ran and these lines",
        );
    }

    fn painted(self, text: &str, colour: &str) -> String {
        if self.coloured {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A reader that has gone away has seen what it wanted; on a full disk the result is lost.
pub(crate) fn keep_error(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        // Where one is kept already, that was the first.
        let _ = UNWRITTEN.set(error);
    }
}

fn unwritten(error: &io::Error) -> CommandFailure {
    let copy = io::Error::new(error.kind(), error.to_string());
    CommandFailure::io(
        "cannot write the result to the standard output".to_owned(),
        copy,
        Some("make room on the disk, or send the output elsewhere"),
    )
}

/// Of what is not the result: nobody is left to tell if it cannot be written.
fn write_line(output: &mut dyn Write, text: &str) {
    let _ = writeln!(output, "{text}");
}
