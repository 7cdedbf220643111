//! `qclock slim`: what an image could leave out.

use std::collections::{BTreeMap, BTreeSet};

use qclock_factory::lock::{Request, lock};
use qclock_factory::slim::{Content, Proposal, descriptions, names_to_omit, propose};
use serde_json::json;
use thiserror::Error;

use crate::cli::Cli;
use crate::clock;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// Propose what an image can leave out
///
/// Solves the image with everything its packages require, follows the libraries that its declared programs and modules are linked with,
/// and prints what none of them needs as `omit` tables for the definition: the names by which kept packages ask for what can be left
/// out. The reasons are yours to write.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  qclock slim app >> images/app/image.toml")]
pub(crate) struct Arguments {
    /// Image, as `app` or `qclock-app`
    #[arg(value_name = "IMAGE")]
    image: String,
}

#[derive(Debug, Error)]
#[error("images/{image}/image.toml declares no programs under `[slim.{flavour}]`")]
struct NoRoots {
    image: String,
    flavour: String,
}

pub(crate) fn run(arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let context = Context::new(cli, printer)?;
    let image = context.project.image(&arguments.image)?;
    let flavour = &context.project.flavour.name;
    let roots = image.slim.get(flavour).ok_or_else(|| CommandFailure {
        status: ExitStatus::Usage,
        error: Box::new(NoRoots {
            image: image.name.clone(),
            flavour: flavour.clone(),
        }),
        hint: Some("list the programs and modules that the image is for, as patterns".to_owned()),
    })?;
    let everything = context.project.with_everything(image);
    let standing = context.standing_lock(&context.project.lock_path());
    let lock = lock(&Request {
        project: &everything,
        cache: &context.cache,
        fetcher: &context.fetcher,
        mirrors: &context.mirrors,
        now: clock::now(),
        old: standing.as_ref(),
        progress: &context.progress,
    })?;
    let names = |name: &str| lock.image(name).map(|image| image.packages.clone()).unwrap_or_default();
    let supply = context.supply();
    let packages: Vec<_> = names(&image.name)
        .iter()
        .filter_map(|name| lock.package(name))
        .collect();
    supply.obtain(&lock, &packages)?;
    let packages = packages
        .into_iter()
        .map(|package| supply.read(&lock, package).map(|bytes| (package.name.clone(), bytes)))
        .collect::<Result<Vec<_>, _>>()?;
    let parent: BTreeSet<String> = image
        .parent
        .as_deref()
        .map(names)
        .unwrap_or_default()
        .into_iter()
        .collect();
    let proposal = propose(&packages, &parent, roots)?;
    let files: Vec<(String, &[u8])> = packages
        .iter()
        .map(|(name, bytes)| (name.clone(), bytes.as_slice()))
        .collect();
    let names = names_to_omit(&descriptions(&files)?, &parent, &proposal);
    report(&context, flavour, &proposal, &names);
    Ok(ExitStatus::Done)
}

fn report(context: &Context, flavour: &str, proposal: &Proposal, names: &BTreeMap<Content, BTreeSet<String>>) {
    let printer = context.printer;
    for idle in &proposal.idle {
        printer.note(&format!("`{idle}` matches nothing."));
    }
    for (file, library) in &proposal.missing {
        printer.note(&format!("`{file}` needs `{library}`, which no package has."));
    }
    if printer.is_json() {
        let omitted = proposal
            .omitted
            .iter()
            .map(|omitted| json!({"name": omitted.name, "content": word(omitted.content), "bytes": omitted.size}));
        printer.json(&json!({
            "schema": "qclock.slim/1", "kept": proposal.kept.keys().collect::<Vec<_>>(), "omitted": omitted.collect::<Vec<_>>(),
            "missing": proposal.missing, "idle": proposal.idle,
            "omit": names.values().flatten().collect::<BTreeSet<_>>(),
        }));
        return;
    }
    for (content, names) in names {
        let listed: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        printer.line(&format!(
            "\n[[packages.{flavour}.omit]]\nnames = [{}]\nreason = \"\" # {}",
            listed.join(", "),
            word(*content)
        ));
    }
    let bytes: u64 = proposal.omitted.iter().map(|omitted| omitted.size).sum();
    printer.status(&format!(
        "Of {} packages {} can be left out, {} MB.",
        proposal.kept.len() + proposal.omitted.len(),
        proposal.omitted.len(),
        bytes / 1_000_000
    ));
}

fn word(content: Content) -> &'static str {
    match content {
        Content::Programs => "programs that nothing here runs",
        Content::Libraries => "libraries that nothing here is linked with",
        Content::Data => "scripts and data",
    }
}
