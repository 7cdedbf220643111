//! Why an archive's address is not known.

use thiserror::Error;

use crate::failure::{Class, Failure};

#[derive(Debug, Error)]
pub enum MirrorError {
    #[error("`{address}` is no address of an archive")]
    Address { address: String },
    #[error("archives cannot be read by `{scheme}:`")]
    Scheme { scheme: String },
    #[error("apt on this machine has no source for the suite `{suite}`{}", but(passed_over))]
    NoSource {
        suite: String,
        /// Sources of kinds that cannot be used, and why.
        passed_over: Vec<String>,
    },
    #[error("the flavour names no mirror")]
    NoMirror { variable: String },
    #[error("the suite is not one of the flavour's")]
    UnknownSuite,
}

fn but(passed_over: &[String]) -> String {
    if passed_over.is_empty() {
        String::new()
    } else {
        format!(" that can be used ({})", passed_over.join("; "))
    }
}

impl Failure for MirrorError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Address { .. } | Self::Scheme { .. } => Some(
                "give an address such as `http://mirror.example/debian`, or the absolute path of a folder".to_owned(),
            ),
            Self::NoSource { .. } => {
                Some("set `QCLOCK_DEBIAN_MIRROR` to the address of a Debian mirror, `…/debian`".to_owned())
            }
            Self::NoMirror { variable } => Some(format!(
                "set `{variable}` to the address, or the folder, below which the repositories lie"
            )),
            Self::UnknownSuite => None,
        }
    }
}
