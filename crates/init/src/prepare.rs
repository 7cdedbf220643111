//! What is made anew at each start, in front of the services, in memory: a process of its own, whose memory goes with it.
//!
//! Keycloak's part: its home, whose parts that never change are links into the image; its build, which is not reproducible and would take
//! the environment of whoever runs it along, and therefore runs here, with an empty one; its configuration and the realms, with secrets from
//! files; and the wait for its database, which Keycloak itself does not do.

mod arguments;
mod build;
mod database;
mod excerpt;
mod home;
mod memory;
mod options;
mod peers;
mod realm;
mod settings;

use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use fs_err as fs;
use thiserror::Error;

pub use realm::{RealmError, render as render_realm};

use crate::configuration::{Configuration, Prepare};
use crate::failure::{Class, Failure};
use crate::os;
use crate::own_log::{end, tell};
use crate::supervisor::Level;
use crate::variables::from_process;
use build::BuildError;
use database::DatabaseError;
use settings::{Cache, Settings, SettingsError};

#[derive(Debug, Error)]
enum PrepareError {
    #[error("cannot start Keycloak: the settings are wrong")]
    Settings(#[from] SettingsError),
    #[error("cannot start Keycloak: the realm's file `{}` cannot be used", path.display())]
    Realm {
        path: PathBuf,
        #[source]
        source: RealmError,
    },
    #[error("cannot start Keycloak: cannot {action} `{}`", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot start Keycloak: its build failed")]
    Build(#[from] BuildError),
    #[error("cannot start Keycloak without its database")]
    Database(#[from] DatabaseError),
}

impl Failure for PrepareError {
    fn class(&self) -> Class {
        match self {
            Self::Settings(_) | Self::Realm { .. } => Class::Usage,
            Self::File { .. } | Self::Build(_) | Self::Database(_) => Class::Environment,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Settings(error) => error.hint(),
            Self::File { .. } => Some("mount a tmpfs that this user may write to, `--tmpfs /run`".to_owned()),
            Self::Realm { .. } | Self::Build(_) | Self::Database(_) => None,
        }
    }
}

/// `qclock-init prepare`; it tells its progress as log lines on standard output, Keycloak's own go to standard error.
pub fn command(configuration: &Configuration) -> ExitCode {
    let Some(prepare) = &configuration.prepare else {
        return ExitCode::SUCCESS;
    };
    end(keycloak(prepare), "prepare-failed")
}

fn keycloak(prepare: &Prepare) -> Result<(), PrepareError> {
    os::private_files();
    let settings = Settings::read(&from_process)?;
    let places = Places::of(prepare);
    let limit = memory::limit(Path::new("/sys/fs/cgroup"));
    if let Some(warning) = memory::warning(limit) {
        tell(Level::Warning, "memory-limit", &warning);
    }
    let made = home::make(&prepare.distribution, &places.home);
    made.map_err(|(action, path, source)| PrepareError::File { action, path, source })?;
    write_files(prepare, &places, &settings, limit)?;

    let begun = Instant::now();
    let options = options::build(&prepare.build_options, &settings);
    build::run(prepare, &places, &options, limit)?;
    let message = format!("Keycloak is built for this start in {} ms", begun.elapsed().as_millis());
    tell(Level::Notice, "build-done", &message);

    let within = prepare.database_timeout;
    database::wait(&settings.database, within, |action, message| {
        let level = if action == "database-ready" {
            Level::Notice
        } else {
            Level::Warning
        };
        tell(level, action, message);
    })?;
    Ok(())
}

/// Of a container that shares its sessions with others.
fn own_address(settings: &Settings) -> Option<IpAddr> {
    let Cache::Distributed { peers } = &settings.cache else {
        return None;
    };
    let own = peers::own_address(peers);
    if own.is_none() {
        let message = format!(
            "no address of `{peers}` is this container's: it listens for the others on the first private one that it has"
        );
        tell(Level::Warning, "peers-address", &message);
    }
    own
}

/// Where what is made lies, all of it in memory.
struct Places {
    home: PathBuf,
    import: PathBuf,
    configuration: PathBuf,
    passwords: PathBuf,
    arguments: PathBuf,
}

impl Places {
    fn of(prepare: &Prepare) -> Self {
        let below = |name| prepare.directory.join(name);
        Self {
            home: below("home"),
            import: below("import"),
            configuration: below("keycloak.conf"),
            passwords: below("pgpass"),
            arguments: below("java.args"),
        }
    }
}

fn write_files(
    prepare: &Prepare,
    places: &Places,
    settings: &Settings,
    limit: Option<u64>,
) -> Result<(), PrepareError> {
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|source| PrepareError::File {
            action: "read",
            path: path.to_owned(),
            source,
        })
    };
    let template = read(&prepare.template)?;
    write_private(&places.configuration, &options::configuration(&template, settings))?;
    write_private(&places.passwords, &options::password_line(&settings.database))?;
    let arguments = arguments::of_server(places, limit, settings, own_address(settings));
    write_private(&places.arguments, &arguments::to_file(&arguments))?;

    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| PrepareError::File { action, path, source }
    };
    os::make_directory(&places.import, 0o700).map_err(failed("make", &places.import))?;
    let entries = fs::read_dir(&prepare.realm_directory).map_err(failed("list", &prepare.realm_directory))?;
    for entry in entries {
        let path = entry.map_err(failed("list", &prepare.realm_directory))?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let wrong = |source| PrepareError::Realm {
            path: path.clone(),
            source,
        };
        let rendered = render_realm(&read(&path)?, |name| settings.value(name)).map_err(wrong)?;
        write_private(
            &places.import.join(format!("{}-realm.json", rendered.name)),
            &rendered.text,
        )?;
    }
    Ok(())
}

/// For this user's eyes alone, whatever stood there.
fn write_private(path: &Path, text: &str) -> Result<(), PrepareError> {
    let written = os::remove_leftover(path).and_then(|_| {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())
    });
    written.map_err(|source| PrepareError::File {
        action: "write",
        path: path.to_owned(),
        source,
    })
}
