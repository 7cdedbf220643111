//! How an error reaches a person: the chain of causes, a hint that can be acted on, and the exit status.

use std::error::Error;
use std::fmt::Write as _;

/// What the exit status says, the same everywhere in the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The answer is no.
    No,
    /// Wrong usage or configuration.
    Usage,
    /// The surroundings failed: a file, a socket, a program.
    Environment,
}

impl Class {
    pub fn status(self) -> u8 {
        match self {
            Self::No => 1,
            Self::Usage => 2,
            Self::Environment => 4,
        }
    }
}

/// An error that knows its exit status and perhaps the remedy.
pub trait Failure: Error {
    fn class(&self) -> Class;

    fn hint(&self) -> Option<String> {
        None
    }
}

/// The error and its causes on one line: `cannot read `x`: no such file`.
pub fn in_one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(line, ": {error}");
        cause = error.source();
    }
    line.replace('\n', " ")
}

/// The candidate that was most likely meant, if any is near.
pub fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}
