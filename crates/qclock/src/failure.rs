//! A command's failure: the error, what it means, and what to do.

use std::error::Error;

use qclock_factory::failure::Failure;
use thiserror::Error;

use crate::exit::ExitStatus;

#[derive(Debug)]
pub(crate) struct CommandFailure {
    pub status: ExitStatus,
    pub error: Box<dyn Error>,
    pub hint: Option<String>,
}

impl<E: Failure + 'static> From<E> for CommandFailure {
    fn from(error: E) -> Self {
        Self {
            status: error.class().into(),
            hint: error.hint(),
            error: Box::new(error),
        }
    }
}

/// What was attempted on what, for failures of the machine that need no kind of their own.
#[derive(Debug, Error)]
#[error("{attempt}")]
struct Attempt {
    attempt: String,
    #[source]
    source: std::io::Error,
}

impl CommandFailure {
    /// An input or output error.
    pub(crate) fn io(attempt: String, source: std::io::Error, hint: Option<&str>) -> Self {
        Self {
            status: ExitStatus::Environment,
            error: Box::new(Attempt { attempt, source }),
            hint: hint.map(str::to_owned),
        }
    }

    /// The error and what caused it, outermost first.
    pub(crate) fn chain(&self) -> Vec<String> {
        let mut chain = Vec::new();
        let mut next: Option<&dyn Error> = Some(self.error.as_ref());
        while let Some(error) = next {
            let text = error.to_string();
            if chain.last() != Some(&text) {
                chain.push(text);
            }
            next = error.source();
        }
        chain
    }
}
