//! The command line: options that all commands share, and the list of commands.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::commands::{
    build, cache, digest, dockerfile, ledger, lock, reach, realm, resolve, secrets, slim, support, why,
};
use crate::environment;

/// Builds container images straight from signed packages.
///
/// A lock says exactly which packages the images are made of; from one lock the same bytes are built everywhere, by anyone,
/// without root and without Docker.
#[derive(Debug, Parser)]
#[command(name = "qclock", version, after_help = EXAMPLES, after_long_help = long_help())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// Where packages come from: a file of images/flavours
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "QCLOCK_FLAVOUR",
        default_value = "debian12",
        hide_env = true
    )]
    pub flavour: String,
    /// Folder of the project; by default the nearest one upwards that holds images/flavours
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// Say nothing but results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// How results and errors are written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
}

/// Shared by the commands that work with locks and images.
#[derive(Debug, clap::Args)]
pub(crate) struct Architecture {
    /// Another architecture than the flavour's own: x86_64 (amd64) or aarch64 (arm64)
    #[arg(long = "arch", value_name = "NAME")]
    pub architecture: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Lock(lock::Arguments),
    Build(build::Arguments),
    Digest(digest::Arguments),
    Dockerfile(dockerfile::Arguments),
    Ledger(ledger::Arguments),
    Reach(reach::Arguments),
    Resolve(resolve::Arguments),
    Why(why::Arguments),
    Slim(slim::Arguments),
    Support(support::Arguments),
    Secrets(secrets::Arguments),
    Realm(realm::Arguments),
    Cache(cache::Arguments),
}

const EXAMPLES: &str = "\
Examples:
  qclock lock                  choose the newest packages and write images/debian12.lock
  qclock build --load          build all images and put them into Docker
  qclock build app --archive app.tar
  qclock digest app            the digest to deploy by";

fn long_help() -> String {
    format!("{EXAMPLES}\n\n{}\n\n{EXIT_STATUS}", environment::HELP)
}

const EXIT_STATUS: &str = "\
Exit status:
   0  done
   1  the answer is no: no solution, lock not current, image not built
   2  the command or a file of the project is wrong
   3  something fetched or read is not what was signed or locked
   4  network, disk or a service failed, or a package is nowhere to be had
  70  a fault in qclock";
