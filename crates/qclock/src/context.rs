//! What most commands work with, made from the options and the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use qclock_factory::cache::Cache;
use qclock_factory::fetch::{Fetcher, Settings};
use qclock_factory::flavour::{Flavour, Packaging};
use qclock_factory::lockfile::Lockfile;
use qclock_factory::mirror::{HostApt, Mirrors, ProxySettings, Url, read_host};
use qclock_factory::project::Project;
use qclock_factory::supply::Supply;
use qclock_factory::vendor::Vendor;
use thiserror::Error;

use crate::cli::Cli;
use crate::environment::{self, Environment};
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;
use crate::progress::Progress;

/// The evaluation flavour, which any machine that reaches a Debian mirror can build.
const DEFAULT_FLAVOUR: &str = "debian12";

pub(crate) struct Context {
    pub environment: Environment,
    pub project: Project,
    pub cache: Cache,
    pub fetcher: Fetcher,
    pub mirrors: Mirrors,
    pub snapshot: Option<Url>,
    /// Files that variables name for releases.
    pub files: BTreeMap<String, PathBuf>,
    pub progress: Progress,
    pub printer: Printer,
}

#[derive(Debug, Error)]
enum ContextError {
    #[error("there is no folder for the cache: neither `QCLOCK_CACHE_DIR` nor `HOME` is set")]
    NoCache,
    #[error("`QCLOCK_DEBIAN_SNAPSHOT` is `{value}`, which is no address")]
    Snapshot { value: String },
}

impl Context {
    pub(crate) fn new(cli: &Cli, printer: Printer) -> Result<Self, CommandFailure> {
        Self::for_architecture(cli, printer, None)
    }

    /// For another architecture than the flavour's own.
    pub(crate) fn for_architecture(
        cli: &Cli,
        printer: Printer,
        architecture: Option<&str>,
    ) -> Result<Self, CommandFailure> {
        let environment = Environment::read()?;
        let project = load_project(cli, architecture)?;
        for folder in project.undefined() {
            printer.note(&format!(
                "The folder images/{folder} has no image.toml and is passed over."
            ));
        }
        let flavour = &project.flavour;
        // apt's settings speak of Debian's archives only.
        let apt = match flavour.packaging() {
            Packaging::Deb => read_host(Path::new("/"), &flavour.architecture),
            Packaging::Rpm => HostApt::default(),
        };
        let vendor = Vendor::of(&project.root);
        for sentence in &vendor.passed_over {
            printer.note(sentence);
        }
        let mirrors = mirrors(&environment, flavour, &apt)?.with_vendor(flavour, vendor);
        let proxies = ProxySettings {
            apt: apt.configuration,
            http_proxy: environment.http_proxy.clone(),
            https_proxy: environment.https_proxy.clone(),
            no_proxy: environment.no_proxy.clone(),
        };
        if let Some(program) = proxies.auto_detect() {
            printer.note(&format!(
                "apt asks `{program}` for a proxy, which is not done here: set http_proxy if the network needs one."
            ));
        }
        let defaults = Settings::default();
        let fetcher = Fetcher::new(Settings {
            patience: environment.network_timeout.unwrap_or(defaults.patience),
            proxies,
            mirror_variable: Some(flavour.mirror_variable()),
            ..defaults
        })?;
        let cache = cache(&environment)?;
        let snapshot = environment
            .debian_snapshot
            .as_ref()
            .map(|value| snapshot_service(value))
            .transpose()?;
        let archives = project.images().iter().flat_map(|image| &image.archives);
        let files = archives
            .filter_map(|archive| Some((archive.name.clone(), environment::file(&archive.variable())?)))
            .collect();
        Ok(Self {
            environment,
            project,
            cache,
            fetcher,
            mirrors,
            snapshot,
            files,
            progress: Progress::new(printer),
            printer,
        })
    }

    pub(crate) fn supply(&self) -> Supply<'_> {
        Supply {
            cache: &self.cache,
            fetcher: &self.fetcher,
            mirrors: &self.mirrors,
            snapshot: self.snapshot.as_ref(),
            files: &self.files,
            progress: &self.progress,
        }
    }

    /// The lock at `path` as it stands; one that cannot be read is as good as none, and said to be.
    pub(crate) fn standing_lock(&self, path: &Path) -> Option<Lockfile> {
        self.project.parse_lock(path).unwrap_or_else(|error| {
            self.printer
                .note(&format!("The lock there is cannot be used: {error}."));
            None
        })
    }

    /// A path for people: below the project without the project.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.project.root).unwrap_or(path).display()
    }
}

pub(crate) fn cache(environment: &Environment) -> Result<Cache, CommandFailure> {
    let folder = environment.cache.as_deref().ok_or(ContextError::NoCache)?;
    Ok(Cache::at(folder))
}

pub(crate) fn project_folder(cli: &Cli) -> Result<PathBuf, CommandFailure> {
    let current = || {
        std::env::current_dir()
            .map_err(|source| CommandFailure::io("cannot tell the current folder".to_owned(), source, None))
    };
    match &cli.global.project {
        Some(folder) => Ok(std::path::absolute(folder).unwrap_or_else(|_| folder.clone())),
        None => Ok(Project::find(&current()?)?),
    }
}

fn mirrors(environment: &Environment, flavour: &Flavour, apt: &HostApt) -> Result<Mirrors, CommandFailure> {
    if flavour.packaging() == Packaging::Rpm {
        let given = environment::mirror(&flavour.mirror_variable());
        return Ok(Mirrors::of_repositories(flavour, given.as_deref())?);
    }
    let mirrors = match &environment.debian_mirror {
        Some(address) => Mirrors::from_address(flavour, address)?,
        None => Mirrors::from_apt(flavour, apt),
    };
    Ok(match &environment.debian_security_mirror {
        Some(address) => mirrors.with_security(flavour, address)?,
        None => mirrors,
    })
}

pub(crate) fn load_project(cli: &Cli, architecture: Option<&str>) -> Result<Project, CommandFailure> {
    // A variable that is set to nothing counts as not set.
    let flavour = Some(cli.global.flavour.as_str())
        .filter(|flavour| !flavour.is_empty())
        .unwrap_or(DEFAULT_FLAVOUR);
    Ok(Project::load_for(&project_folder(cli)?, flavour, architecture)?)
}

fn snapshot_service(value: &str) -> Result<Url, ContextError> {
    Url::parse(value).map_err(|_| ContextError::Snapshot {
        value: value.to_owned(),
    })
}

impl From<ContextError> for CommandFailure {
    fn from(error: ContextError) -> Self {
        let hint = matches!(error, ContextError::NoCache)
            .then(|| "set `QCLOCK_CACHE_DIR` to a folder that may be written to".to_owned());
        Self {
            status: ExitStatus::Usage,
            error: Box::new(error),
            hint,
        }
    }
}
