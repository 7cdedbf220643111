//! `qclock ledger`: what becomes of the scripts that packages bring.

use std::io::Write as _;

use clap::{Subcommand, ValueEnum};
use qclock_factory::cache::write_beside;
use qclock_factory::ledger::{self, Judgement, Ledger, Unreviewed, Verdict, check};
use qclock_factory::lockfile::Lockfile;
use serde_json::json;
use thiserror::Error;

use crate::cli::{Architecture, Cli};
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// Review the install scripts of the locked packages
///
/// No script of a package runs when an image is built. images/<flavour>.ledger.toml says of each what it does and why the image can do
/// without, or which part of a definition does the same.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  qclock ledger list --unreviewed
  qclock ledger show ca-certificates postinst
  qclock ledger record ca-certificates postinst --verdict replaced-by --by 'base: [generate] ca_bundle' \\
      --reason 'writes the bundle of certificates'
  qclock ledger record          take up new scripts, let go those that are no longer locked")]
pub(crate) struct Arguments {
    #[command(flatten)]
    architecture: Architecture,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print every script of the locked packages with its verdict; status 1 if one has none
    List {
        /// Only those that stop a build
        #[arg(long)]
        unreviewed: bool,
    },
    /// Print a package's scripts
    Show {
        #[arg(value_name = "PACKAGE")]
        package: String,
        /// One of them; by default all
        #[arg(value_name = "SCRIPT")]
        script: Option<String>,
    },
    /// Write a verdict, or bring the ledger up to the lock
    Record {
        #[arg(value_name = "PACKAGE", requires = "script")]
        package: Option<String>,
        #[arg(value_name = "SCRIPT", requires = "verdict")]
        script: Option<String>,
        /// What becomes of the script, here and wherever another package has it word for word
        #[arg(long, value_name = "VERDICT", requires = "package")]
        verdict: Option<Word>,
        /// What does the same: which part of which definition
        #[arg(long, value_name = "EFFECT", requires = "package")]
        by: Option<String>,
        /// What the script does, and why that is the verdict
        #[arg(
            long,
            value_name = "TEXT",
            requires = "package",
            default_value = "",
            hide_default_value = true
        )]
        reason: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Word {
    ReplacedBy,
    NotNeeded,
    NeedsReview,
}

#[derive(Debug, Error)]
enum LedgerError {
    #[error("there is no lock `{path}`")]
    NoLock { path: String },
    #[error("the lock holds no package `{package}`")]
    Package { package: String },
    #[error("the package `{package}` has no script `{script}`")]
    Script { package: String, script: String },
}

pub(crate) fn run(arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let context = Context::for_architecture(cli, printer, arguments.architecture.architecture.as_deref())?;
    let path = context.project.lock_path();
    let lock = context.project.parse_lock(&path)?.ok_or_else(|| CommandFailure {
        status: ExitStatus::Usage,
        error: Box::new(LedgerError::NoLock {
            path: context.shown(&path).to_string(),
        }),
        hint: Some("run `qclock lock`".to_owned()),
    })?;
    let standing = ledger::load(&context.project)?;
    let ledger = standing.unwrap_or_else(|| Ledger::new(&context.project.flavour.name));
    match &arguments.action {
        Action::List { unreviewed } => list(&context, &lock, &ledger, *unreviewed),
        Action::Show { package, script } => show(&context, &lock, &ledger, package, script.as_deref()),
        Action::Record {
            package,
            script,
            verdict,
            by,
            reason,
        } => {
            let judgement = verdict.map(|verdict| Judgement {
                verdict: verdict.into(),
                replacement: by.clone(),
                reason: reason.clone(),
            });
            let subject = package.as_deref().zip(script.as_deref()).zip(judgement.as_ref());
            record(&context, &lock, ledger, subject)
        }
    }
}

fn list(context: &Context, lock: &Lockfile, ledger: &Ledger, unreviewed: bool) -> Result<ExitStatus, CommandFailure> {
    let doubts = match check(lock, ledger) {
        Ok(()) => Vec::new(),
        Err(Unreviewed::Scripts { doubts }) => doubts,
        Err(other) => return Err(other.into()),
    };
    let mut rows = Vec::new();
    for package in &lock.packages {
        for (name, sha256) in &package.scripts {
            let doubt = doubts
                .iter()
                .find(|doubt| doubt.package == package.name && doubt.script == *name);
            if doubt.is_some() || !unreviewed {
                let entry = ledger.script(&package.name, name, sha256);
                let word = doubt.map_or_else(
                    || entry.map_or("new", |entry| entry.verdict.word()),
                    |doubt| doubt.why.word(),
                );
                rows.push((package.name.as_str(), name.as_str(), sha256, word, entry));
            }
        }
    }
    if context.printer.is_json() {
        let scripts = rows.iter().map(|(package, name, sha256, word, entry)| {
            json!({
                "package": package, "script": name, "sha256": sha256, "state": word,
                "by": entry.and_then(|entry| entry.replacement.as_ref()), "reason": entry.map(|entry| &entry.reason),
            })
        });
        context.printer.json(&json!({
            "schema": "qclock.ledger/1", "scripts": scripts.collect::<Vec<_>>(), "unreviewed": doubts.len(),
        }));
    } else {
        for (package, name, sha256, word, _) in &rows {
            let short = sha256.get(..12).unwrap_or(sha256);
            context.printer.line(&format!("{word:<12}  {short}  {package} {name}"));
        }
        context.printer.status(&match doubts.len() {
            0 => "Every script is reviewed.".to_owned(),
            1 => "1 script is not reviewed.".to_owned(),
            count => format!("{count} scripts are not reviewed."),
        });
    }
    Ok(if doubts.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::No
    })
}

