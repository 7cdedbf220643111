//! MySQL makes its own system tables, and runs the accounts in the same step: `--initialize-insecure` with an `--init-file`.
//! Its exit status says whether all of it was done, and no server without a password is ever reachable.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;

use super::accounts;
use super::server::{Database, ServerError, option};
use super::settings::Settings;

/// Lies in memory, with the sockets.
const INIT_FILE: &str = "first-start.sql";

pub(super) fn initialise(
    database: &Database<'_>,
    directory: &Path,
    settings: &Settings,
) -> Result<String, ServerError> {
    let version = version(&database.version()?)?;
    let accounts = accounts::mysql(settings, &database.first_start.health_user);
    let file = InitFile::write(&database.first_start.socket_directory, &accounts)?;
    let mut child = database
        .server(directory)
        .arg("--initialize-insecure")
        .arg(option("init-file", &file.path))
        .stdin(Stdio::null())
        .spawn()
        .map_err(|source| database.run_failed(source))?;
    database.finish(&mut child)?;
    Ok(version)
}

/// Holds passwords: for the server's eyes, and gone when it is dropped.
#[derive(Debug)]
struct InitFile {
    path: PathBuf,
}

impl InitFile {
    fn write(directory: &Path, statements: &str) -> Result<Self, ServerError> {
        let path = directory.join(INIT_FILE);
        // What a killed attempt left is not written into: somebody may have it open.
        let _ = fs::remove_file(&path);
        let file = Self { path };
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file.path)
            .and_then(|mut created| created.write_all(statements.as_bytes()))
            .map_err(|source| ServerError::Write {
                path: file.path.clone(),
                source,
            })?;
        Ok(file)
    }
}

impl Drop for InitFile {
    fn drop(&mut self) {
        // It lies in memory that nobody else can read, and ends with the container in any case.
        let _ = fs::remove_file(&self.path);
    }
}

/// `8.0.41`, of `8.0.41 for Linux on x86_64 (…)`.
fn version(text: &str) -> Result<String, ServerError> {
    let word = text.split_whitespace().next().unwrap_or_default();
    let is_version = word.starts_with(|first: char| first.is_ascii_digit());
    // A MariaDB that is called mysqld would make something else of the arguments.
    if is_version && !text.contains("MariaDB") {
        Ok(format!("{word} (MySQL)"))
    } else {
        Err(ServerError::Version(text.to_owned()))
    }
}
