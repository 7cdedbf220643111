//! Why a question to the solver has no answer.

use qclock_solver::rpm::SolveError;
use thiserror::Error;

use crate::failure::{Class, Failure};
use crate::repository::RepositoryError;

#[derive(Debug, Error)]
pub enum ResolveError {
    #[error(transparent)]
    Repository(Box<RepositoryError>),
    #[error("{source}")]
    Solve {
        /// The repositories that were asked.
        names: Vec<String>,
        source: Box<SolveError>,
    },
}

impl From<RepositoryError> for ResolveError {
    fn from(error: RepositoryError) -> Self {
        Self::Repository(Box::new(error))
    }
}

impl Failure for ResolveError {
    fn class(&self) -> Class {
        match self {
            Self::Repository(error) => error.class(),
            Self::Solve { source, .. } => match **source {
                SolveError::Module(_) => Class::Usage,
                _ => Class::Answer,
            },
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Repository(error) => error.hint(),
            Self::Solve { names, source } => {
                let mut hints = source.hints();
                if hints.is_empty() {
                    return None;
                }
                hints.truncate(4);
                Some(format!("{} (asked were {})", hints.join("; or "), names.join(", ")))
            }
        }
    }
}