fn show(
    context: &Context,
    lock: &Lockfile,
    ledger: &Ledger,
    package: &str,
    script: Option<&str>,
) -> Result<ExitStatus, CommandFailure> {
    let usage = |error| CommandFailure {
        status: ExitStatus::Usage,
        error: Box::new(error),
        hint: Some("`qclock ledger list` prints them all".to_owned()),
    };
    let locked = lock.package(package).ok_or_else(|| {
        usage(LedgerError::Package {
            package: package.to_owned(),
        })
    })?;
    let supply = context.supply();
    supply.obtain(lock, &[locked])?;
    let mut texts = ledger::scripts(&supply.read(lock, locked)?)?;
    texts.retain(|name, _| locked.scripts.contains_key(name) && script.is_none_or(|wanted| wanted == name));
    if let (Some(script), true) = (script, texts.is_empty()) {
        return Err(usage(LedgerError::Script {
            package: package.to_owned(),
            script: script.to_owned(),
        }));
    }
    if context.printer.is_json() {
        let scripts = texts.iter().map(|(name, text)| {
            json!({
                "script": name, "sha256": locked.scripts[name], "text": String::from_utf8_lossy(text),
                "entry": ledger.script(package, name, &locked.scripts[name]),
            })
        });
        context.printer.json(&json!({
            "schema": "qclock.ledger-script/1", "package": package, "scripts": scripts.collect::<Vec<_>>(),
        }));
        return Ok(ExitStatus::Done);
    }
    for (name, text) in &texts {
        context.printer.status(&format!(
            "{package} {name}: {}",
            described(ledger, &locked.scripts[name], package, name)
        ));
        // A reader that has gone away has seen what it wanted.
        let _ = std::io::stdout().lock().write_all(text);
    }
    Ok(ExitStatus::Done)
}

fn described(ledger: &Ledger, sha256: &str, package: &str, name: &str) -> String {
    match ledger.script(package, name, sha256) {
        None => "not in the ledger".to_owned(),
        Some(entry) if entry.sha256 != sha256 => "changed since it was reviewed".to_owned(),
        Some(entry) => match &entry.replacement {
            Some(by) => format!("{} {by}; {}", entry.verdict.word(), entry.reason),
            None => format!("{}; {}", entry.verdict.word(), entry.reason),
        },
    }
}

fn record(
    context: &Context,
    lock: &Lockfile,
    mut ledger: Ledger,
    subject: Option<((&str, &str), &Judgement)>,
) -> Result<ExitStatus, CommandFailure> {
    if let Some(((package, script), judgement)) = subject {
        ledger.judge(lock, package, script, judgement)?;
    }
    // What only another architecture's packages have stays.
    let others = context.project.other_locks(&context.project.lock_path())?;
    let locks: Vec<&Lockfile> = [lock].into_iter().chain(&others).collect();
    let mut fresh = ledger.follow(&locks);
    if subject.is_some() {
        fresh.clear();
    }
    let path = ledger::path(&context.project);
    write_beside(&path, ledger.to_text().as_bytes()).map_err(|source| {
        CommandFailure::io(
            format!("cannot write the ledger `{}`", context.shown(&path)),
            source,
            None,
        )
    })?;
    for (package, script) in &fresh {
        context.printer.line(&format!("+ {package} {script}"));
    }
    let entries: usize = ledger.scripts.iter().map(|script| script.packages.len()).sum();
    context.printer.status(&format!(
        "`{}` holds {entries} scripts, {} different ones.",
        context.shown(&path),
        ledger.scripts.len()
    ));
    Ok(ExitStatus::Done)
}

impl From<Word> for Verdict {
    fn from(word: Word) -> Self {
        match word {
            Word::ReplacedBy => Self::ReplacedBy,
            Word::NotNeeded => Self::NotNeeded,
            Word::NeedsReview => Self::NeedsReview,
        }
    }
}
