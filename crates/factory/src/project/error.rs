//! What can be wrong with a project's files.

use std::path::PathBuf;

use qclock_trust::KeyringError;
use thiserror::Error;

use crate::definition::Fault;
use crate::document::DocumentError;
use crate::failure::{Class, Failure};
use crate::lockfile::LockMismatch;
use crate::variables::UnknownVariable;

#[derive(Debug, Error)]
pub enum ProjectError {
    #[error("neither `{}` nor a folder above it holds `images/flavours`", start.display())]
    NotFound { start: PathBuf },
    #[error("cannot list a folder of the project")]
    Folder(#[source] std::io::Error),
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error("unknown flavour `{name}`")]
    UnknownFlavour {
        name: String,
        suggestion: Option<String>,
        known: Vec<String>,
    },
    #[error("{}: {fault}", path.display())]
    Flavour { path: PathBuf, fault: Fault },
    #[error(transparent)]
    Key(KeyringError),
    #[error("{}: {fault}", path.display())]
    Definition { path: PathBuf, fault: Fault },
    #[error("{}: {fault}", path.display())]
    Variable { path: PathBuf, fault: UnknownVariable },
    #[error("{}: unknown parent `{parent}`", path.display())]
    UnknownParent {
        path: PathBuf,
        parent: String,
        suggestion: Option<String>,
    },
    #[error("{}: unknown flavour `{flavour}`", path.display())]
    FlavourInDefinition {
        path: PathBuf,
        flavour: String,
        suggestion: Option<String>,
    },
    #[error("{}", cycle(images))]
    Cycle { images: Vec<String> },
    #[error("unknown image `{name}`")]
    UnknownImage {
        name: String,
        suggestion: Option<String>,
        known: Vec<String>,
        /// There is a folder of that name without a definition.
        undefined: bool,
    },
    #[error("the image `{name}` does not exist in the flavour `{flavour}`")]
    ImageOfOtherFlavour { name: String, flavour: String },
    #[error("there is no lock `{}`", path.display())]
    NoLock { path: PathBuf },
    #[error("the lock `{}` does not answer the definitions", path.display())]
    LockMismatch {
        path: PathBuf,
        #[source]
        source: LockMismatch,
    },
}

impl Failure for ProjectError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => {
                Some("run it inside the project's folder, or name that with `--project`".to_owned())
            }
            Self::Document(error) => error.hint(),
            Self::UnknownImage {
                name, undefined: true, ..
            } => Some(format!("describe the image in `images/{name}/image.toml`")),
            Self::UnknownFlavour { suggestion, known, .. } | Self::UnknownImage { suggestion, known, .. } => {
                did_you_mean(suggestion.as_deref()).or_else(|| Some(format!("there are `{}`", known.join("`, `"))))
            }
            Self::Definition { fault, .. } | Self::Flavour { fault, .. } => fault.hint.clone(),
            Self::Variable { fault, .. } => did_you_mean(fault.suggestion.as_deref())
                .or_else(|| Some(format!("declare `{}` under `[variables.<flavour>]`", fault.name))),
            Self::UnknownParent { suggestion, .. } | Self::FlavourInDefinition { suggestion, .. } => {
                did_you_mean(suggestion.as_deref())
            }
            Self::NoLock { .. } | Self::LockMismatch { .. } => Some("run `qclock lock`".to_owned()),
            Self::Key(_) => Some("put the public key there, as its owner publishes it, armored or binary".to_owned()),
            Self::Folder(_) | Self::Cycle { .. } | Self::ImageOfOtherFlavour { .. } => None,
        }
    }
}

fn did_you_mean(suggestion: Option<&str>) -> Option<String> {
    suggestion.map(|close| format!("did you mean `{close}`?"))
}

fn cycle(images: &[String]) -> String {
    match images {
        [image] => format!("the image `{image}` is its own parent"),
        _ => format!("the images `{}` are each other's parents", images.join("`, `")),
    }
}
