//! Whether a flavour's suites or repositories can be had, and where: asked once each, at the same time.

use thiserror::Error;

use crate::failure::{Class, Failure};
use crate::fetch::{FetchError, Fetcher};
use crate::flavour::{Flavour, Packaging};
use crate::mirror::{Candidate, Mirrors, Url};

/// No `repomd.xml` or `InRelease` is nearly as large.
const MOST: u64 = 16 << 20;

/// What one suite or repository said.
#[derive(Debug)]
pub struct Answer {
    pub name: String,
    /// Of the file that describes it.
    pub found: Result<Url, ReachError>,
}

#[derive(Debug, Error)]
pub enum ReachError {
    #[error("no place is known{}", .reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Unknown {
        reason: Option<String>,
        hint: Option<String>,
    },
    #[error("there is no file `{path}`")]
    Absent { path: String },
    #[error("nobody answers")]
    Silent(#[source] Box<FetchError>),
}

impl Failure for ReachError {
    fn class(&self) -> Class {
        Class::Environment
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { hint, .. } => hint.clone(),
            Self::Absent { .. } => None,
            Self::Silent(source) => source.hint(),
        }
    }
}

/// In the order of the flavour.
pub fn reach(flavour: &Flavour, mirrors: &Mirrors, fetcher: &Fetcher) -> Vec<Answer> {
    let suites = flavour.suites.iter().map(|suite| suite.name.as_str());
    let names: Vec<&str> = suites
        .chain(flavour.repositories.iter().map(|repository| repository.name.as_str()))
        .collect();
    std::thread::scope(|scope| {
        let asking: Vec<_> = names
            .iter()
            .map(|&name| scope.spawn(move || find(name, flavour.packaging(), mirrors, fetcher)))
            .collect();
        let answers = asking
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        names
            .iter()
            .zip(answers)
            .map(|(name, found)| Answer {
                name: (*name).to_owned(),
                found,
            })
            .collect()
    })
}

/// The first place that has it; what the last one said, otherwise.
fn find(name: &str, packaging: Packaging, mirrors: &Mirrors, fetcher: &Fetcher) -> Result<Url, ReachError> {
    let candidates = mirrors.candidates(name).map_err(|error| ReachError::Unknown {
        reason: Some(error.to_string()),
        hint: error.hint(),
    })?;
    let mut outcome = Err(ReachError::Unknown {
        reason: None,
        hint: None,
    });
    for candidate in candidates {
        outcome = ask(name, packaging, candidate, fetcher);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn ask(name: &str, packaging: Packaging, candidate: &Candidate, fetcher: &Fetcher) -> Result<Url, ReachError> {
    let file = match packaging {
        Packaging::Deb => format!("dists/{}/InRelease", candidate.folder),
        Packaging::Rpm => "repodata/repomd.xml".to_owned(),
    };
    let Ok(address) = candidate.archive.join(&file) else {
        return Err(ReachError::Absent { path: file });
    };
    match address.to_file_path() {
        Ok(path) if address.scheme() == "file" => {
            if path.is_file() {
                Ok(address)
            } else {
                let path = path.display().to_string();
                Err(ReachError::Absent { path })
            }
        }
        _ => match fetcher.small_at_once(name, &address, MOST) {
            Ok(_) => Ok(address),
            Err(error) => Err(ReachError::Silent(Box::new(error))),
        },
    }
}
