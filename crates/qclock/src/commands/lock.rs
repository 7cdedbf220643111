//! `qclock lock`: chooses packages and writes down which.

use std::path::PathBuf;

use fs_err as fs;
use qclock_factory::cache::write_beside;
use qclock_factory::lock::{Request, lock};
use qclock_factory::lockfile::{Change, Lockfile, changes};
use serde_json::json;

use crate::cli::{Architecture, Cli};
use crate::clock;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// Choose the packages of all images and write the lock
///
/// Fetches the suites' indexes, checks their signatures, finds the newest set of packages that satisfies every image, and writes it to
/// images/<flavour>.lock. Prints what is added (+), removed (-) and moved to another version (~) compared with the lock before. A lock
/// that would be the same is left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  qclock lock
  qclock lock --check                         tell by the status whether it would change
  qclock lock --output .qclock/debian12.lock  leave the committed lock as it is")]
pub(crate) struct Arguments {
    /// Write the lock to FILE instead
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write nothing; exit with status 1 if the lock would change
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    architecture: Architecture,
}

pub(crate) fn run(arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let context = Context::for_architecture(cli, printer, arguments.architecture.architecture.as_deref())?;
    context.project.check_keys()?;
    let path = arguments.output.clone().unwrap_or_else(|| context.project.lock_path());
    // A lock beside the committed one is compared with that when it is new.
    let compared = context
        .standing_lock(&path)
        .or_else(|| context.standing_lock(&context.project.lock_path()));
    let new = lock(&Request {
        project: &context.project,
        cache: &context.cache,
        fetcher: &context.fetcher,
        mirrors: &context.mirrors,
        now: clock::now(),
        old: compared.as_ref(),
        progress: &context.progress,
    })?;

    let text = new.to_text();
    let changed = fs::read_to_string(&path).map_or(true, |standing| standing != text);
    let changes = changes(compared.as_ref(), &new);
    if changed && !arguments.check {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| write_beside(&path, text.as_bytes()))
            .map_err(|source| {
                CommandFailure::io(
                    format!("cannot write the lock `{}`", context.shown(&path)),
                    source,
                    None,
                )
            })?;
    }
    report(&context, &new, &changes, changed, arguments.check, &path);
    Ok(if arguments.check && changed {
        ExitStatus::No
    } else {
        ExitStatus::Done
    })
}

fn report(context: &Context, lock: &Lockfile, changes: &[Change], changed: bool, check: bool, path: &std::path::Path) {
    let printer = context.printer;
    if printer.is_json() {
        printer.json(&json!({
            "schema": "qclock.lock/1", "lock": path.to_string_lossy(), "changed": changed, "written": changed && !check,
            "packages": lock.packages.len(), "changes": changes,
        }));
        return;
    }
    for change in changes {
        printer.line(&match change {
            Change::Added { name, version } => format!("+ {name} {version}"),
            Change::Removed { name, version } => format!("- {name} {version}"),
            Change::Moved { name, from, to } => format!("~ {name} {from} → {to}"),
            Change::Replaced { name, version } => format!("~ {name} {version} (other contents)"),
        });
    }
    let shown = context.shown(path);
    let summary = format!("{} packages in {} images", lock.packages.len(), lock.images.len());
    printer.status(&match (changed, check) {
        (false, _) => format!("`{shown}` is current: {summary}."),
        (true, true) => format!("`{shown}` would change: {summary}."),
        (true, false) => format!("Locked {summary} in `{shown}`."),
    });
}
