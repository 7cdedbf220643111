//! MariaDB without `mariadb-install-db`, which is a shell script: the bootstrap server reads the system tables and the
//! accounts from its standard input.

use std::io::{BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use fs_err as fs;

use super::accounts;
use super::server::{Database, ServerError};
use super::settings::Settings;
use crate::os;
use crate::signal::Signal;

/// In the order of mariadb-install-db; the help tables and the test database are left out.
const SYSTEM_TABLES: [&str; 5] = [
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "mysql_sys_schema.sql",
];
const UPGRADE_RECORD: &str = "mysql_upgrade_info";

pub(super) fn initialise(
    database: &Database<'_>,
    directory: &Path,
    settings: &Settings,
) -> Result<String, ServerError> {
    let version = version(&database.version()?)?;
    let mut command = database.server(directory);
    command
        .args([
            "--bootstrap",
            "--silent-startup",
            "--log-warnings=0",
            "--enforce-storage-engine=",
        ])
        .args(["--max-allowed-packet=8M", "--net-buffer-length=16K"])
        .stdin(Stdio::piped());
    let mut child = command.spawn().map_err(|source| database.run_failed(source))?;
    if let Some(mut input) = child.stdin.take() {
        let accounts = accounts::mariadb(settings, &database.first_start.health_user);
        // A server that has ended does not read; its status says more than the broken pipe.
        if let Err(error @ ServerError::SystemTables { .. }) =
            feed(&mut input, &database.first_start.share_directory, &accounts)
        {
            os::signal_process(i32::try_from(child.id()).unwrap_or(i32::MAX), Signal::Kill);
            let _ = child.wait();
            return Err(error);
        }
    }
    database.finish(&mut child)?;
    // What mariadb-upgrade leaves, so that the server does not ask for it.
    let path = directory.join(UPGRADE_RECORD);
    fs::write(&path, &version).map_err(|source| ServerError::Write { path, source })?;
    Ok(version)
}

fn feed(input: &mut impl Write, share: &Path, accounts: &str) -> Result<(), ServerError> {
    let broken = |source| ServerError::Write {
        path: PathBuf::from("the server's input"),
        source,
    };
    input
        .write_all(b"CREATE DATABASE IF NOT EXISTS mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n")
        .map_err(broken)?;
    for name in SYSTEM_TABLES {
        let path = share.join(name);
        let failed = |source| ServerError::SystemTables {
            path: path.clone(),
            source,
        };
        let file = fs::File::open(&path).map_err(failed)?;
        let mut lines = BufReader::new(file);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            // Accounts for the name of the machine that is being installed, which here is a container's.
            if !line.windows(17).any(|window| window == b"@current_hostname") {
                input.write_all(&line).map_err(broken)?;
            }
            line.clear();
        }
        input.write_all(b"\n").map_err(broken)?;
    }
    input.write_all(accounts.as_bytes()).map_err(broken)
}

/// `10.11.19-MariaDB`
fn version(text: &str) -> Result<String, ServerError> {
    let word = text.split_whitespace().next().unwrap_or_default();
    match word.find("-MariaDB") {
        Some(end) => Ok(format!("{}-MariaDB", &word[..end])),
        None => Err(ServerError::Version(text.to_owned())),
    }
}
