//! `qclock digest`: the name of an image that cannot be forged.

use std::path::PathBuf;

use qclock_factory::build::find;
use serde_json::json;
use thiserror::Error;

use crate::cli::{Architecture, Cli};
use crate::context::load_project;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// Print the digest of a built image
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  qclock digest app
  skopeo copy oci:dist/debian12:qclock-app docker://registry.example/app@$(qclock digest app)")]
pub(crate) struct Arguments {
    /// Image, as `app` or `qclock-app`
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Folder of the image layout; by default dist/<flavour>
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    #[command(flatten)]
    architecture: Architecture,
}

#[derive(Debug, Error)]
#[error("the image `{image}` is not built")]
struct NotBuilt {
    image: String,
}

pub(crate) fn run(arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let project = load_project(cli, arguments.architecture.architecture.as_deref())?;
    let image = project.image(&arguments.image)?;
    let folder = arguments
        .output
        .clone()
        .unwrap_or_else(|| project.root.join("dist").join(&project.flavour.name));
    let built = find(&folder, &project, image)?.ok_or_else(|| CommandFailure {
        status: ExitStatus::No,
        error: Box::new(NotBuilt {
            image: project.reference(image),
        }),
        hint: Some(format!("run `qclock build {}`", image.name)),
    })?;
    if printer.is_json() {
        printer.json(&json!({"schema": "qclock.digest/1", "name": built.name, "digest": built.digest.to_string()}));
    } else {
        printer.line(&built.digest.to_string());
    }
    Ok(ExitStatus::Done)
}
