//! `qclock resolve`: which packages a request needs, from any RPM repositories.

use std::collections::BTreeSet;
use std::path::PathBuf;

use fs_err as fs;
use qclock_factory::cache::Cache;
use qclock_factory::fetch::{Fetcher, Settings};
use qclock_factory::lock;
use qclock_factory::mirror::ProxySettings;
use qclock_factory::resolve::{Assumed, Means, Place, Request, Resolution, Source, resolve};
use serde_json::json;
use thiserror::Error;

use crate::cli::Cli;
use crate::clock;
use crate::context::Context;
use crate::environment::Environment;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;
use crate::progress::Progress;

/// Print the packages that a request needs, one a line
///
/// Asks the repositories of the flavour, or those that --repo names. Of RPM packages it takes those that dnf would take: the best version of what is asked for, nothing that is merely recommended, streams only where
/// they are enabled. Each line is `name-[epoch:]version-release.arch`; with --format json also the repository, checksum, size and the
/// reason. Nothing is downloaded but metadata, which is kept by its checksum.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  qclock resolve apache2 php8.2-fpm --flavour debian12
  qclock resolve httpd php-fpm --repo appstream=/srv/el9/AppStream --repo baseos=/srv/el9/BaseOS --module php:8.2
  qclock resolve --repo ol9=https://yum.example/OL9/baseos/latest/x86_64 bash --format json")]
pub(crate) struct Arguments {
    /// Package, as `httpd`, `httpd-2.4.62-1.el9.x86_64`, `/usr/sbin/httpd` or `php-*`
    #[arg(value_name = "SPEC", required = true)]
    specifications: Vec<String>,
    #[command(flatten)]
    repositories: Repositories,
}

/// Options that say what is asked, shared with `qclock why`.
#[derive(Debug, clap::Args)]
pub(super) struct Repositories {
    /// Repository to ask instead of the flavour's: a name, and an address or a folder that holds repodata (or Debian's dists, or
    /// Packages); may be given several times
    #[arg(long = "repo", value_name = "ID=URL-or-folder")]
    sources: Vec<String>,
    /// Stream to enable, as php:8.2; may be given several times
    #[arg(long = "module", value_name = "NAME:STREAM")]
    streams: Vec<String>,
    /// Platform of the streams, where the repositories are named: el9 unless said otherwise
    #[arg(long, value_name = "NAME")]
    platform: Option<String>,
    /// Architecture of the machine; by default that of the flavour, or x86_64
    #[arg(long = "arch", value_name = "NAME")]
    architecture: Option<String>,
    /// Take recommended packages, too
    #[arg(long)]
    weak: bool,
    /// File of capabilities that count as provided: `name` or `name = version`, one a line
    #[arg(long, value_name = "FILE")]
    assume_provided: Option<PathBuf>,
    /// Requirement to leave out, by capability or package; a * at the end stands for anything
    #[arg(long = "leave-out", value_name = "NAME")]
    omitted: Vec<String>,
}

#[derive(Debug, Error)]
enum UsageError {
    #[error("the flavour says which platform its streams are for")]
    Platform,
    #[error("`{text}` is no stream")]
    Stream { text: String },
}

impl From<UsageError> for CommandFailure {
    fn from(error: UsageError) -> Self {
        let hint = match &error {
            UsageError::Platform => "leave `--platform` out, or name the repositories with `--repo ID=URL-or-folder`",
            UsageError::Stream { .. } => "write `--module NAME:STREAM`, as in `--module php:8.2`",
        };
        Self {
            status: ExitStatus::Usage,
            error: Box::new(error),
            hint: Some(hint.to_owned()),
        }
    }
}

