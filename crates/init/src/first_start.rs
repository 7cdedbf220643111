//! Sets the database up when its data directory does not exist: beside it, and renamed when complete, never half a database.
//! PostgreSQL is prepared before each start, since parts of its configuration depend on the container.
//!
//! It runs as a process of its own, a task in front of the services.  Whatever kills it leaves `data.new`, which the next
//! attempt removes; `data` appears in one step, when everything in it has reached the disk.

mod accounts;
mod directory;
mod journal;
mod json;
mod mariadb;
mod mysql;
mod postgresql;
mod scripts;
mod server;
mod settings;
mod statements;

use std::process::ExitCode;

use thiserror::Error;

pub use settings::{SECRET_VARIABLES, variables};
pub use statements::{SplitError, Statement, Statements};

use crate::configuration::{Configuration, FirstStart, MysqlFirstStart};
use crate::failure::{Class, Failure, in_one_line};
use crate::own_log::{end, tell};
use crate::supervisor::Level;
use crate::variables::from_process;
use directory::{DirectoryError, Found, Layout, Volume};
use journal::{Fingerprints, Journal};
use postgresql::PostgresqlError;
use scripts::{ScriptError, Scripts};
use server::{Database, ServerError};
use settings::{Settings, SettingsError};

#[derive(Debug, Error)]
enum FirstStartError {
    #[error("cannot set the database up: the settings are wrong")]
    Settings(#[from] SettingsError),
    #[error("cannot set the database up: the scripts cannot be used")]
    Scripts(#[source] ScriptError),
    #[error("cannot use the data directory")]
    Directory(#[from] DirectoryError),
    #[error("cannot set the database up")]
    Server(#[from] ServerError),
    #[error("cannot set the database up: a script failed")]
    Script(#[source] ScriptError),
    #[error(transparent)]
    Postgresql(#[from] PostgresqlError),
}

/// Every MariaDB and MySQL data directory has a database `mysql`.
const LAYOUT: Layout = Layout {
    mark: "mysql",
    at_top: &["mysql", "ibdata1"],
};

impl Failure for FirstStartError {
    fn class(&self) -> Class {
        match self {
            Self::Settings(_) | Self::Scripts(_) => Class::Usage,
            Self::Directory(_) | Self::Server(_) => Class::Environment,
            Self::Script(error) => error.class(),
            Self::Postgresql(error) => error.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Settings(error) => error.hint(),
            Self::Scripts(error) | Self::Script(error) => error.hint(),
            Self::Directory(error) => error.hint(),
            Self::Server(_) => None,
            Self::Postgresql(error) => error.hint(),
        }
    }
}

/// `qclock-init first-start`; it tells its progress as log lines on standard output, the server's own go to standard error.
pub fn command(configuration: &Configuration) -> ExitCode {
    let Some(first_start) = &configuration.first_start else {
        return ExitCode::SUCCESS;
    };
    let done = match first_start {
        FirstStart::Mysql(first_start) => set_up_unless_there(first_start),
        FirstStart::Postgresql(first_start) => {
            postgresql::prepare(first_start, &from_process).map_err(FirstStartError::from)
        }
    };
    end(done, "first-start-failed")
}

fn set_up_unless_there(first_start: &MysqlFirstStart) -> Result<(), FirstStartError> {
    let volume = Volume::open(&first_start.data_directory)?;
    if volume.look(&LAYOUT)? == Found::Database {
        compare_settings(first_start);
        return Ok(());
    }
    let begun = std::time::Instant::now();
    let settings = Settings::read(&from_process)?;
    let scripts = Scripts::list(&first_start.script_directory).map_err(FirstStartError::Scripts)?;
    for ignored in scripts.ignored() {
        tell(
            Level::Warning,
            "script-ignored",
            &format!("`{ignored}` is neither .sql nor .sql.gz: ignored"),
        );
    }
    let database = Database::new(first_start);
    tell(Level::Notice, "first-start", "there is no database yet: setting one up");
    let beside = volume.begin()?;
    let version = database.initialise(&beside, &settings)?;
    let mut journal = Journal::new(&version, &settings);
    if !scripts.is_empty() {
        let server = database.start_temporary(&beside, &settings.root_password)?;
        for script in scripts.iter() {
            let count = script.run(&server, &settings).map_err(FirstStartError::Script)?;
            tell(
                Level::Info,
                "script-run",
                &format!("ran {count} statements of `{}`", script.name()),
            );
            journal.add(script, count).map_err(FirstStartError::Script)?;
        }
        server.stop()?;
    }
    journal.write(&beside)?;
    volume.complete()?;
    let message = format!(
        "the database is set up, {version}, in {} ms",
        begun.elapsed().as_millis()
    );
    tell(Level::Notice, "first-start-done", &message);
    if settings.root_password_was_generated() {
        tell(
            Level::Warning,
            "root-password-generated",
            "the password of `root` was generated and is known to nobody; use `ALTER USER` through an account of your own",
        );
    }
    Ok(())
}

/// Accounts are made once; whoever changes a secret later should hear that nothing has come of it.
fn compare_settings(first_start: &MysqlFirstStart) {
    let Some(earlier) = Fingerprints::read(&first_start.data_directory) else {
        return;
    };
    match Settings::read(&from_process) {
        Ok(settings) => {
            for name in earlier.changed(&settings) {
                let message = format!(
                    "`{name}` is not what it was when the database was set up: accounts are not changed; use `ALTER USER` or `SET PASSWORD`"
                );
                tell(Level::Warning, "secret-changed", &message);
            }
        }
        // Settings may be gone once they have served.
        Err(SettingsError::NoRootPassword) => {}
        Err(error) => tell(Level::Warning, "settings-wrong", &in_one_line(&error)),
    }
}
