//! `qclock build`: from the lock to images.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use qclock_factory::build::{self, BuiltImage, Request};
use qclock_factory::ledger::{self, Ledger};
use qclock_factory::load::{Loaded, check_archive, load, write_archive};
use qclock_factory::supply::LockSupply;
use serde_json::json;

use crate::cli::{Architecture, Cli};
use crate::clock;
use crate::context::Context;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// Build images from the lock
///
/// Takes the locked packages from the cache, the mirror or a snapshot service, checks each, and writes an OCI image layout to
/// dist/<flavour>. Neither root nor Docker is needed, and no script of a package is run: each must have been reviewed, which
/// `qclock ledger` keeps. Prints each image's name and digest.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  qclock build                        all images
  qclock build app --load             one image and its parents, into Docker as qclock-app:latest
  qclock build --archive images.tar   for docker load, podman load and skopeo copy oci-archive:")]
pub(crate) struct Arguments {
    /// Images, as `app` or `qclock-app`; all by default
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// Build from this lock instead of images/<flavour>.lock
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// What becomes of a build whose packages have install scripts that nobody has reviewed, or that have changed since
    #[arg(long, value_name = "WHAT", default_value = "refuse")]
    unreviewed: Unreviewed,
    /// Put the images into Docker
    #[arg(long)]
    load: bool,
    /// Name the images so in Docker and in the archive, as `qclock-app:TAG`; by default `latest` and the version. May be given
    /// several times
    #[arg(long = "tag", value_name = "TAG", value_parser = tag)]
    tags: Vec<String>,
    /// Write the images into one archive that other tools load
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
    /// Folder of the image layout; by default dist/<flavour>
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Folder of our own programs; by default this one's, or cargo's for the architecture
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    #[command(flatten)]
    architecture: Architecture,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Unreviewed {
    /// Nothing is built
    Refuse,
    /// They are named, and the images are built without them as without all others
    Warn,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn run(arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let context = Context::for_architecture(cli, printer, arguments.architecture.architecture.as_deref())?;
    context.project.check_keys()?;
    let project = &context.project;
    let names: Vec<String> = arguments
        .images
        .iter()
        .map(|name| project.image(name).map(|image| image.name.clone()))
        .collect::<Result<_, _>>()?;
    let references: Vec<String> = names
        .iter()
        .map(|name| project.image(name).map(|image| project.reference(image)))
        .collect::<Result<_, _>>()?;
    let lock = project.read_lock(&arguments.lock.clone().unwrap_or_else(|| project.lock_path()))?;
    if let Some(archive) = &arguments.archive {
        check_archive(archive)?;
    }
    let output = layout_folder(arguments.output.as_deref(), &context);
    let ledger = ledger::load(project)?.unwrap_or_else(|| Ledger::new(&project.flavour.name));
    let program = std::env::current_exe()
        .map_err(|source| CommandFailure::io("cannot tell where this program is".to_owned(), source, None))?;
    let programs = match &arguments.programs {
        Some(folder) => folder.clone(),
        None => programs_folder(&program, &project.flavour.architecture),
    };
    let built = build::build(&Request {
        project,
        lock: &lock,
        images: &names,
        output: &output,
        programs: &programs,
        version: VERSION,
        source_date_epoch: context.environment.source_date_epoch,
        packages: &LockSupply {
            supply: context.supply(),
            lock: &lock,
        },
        ledger: &ledger,
        unreviewed_too: arguments.unreviewed == Unreviewed::Warn,
        now: clock::now(),
        progress: &context.progress,
    })?;
    let built: Vec<BuiltImage> = built
        .into_iter()
        .filter(|built| names.is_empty() || references.contains(&built.name))
        .collect();
    let tags = match arguments.tags.as_slice() {
        [] => vec!["latest".to_owned(), VERSION.to_owned()],
        given => given.to_vec(),
    };
    if let Some(archive) = &arguments.archive {
        write_archive(archive, &output, &built, &tags)?;
    }
    let loaded = if arguments.load {
        Some(load_into_docker(&context, &output, &built, &tags)?)
    } else {
        None
    };
    report(&context, &built, loaded.as_deref());
    Ok(ExitStatus::Done)
}

/// The folder of this program; for another machine the one where cargo puts what it compiles for that.
fn programs_folder(program: &Path, architecture: &str) -> PathBuf {
    let own = program.parent().unwrap_or(Path::new("/"));
    let machine = match architecture {
        "arm64" => "aarch64",
        "amd64" => "x86_64",
        other => other,
    };
    let swapped: PathBuf = own
        .iter()
        .map(
            |part| match part.to_str().and_then(|part| part.split_once("-unknown-linux-")) {
                Some((_, rest)) => format!("{machine}-unknown-linux-{rest}").into(),
                None => part.to_owned(),
            },
        )
        .collect();
    if swapped.is_dir() { swapped } else { own.to_owned() }
}

pub(crate) fn layout_folder(output: Option<&Path>, context: &Context) -> PathBuf {
    let default = || context.project.root.join("dist").join(&context.project.flavour.name);
    output.map_or_else(default, Path::to_owned)
}

fn load_into_docker(
    context: &Context,
    output: &Path,
    built: &[BuiltImage],
    tags: &[String],
) -> Result<Vec<Loaded>, CommandFailure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| CommandFailure::io("cannot prepare to speak to Docker".to_owned(), source, None))?;
    Ok(runtime.block_on(load(&context.environment.docker_socket, output, built, tags))?)
}

/// What Docker takes for a tag.
fn tag(text: &str) -> Result<String, &'static str> {
    let first = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let others = |letter: char| first(letter) || letter == '.' || letter == '-';
    if text.len() <= 128 && text.starts_with(first) && text.chars().all(others) {
        Ok(text.to_owned())
    } else {
        Err("a tag is letters, digits, `_`, `.` and `-`, 128 at most, and begins with one of the first three")
    }
}

fn report(context: &Context, built: &[BuiltImage], loaded: Option<&[Loaded]>) {
    let printer = context.printer;
    if printer.is_json() {
        let images = built.iter().enumerate().map(|(position, image)| {
            json!({
                "name": image.name, "digest": image.digest.to_string(), "config": image.config.to_string(),
                "compressed_bytes": image.compressed, "unchanged": image.unchanged,
                "loaded": loaded.map(|loaded| loaded[position] == Loaded::Imported),
            })
        });
        printer.json(&json!({"schema": "qclock.build/1", "images": images.collect::<Vec<_>>()}));
        return;
    }
    for image in built {
        printer.line(&format!("{} {}", image.name, image.digest));
    }
    if let Some(loaded) = loaded {
        let imported = loaded.iter().filter(|loaded| **loaded == Loaded::Imported).count();
        printer.status(&match imported {
            0 => "Docker had all images already.".to_owned(),
            _ => format!("Loaded {imported} of {} images into Docker.", loaded.len()),
        });
    }
}
