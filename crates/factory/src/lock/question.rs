//! A question to the solver about the repositories of a flavour, which locks nothing.

use super::{Request, index, rpm, suite};
use crate::flavour::Packaging;
use crate::repository::Means;
use crate::resolve::{self, Resolution, ResolveError, answer, debian};

/// Asks the flavour's suites or repositories, signatures checked as for a lock.  Its streams and platform count; those of the question
/// come on top.
pub fn resolve_flavour(request: &Request<'_>, question: &resolve::Request) -> Result<Resolution, ResolveError> {
    let flavour = &request.project.flavour;
    let mut question = question.clone();
    question.architecture.clone_from(&flavour.architecture);
    match flavour.packaging() {
        Packaging::Deb => {
            let suites = suite::fetch_all(request)?;
            let indexes = suites
                .iter()
                .map(|suite| index::fetch(request, suite))
                .collect::<Result<Vec<_>, _>>()?;
            let names: Vec<&str> = suites.iter().map(|suite| suite.locked.name.as_str()).collect();
            debian::answer(&names, &indexes, &question)
        }
        Packaging::Rpm => {
            for stream in &flavour.streams {
                if !question.streams.iter().any(|(module, _)| *module == stream.module) {
                    let stream = (stream.module.clone(), stream.stream.clone());
                    question.streams.push(stream);
                }
            }
            if let Some(platform) = &flavour.platform {
                question.platform.clone_from(platform);
            }
            let mut repositories = rpm::open(request)?;
            let means = Means {
                cache: Some(request.cache),
                fetcher: Some(request.fetcher),
                progress: request.progress,
            };
            answer(&mut repositories, &question, means)
        }
    }
}
