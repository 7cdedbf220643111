//! PostgreSQL: the cluster is made by the distribution's own initdb, the roles by the server in its single-user mode, both before
//! anybody can connect.
//!
//! No password reaches either of them: what the server keeps of a password (RFC 5803) is computed here and goes through a pipe.
//! initdb calls the server through `/bin/sh`; see [`crate::shell`].

mod access;
mod error;
mod journal;
mod memory;
mod roles;
mod scram;
mod server;

use std::path::Path;

use fs_err as fs;

pub(super) use error::PostgresqlError;

use super::directory::{Found, Layout, Volume};
use crate::configuration::PostgresqlFirstStart;
use crate::os;
use crate::own_log::tell;
use crate::supervisor::Level;
use crate::variables::Source;
use access::Networks;
use journal::Journal;
use roles::Given;
use server::Server;

const LAYOUT: Layout = Layout {
    mark: "global/pg_control",
    at_top: &["PG_VERSION", "global"],
};
/// Written by initdb, read by nobody: the image has its own.
const CONFIGURATION_OF_INITDB: [&str; 3] = ["postgresql.conf", "pg_hba.conf", "pg_ident.conf"];
const MEMORY_FILE: &str = "memory.conf";
const ACCESS_FILE: &str = "pg_hba.conf";
/// Of a server that is gone: nobody else has the volume when it is removed.
const PID_FILE: &str = "postmaster.pid";

/// Before each start of the server.
pub(super) fn prepare(first_start: &PostgresqlFirstStart, source: Source<'_>) -> Result<(), PostgresqlError> {
    let networks = Networks::read(source)?;
    write(
        &first_start.run_directory.join(MEMORY_FILE),
        &memory::configuration(memory::limit()),
    )?;
    let access = access::rules(&networks, &first_start.health_user);
    write(&first_start.run_directory.join(ACCESS_FILE), &access)?;
    let volume = Volume::open(&first_start.data_directory)?;
    refuse_other_versions(&first_start.data_directory)?;
    let server = Server::new(first_start);
    match volume.look(&LAYOUT)? {
        Found::Nothing => set_up(&volume, &server, source),
        Found::Database => bring_up_to_date(&server, source),
    }
}

fn set_up(volume: &Volume, server: &Server<'_>, source: Source<'_>) -> Result<(), PostgresqlError> {
    let begun = std::time::Instant::now();
    let given = Given::read(source)?;
    let mut journal = Journal::new(&server.version()?);
    let statements = roles::all(&given, &server.first_start.health_user, &mut journal)?;
    tell(Level::Notice, "first-start", "there is no database yet: setting one up");
    let beside = volume.begin()?;
    server.initdb(&beside)?;
    server.run_alone(&beside, &statements, server::Durability::AfterAll)?;
    for name in CONFIGURATION_OF_INITDB {
        os::remove_leftover(&beside.join(name)).map_err(|source| PostgresqlError::Write {
            path: beside.join(name),
            source,
        })?;
    }
    journal.write(&beside)?;
    volume.complete()?;
    let message = format!(
        "the database is set up, PostgreSQL {}, in {} ms",
        journal.server(),
        begun.elapsed().as_millis()
    );
    tell(Level::Notice, "first-start-done", &message);
    Ok(())
}

/// Secret files are the truth about the passwords of our own roles: one that has changed since is given to the server.
fn bring_up_to_date(server: &Server<'_>, source: Source<'_>) -> Result<(), PostgresqlError> {
    let directory = &server.first_start.data_directory;
    // Nobody else has the volume, so whoever wrote it is gone.
    let pid_file = directory.join(PID_FILE);
    os::remove_leftover(&pid_file).map_err(|source| PostgresqlError::Write { path: pid_file, source })?;
    let given = match Given::read(source) {
        Ok(given) => given,
        // Settings may be gone once they have served.
        Err(error) => {
            tell(Level::Warning, "settings-wrong", &crate::failure::in_one_line(&error));
            return Ok(());
        }
    };
    let mut journal = match Journal::read(directory) {
        Some(journal) => journal,
        None => Journal::new(&server.version()?),
    };
    let changed = given.changed_since(&journal);
    if changed.is_empty() {
        return Ok(());
    }
    let statements = roles::some(&changed, &mut journal)?;
    server.run_alone(directory, &statements, server::Durability::Always)?;
    journal.write(directory)?;
    let names: Vec<String> = changed.names().map(|name| format!("`{name}`")).collect();
    let message = format!(
        "secrets are not what they were: the server has the new passwords of {}",
        names.join(", ")
    );
    tell(Level::Notice, "secret-changed", &message);
    Ok(())
}

/// A cluster is named by its major version: another one beside it is somebody's data, not an empty volume.
fn refuse_other_versions(data: &Path) -> Result<(), PostgresqlError> {
    let Some(volume) = data.parent() else {
        return Ok(());
    };
    let failed = |source| PostgresqlError::Write {
        path: volume.to_owned(),
        source,
    };
    for entry in fs::read_dir(volume).map_err(failed)? {
        let other = entry.map_err(failed)?.path();
        let is_number = other
            .file_name()
            .is_some_and(|name| name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()));
        if is_number && other != data && other.join("PG_VERSION").exists() && !data.exists() {
            return Err(PostgresqlError::OtherVersion { path: other });
        }
    }
    Ok(())
}

fn write(path: &Path, content: &str) -> Result<(), PostgresqlError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, content)
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|source| PostgresqlError::Write {
            path: path.to_owned(),
            source,
        })
}
