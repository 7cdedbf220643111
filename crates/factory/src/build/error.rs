//! Why an image cannot be built.

use std::error::Error;
use std::fmt;

use qclock_oci::layer::{LayerError, ReadError};
use qclock_oci::layout::LayoutError;
use qclock_trust::RpmError;

use super::{ProgramFault, SourceError};
use crate::assemble::{AssembleError, PatternError};
use crate::failure::{Class, Failure};
use crate::generate::GenerateError;
use crate::keys::KeysError;
use crate::ledger::Unreviewed;
use crate::project::ProjectError;

/// Written by hand: the source of packages has an error type of its own.
#[derive(Debug)]
pub enum BuildError {
    Project(Box<ProjectError>),
    /// The lock has no entry for the image, or for one of its packages.
    NotLocked {
        image: String,
    },
    /// Files of a package are to be restored that no parent has.
    NotInherited {
        image: String,
        package: String,
    },
    Pattern {
        image: String,
        source: PatternError,
    },
    Packages {
        image: String,
        source: SourceError,
    },
    Keys(KeysError),
    /// Of an RPM package; no source: another key signed it than the lock says.
    Signature {
        package: String,
        repository: String,
        source: Option<Box<RpmError>>,
    },
    /// Scripts that nobody has reviewed.
    Unreviewed(Unreviewed),
    Assemble {
        image: String,
        source: Box<AssembleError>,
    },
    Generate {
        image: String,
        source: Box<GenerateError>,
    },
    /// What the image starts is not in it.
    Program {
        image: String,
        source: ProgramFault,
    },
    /// Of one of the parent's layers.
    Parent {
        image: String,
        source: ReadError,
    },
    Layer {
        image: String,
        source: LayerError,
    },
    Layout {
        image: String,
        source: LayoutError,
    },
    /// Of the packages, or as given.
    Date {
        image: String,
        seconds: u64,
    },
}

impl From<ProjectError> for BuildError {
    fn from(error: ProjectError) -> Self {
        Self::Project(Box::new(error))
    }
}

impl From<KeysError> for BuildError {
    fn from(error: KeysError) -> Self {
        Self::Keys(error)
    }
}

impl BuildError {
    pub(super) fn assemble(image: &str, source: AssembleError) -> Self {
        let (image, source) = (image.to_owned(), Box::new(source));
        Self::Assemble { image, source }
    }

    pub(super) fn generate(image: &str, source: GenerateError) -> Self {
        let (image, source) = (image.to_owned(), Box::new(source));
        Self::Generate { image, source }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(error) => fmt::Display::fmt(error, formatter),
            Self::NotLocked { image } => write!(formatter, "the lock does not say what `{image}` is made of"),
            Self::NotInherited { image, package } => {
                write!(
                    formatter,
                    "`{image}` restores files of `{package}`, which its parent does not hold"
                )
            }
            Self::Pattern { image, .. } => write!(formatter, "cannot prune the packages of `{image}`"),
            Self::Packages { image, .. } => write!(formatter, "cannot get the packages of `{image}`"),
            Self::Keys(error) => fmt::Display::fmt(error, formatter),
            Self::Signature {
                package, repository, ..
            } => write!(
                formatter,
                "the package `{package}` is not signed by the key of the repository `{repository}` that the lock names"
            ),
            Self::Unreviewed(error) => fmt::Display::fmt(error, formatter),
            Self::Assemble { image, .. } => write!(formatter, "cannot assemble the packages of `{image}`"),
            Self::Generate { image, .. } => write!(formatter, "cannot make the files of `{image}`"),
            Self::Program { image, .. } => write!(formatter, "`{image}` could not start"),
            Self::Parent { image, .. } => write!(formatter, "cannot read the layers of the parent of `{image}`"),
            Self::Layer { image, .. } => write!(formatter, "cannot write a layer of `{image}`"),
            Self::Layout { image, .. } => write!(formatter, "cannot store `{image}`"),
            Self::Date { image, seconds } => {
                write!(
                    formatter,
                    "`{image}` would be dated {seconds} seconds after 1970, which is no date"
                )
            }
        }
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Project(error) => error.source(),
            Self::NotLocked { .. } | Self::NotInherited { .. } | Self::Date { .. } | Self::Unreviewed(_) => None,
            Self::Keys(error) => error.source(),
            Self::Signature { source, .. } => source.as_deref().map(|source| source as &(dyn Error + 'static)),
            Self::Pattern { source, .. } => Some(source),
            Self::Packages { source, .. } => Some(source.as_error()),
            Self::Assemble { source, .. } => Some(&**source),
            Self::Generate { source, .. } => Some(&**source),
            Self::Program { source, .. } => Some(source),
            Self::Parent { source, .. } => Some(source),
            Self::Layer { source, .. } => Some(source),
            Self::Layout { source, .. } => Some(source),
        }
    }
}

impl Failure for BuildError {
    fn class(&self) -> Class {
        match self {
            Self::Project(error) => error.class(),
            Self::Packages { source, .. } => source.class(),
            Self::Keys(error) => error.class(),
            Self::Unreviewed(error) => error.class(),
            Self::Signature { .. } => Class::Verification,
            Self::Assemble { source, .. } => source.class(),
            Self::Generate { source, .. } => source.class(),
            Self::NotLocked { .. }
            | Self::NotInherited { .. }
            | Self::Pattern { .. }
            | Self::Program { .. }
            | Self::Date { .. } => Class::Usage,
            Self::Parent { .. } | Self::Layer { .. } => Class::Verification,
            Self::Layout { .. } => Class::Environment,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Project(error) => error.hint(),
            Self::NotLocked { .. } => Some("run `qclock lock`".to_owned()),
            Self::Pattern { source, .. } => source.hint(),
            Self::Packages { source, .. } => source.hint(),
            Self::Unreviewed(error) => error.hint(),
            Self::Signature { .. } => {
                Some("run `qclock lock` with the keys that the repository has now, and look at what changes".to_owned())
            }
            Self::Assemble { source, .. } => source.hint(),
            Self::Generate { source, .. } => source.hint(),
            Self::Program { image, source } => Some(format!(
                "in `images/{}/image.toml`, install the package or declare the `[[binary]]` that brings `{}`, see that no `[[prune]]` \
                 takes it away, or name another in `[run]`",
                image.trim_start_matches(crate::definition::IMAGE_PREFIX),
                source.program
            )),
            Self::Date { .. } => Some("set SOURCE_DATE_EPOCH to a number of seconds after 1970".to_owned()),
            Self::Keys(error) => error.hint(),
            Self::Layout {
                source: LayoutError::Document { path, .. } | LayoutError::Large { path },
                ..
            } => Some(format!(
                "remove `{}`, or name another folder with `--output`",
                path.display()
            )),
            Self::NotInherited { .. } | Self::Parent { .. } | Self::Layer { .. } | Self::Layout { .. } => None,
        }
    }
}
