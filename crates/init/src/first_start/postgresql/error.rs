//! What can go wrong before PostgreSQL starts.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use thiserror::Error;

use super::super::directory::DirectoryError;
use super::super::settings::SettingsError;
use crate::failure::{Class, Failure};

#[derive(Debug, Error)]
pub(in crate::first_start) enum PostgresqlError {
    #[error("cannot set the database up: the settings are wrong")]
    Settings(#[from] SettingsError),
    #[error("cannot use the data directory")]
    Directory(#[from] DirectoryError),
    #[error("the volume holds a cluster of another version, `{}`", path.display())]
    OtherVersion { path: PathBuf },
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot run `{}`", program.display())]
    Run {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` failed: {status}; its own lines say why", program.display())]
    Failed { program: PathBuf, status: ExitStatus },
    #[error("`{}` says that its version is `{answer}`", program.display())]
    Version { program: PathBuf, answer: String },
    #[error("the first start took longer than {0} s")]
    Timeout(u64),
    #[error("there is no randomness for the passwords' salts")]
    Random,
}

impl Failure for PostgresqlError {
    fn class(&self) -> Class {
        match self {
            Self::Settings(_) => Class::Usage,
            _ => Class::Environment,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Settings(error) => error.hint(),
            Self::Directory(error) => error.hint(),
            Self::OtherVersion { .. } => {
                Some("dump it with the image of that version, and restore it into a new volume".to_owned())
            }
            _ => None,
        }
    }
}
