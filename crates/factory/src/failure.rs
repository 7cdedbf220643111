//! What a failure means to whoever asked: a class, which becomes the exit status, and a hint that can be followed.

use std::error::Error;

/// Each class has one exit status, and one word in machine-readable output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The answer is no: what was asked for cannot be, or does not hold.
    Answer,
    /// The command, a definition or another configuration file is wrong.
    Usage,
    /// A signature, digest or bound did not hold.
    Verification,
    /// The network, the disk or a service failed, or a needed file is nowhere to be had.
    Environment,
}

/// An error of the factory's public operations.
pub trait Failure: Error {
    fn class(&self) -> Class;

    /// An imperative sentence without a period, naming what to run or change.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// The most similar of `candidates`, if one is similar enough to be what was meant.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}
