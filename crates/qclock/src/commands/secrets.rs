//! `qclock secrets`: the passwords of a stack, made once.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use fs_err as fs;
use rustix::fs::{Gid, Uid};
use serde_json::json;

use crate::cli::Cli;
use crate::context::project_folder;
use crate::exit::ExitStatus;
use crate::failure::CommandFailure;
use crate::printer::Printer;

/// Make the passwords of the stack, if there are none
///
/// Writes random passwords to the folder secrets, each into a file that only the containers' account may read. What is there already is
/// left as it is. Prints the names of what was made, never the passwords.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  sudo qclock secrets   only root can give the files to the containers' account")]
pub(crate) struct Arguments {
    /// Where they are kept; by default secrets
    #[arg(long, value_name = "DIR", env = "QCLOCK_SECRETS_DIR", hide_env = true)]
    folder: Option<PathBuf>,
}

const NAMES: [&str; 11] = [
    "db_root_password",
    "db_password",
    "db_monitor_password",
    "identity_db_password",
    "identity_db_monitor_password",
    "identity_db_backup_password",
    "identity_app_secret",
    "identity_client_secret",
    "identity_realm_secret",
    "identity_admin_password",
    "identity_console_password",
];

/// The account `qclock` of every image.
const ACCOUNT: u32 = 10001;

const SUDO: &str = "run it as root: `sudo qclock secrets`";

pub(crate) fn run(arguments: &Arguments, cli: &Cli, printer: Printer) -> Result<ExitStatus, CommandFailure> {
    let project = project_folder(cli)?;
    let given = arguments
        .folder
        .as_deref()
        .filter(|folder| !folder.as_os_str().is_empty());
    let shown = given.unwrap_or(Path::new("secrets")).display();
    let folder = given.map_or_else(|| project.join("secrets"), Path::to_owned);
    make_folder(&folder, &project)?;
    let mut made = Vec::new();
    for name in NAMES {
        if make(&folder, name)? {
            made.push(name);
        }
    }
    if printer.is_json() {
        printer.json(&json!({"schema": "qclock.secrets/1", "made": made}));
        return Ok(ExitStatus::Done);
    }
    for name in &made {
        printer.line(&format!("{shown}/{name}"));
    }
    printer.status(if made.is_empty() {
        "All secrets are there already."
    } else {
        "Made what was missing."
    });
    Ok(ExitStatus::Done)
}

/// Belongs to whom the project belongs to, so that its user can list it, and to nobody else.
fn make_folder(folder: &Path, project: &Path) -> Result<(), CommandFailure> {
    let failed = |source| CommandFailure::io(format!("cannot make the folder `{}`", folder.display()), source, None);
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {
            let owner = fs::metadata(project).map_err(failed)?;
            if rustix::process::geteuid().is_root() {
                rustix::fs::chown(
                    folder,
                    Some(Uid::from_raw(owner.uid())),
                    Some(Gid::from_raw(owner.gid())),
                )
                .map_err(|error| failed(error.into()))?;
            }
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Whether it had to be made.  Never replaces a file: not even one that another run makes at the same time.
fn make(folder: &Path, name: &str) -> Result<bool, CommandFailure> {
    let failed = |source: std::io::Error| {
        let hint = (source.kind() == std::io::ErrorKind::PermissionDenied).then_some(SUDO);
        CommandFailure::io(format!("cannot make the secret `{name}`"), source, hint)
    };
    let path = folder.join(name);
    match fs::metadata(&path) {
        Ok(metadata) if metadata.uid() == ACCOUNT => return Ok(false),
        Ok(_) => return give_away(&path, name).map(|()| false),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| failed(std::io::Error::other(error)))?;
    // A temporary file has mode 0600.
    let mut file = tempfile::Builder::new()
        .prefix(".secret-")
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(base64url(&random).as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    give_away(file.path(), name)?;
    match file.persist_noclobber(&path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(error.error)),
    }
}

fn give_away(path: &Path, name: &str) -> Result<(), CommandFailure> {
    rustix::fs::chown(path, Some(Uid::from_raw(ACCOUNT)), Some(Gid::from_raw(ACCOUNT))).map_err(|error| {
        CommandFailure::io(
            format!("cannot give the secret `{name}` to the containers' account, {ACCOUNT}"),
            error.into(),
            Some(SUDO),
        )
    })
}

/// RFC 4648 §5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for position in 0..=group.len() {
            let digit = bits >> (18 - 6 * position) & 63;
            text.push(char::from(ALPHABET[digit as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_has_the_values_of_the_standard() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("\u{fffd}~", "77-9fg"),
        ] {
            assert_eq!(base64url(plain.as_bytes()), encoded);
        }
        assert_eq!(base64url(&[0xff; 32]).len(), 43);
    }
}