pub(crate) fn run(arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let resolution = arguments.repositories.ask(&arguments.specifications, cli, printer)?;
    if printer.is_json() {
        printer.json(&json!({
            "schema": "qclock.resolve/1",
            "packages": resolution.packages,
            "streams": resolution.streams,
            "omitted": resolution.omitted,
            "unused_omissions": resolution.unused_omissions,
            "absent_members": resolution.absent_members,
        }));
    } else {
        printer.lines(resolution.packages.iter().map(|package| package.nevra.as_str()));
        for name in &resolution.unused_omissions {
            printer.note(&format!("`{name}` was left out, and nothing requires it."));
        }
        for (group, names) in &resolution.absent_members {
            printer.note(&format!(
                "`{group}` names packages that no repository has: {}.",
                names.join(", ")
            ));
        }
        let sum = |size: fn(&qclock_factory::resolve::Resolved) -> u64| {
            resolution.packages.iter().map(size).sum::<u64>() / 1_000_000
        };
        printer.status(&format!(
            "{} packages, {} MB to fetch, {} MB installed.",
            resolution.packages.len(),
            sum(|package| package.size),
            sum(|package| package.installed_size)
        ));
    }
    Ok(ExitStatus::Done)
}

impl Repositories {
    /// Asks the solver for what these options and specifications say.
    pub(super) fn ask(
        &self,
        specifications: &[String],
        cli: &Cli,
        printer: Printer,
    ) -> Result<Resolution, CommandFailure> {
        let sources = self
            .sources
            .iter()
            .map(|text| Source::parse(text))
            .collect::<Result<Vec<_>, _>>()?;
        let platform = self.platform.as_deref().unwrap_or("el9");
        let request =
            Request {
                specifications: specifications.to_vec(),
                streams: self.streams.iter().map(|text| stream(text)).collect::<Result<_, _>>()?,
                platform: platform.trim_start_matches("platform:").to_owned(),
                architecture: self.architecture.clone().unwrap_or_else(|| "x86_64".to_owned()),
                weak: self.weak,
                assumed: match &self.assume_provided {
                    None => Vec::new(),
                    Some(path) => Assumed::parse(&fs::read_to_string(path).map_err(|source| {
                        CommandFailure::io(format!("cannot read `{}`", path.display()), source, None)
                    })?),
                },
                omitted: self.omitted.iter().cloned().collect::<BTreeSet<_>>(),
            };
        if sources.is_empty() {
            return self.ask_flavour(&request, cli, printer);
        }
        let environment = Environment::read()?;
        let cache = environment.cache.as_deref().map(Cache::at);
        let is_remote = sources.iter().any(|source| matches!(source.place, Place::Address(_)));
        let fetcher = is_remote.then(|| fetcher(&environment)).transpose()?;
        let progress = Progress::new(printer);
        let means = Means {
            cache: cache.as_ref(),
            fetcher: fetcher.as_ref(),
            progress: &progress,
        };
        Ok(resolve(&sources, &request, means)?)
    }

    /// The repositories are those of the flavour.
    fn ask_flavour(&self, request: &Request, cli: &Cli, printer: Printer) -> Result<Resolution, CommandFailure> {
        if self.platform.is_some() {
            return Err(UsageError::Platform.into());
        }
        let context = Context::for_architecture(cli, printer, self.architecture.as_deref())?;
        let locking = lock::Request {
            project: &context.project,
            cache: &context.cache,
            fetcher: &context.fetcher,
            mirrors: &context.mirrors,
            now: clock::now(),
            old: None,
            progress: &context.progress,
        };
        Ok(lock::resolve_flavour(&locking, request)?)
    }
}

/// Proxies are those of the environment alone: apt's configuration speaks of Debian's archives.
fn fetcher(environment: &Environment) -> Result<Fetcher, CommandFailure> {
    let defaults = Settings::default();
    Ok(Fetcher::new(Settings {
        patience: environment.network_timeout.unwrap_or(defaults.patience),
        proxies: ProxySettings {
            http_proxy: environment.http_proxy.clone(),
            https_proxy: environment.https_proxy.clone(),
            no_proxy: environment.no_proxy.clone(),
            ..ProxySettings::default()
        },
        ..defaults
    })?)
}

fn stream(text: &str) -> Result<(String, String), UsageError> {
    match text.split_once(':') {
        Some((module, stream)) if !module.is_empty() && !stream.is_empty() => {
            Ok((module.to_owned(), stream.to_owned()))
        }
        _ => Err(UsageError::Stream { text: text.to_owned() }),
    }
}
