//! `qclock dockerfile`: the definitions as Dockerfiles.

use fs_err as fs;
use qclock_factory::cache::write_beside;
use qclock_factory::dockerfile::dockerfile;
use serde_json::json;

use crate::cli::Cli;
use crate::context::load_project;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// Write images/*/Dockerfile, for those who must build with Docker
///
/// Each takes its files from the image that the factory has built, which scripts/build-all.sh leaves in Docker, and spells out what the
/// definition says of running it. Nothing is fetched. Prints the files that have changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  qclock dockerfile
  qclock dockerfile --check    for CI: status 1 if one is not current")]
pub(crate) struct Arguments {
    /// Write nothing; exit with status 1 if a file would change
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let project = load_project(cli, None)?;
    let mut changed = Vec::new();
    for image in project.images() {
        let text = dockerfile(&project, image);
        let shown = format!("images/{}/Dockerfile", image.name);
        let path = project.root.join(&shown);
        if fs::read_to_string(&path).is_ok_and(|standing| standing == text) {
            continue;
        }
        if !arguments.check {
            write_beside(&path, text.as_bytes())
                .map_err(|source| CommandFailure::io(format!("cannot write `{shown}`"), source, None))?;
        }
        changed.push(shown);
    }
    if printer.is_json() {
        printer.json(&json!({ "schema": "qclock.dockerfile/1", "changed": changed, "written": !arguments.check }));
    } else {
        for path in &changed {
            printer.line(path);
        }
        printer.status(match (changed.is_empty(), arguments.check) {
            (true, _) => "Every Dockerfile is current.",
            (false, true) => "These would change: run `qclock dockerfile`.",
            (false, false) => "Written.",
        });
    }
    Ok(if arguments.check && !changed.is_empty() {
        ExitStatus::No
    } else {
        ExitStatus::Done
    })
}
