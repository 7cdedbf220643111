//! `qclock cache`: the files that are kept between runs.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Subcommand;
use qclock_factory::cache::{Limits, Pruned, wanted_by};
use serde_json::json;

use crate::cli::Cli;
use crate::clock;
use crate::context::{cache, project_folder};
use crate::environment::Environment;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// Look after the files that are kept between runs
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Prune(Prune),
}

/// Remove what has not been used for long
///
/// Packages, indexes and broken-off downloads that no command has used for 30 days, or what --unused-for and --at-most say. What the locks of
/// this project name stays: a mirror may have it no more. Other commands may run meanwhile.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  qclock cache prune                  what nobody has used for 30 days
  qclock cache prune --at-most 2G     the longest unused until 2 GiB are left
  qclock cache prune --dry-run        count only")]
struct Prune {
    /// Days; by default 30, unless --at-most is given
    #[arg(long, value_name = "DAYS")]
    unused_for: Option<u32>,
    /// Bytes that may stay, as 500M or 2G: the longest unused goes first
    #[arg(long, value_name = "SIZE", value_parser = size)]
    at_most: Option<u64>,
    /// Remove what this project's locks name, too
    #[arg(long)]
    locked: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
const UNUSED_DAYS: u32 = 30;

pub(crate) fn run(arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let Command::Prune(prune) = &arguments.command;
    let cache = cache(&Environment::read()?)?;
    let days = prune.unused_for.or(prune.at_most.is_none().then_some(UNUSED_DAYS));
    let limits = Limits {
        now: clock::now(),
        unused_for: days.map(|days| DAY * days),
        at_most: prune.at_most,
        dry_run: prune.dry_run,
    };
    // Outside of a project nothing is locked.
    let wanted = match project_folder(cli) {
        Ok(project) if !prune.locked => wanted_by(&project),
        _ => BTreeSet::new(),
    };
    let pruned = cache.prune(limits, &wanted)?;
    report(pruned, prune.dry_run, printer);
    Ok(ExitStatus::Done)
}

fn report(pruned: Pruned, dry_run: bool, printer: Printer) {
    let Pruned {
        removed,
        removed_bytes,
        kept,
        kept_bytes,
    } = pruned;
    if printer.is_json() {
        printer.json(&json!({
            "schema": "qclock.cache-prune/1",
            "dry_run": dry_run,
            "removed": {"files": removed, "bytes": removed_bytes},
            "kept": {"files": kept, "bytes": kept_bytes},
        }));
        return;
    }
    let verb = if dry_run { "would remove" } else { "removed" };
    printer.line(&format!(
        "{verb} {removed} files ({}), kept {kept} ({})",
        shown(removed_bytes),
        shown(kept_bytes)
    ));
}

fn shown(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["bytes", "KiB", "MiB", "GiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0);
    format!("{value:.digits$} {}", UNITS[unit])
}

fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 1,
        "K" | "KIB" => 1 << 10,
        "M" | "MIB" => 1 << 20,
        "G" | "GIB" => 1 << 30,
        "T" | "TIB" => 1 << 40,
        other => return Err(format!("`{other}` is no unit: K, M, G and T are")),
    };
    let number: Option<u64> = digits.parse().ok();
    let bytes = number.and_then(|number| number.checked_mul(unit));
    bytes.ok_or_else(|| "no size, as 500M or 2G are".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        assert_eq!(size("0"), Ok(0));
        assert_eq!(size("500M"), Ok(500 << 20));
        assert_eq!(size("2GiB"), Ok(2 << 30));
        for wrong in ["", "G", "2X", "-1M", "99999999999T", "1.5G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(shown(1023), "1023 bytes");
        assert_eq!(shown(3 << 29), "1.5 GiB");
    }
}
