//! `name`, `name.arch`, `name-version`, `name-[epoch:]version-release` and with `.arch`; each part may be a pattern.

use std::cmp::Ordering;

use qclock_packages::rpm::{Evr, compare_segments, glob_matches, is_glob};

use crate::rpm::pool::{Pool, Solvable};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Nevra,
    NameArchitecture,
    Name,
    Nevr,
    Nev,
}

/// What a specification says of a package, part by part.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Pattern<'a> {
    name: &'a str,
    epoch: Option<&'a str>,
    version: Option<&'a str>,
    release: Option<&'a str>,
    pub(super) architecture: Option<&'a str>,
}

impl<'a> Pattern<'a> {
    pub(super) fn parse(text: &'a str, form: Form) -> Option<Self> {
        let mut rest = text;
        let mut pattern = Self::default();
        if matches!(form, Form::Nevra | Form::NameArchitecture) {
            let (before, architecture) = rest.rsplit_once('.')?;
            pattern.architecture = Some(architecture).filter(|part| is_part(part));
            pattern.architecture?;
            rest = before;
        }
        if matches!(form, Form::Nevra | Form::Nevr) {
            let (before, release) = rest.rsplit_once('-')?;
            pattern.release = Some(release).filter(|part| is_part(part));
            pattern.release?;
            rest = before;
        }
        if matches!(form, Form::Nevra | Form::Nevr | Form::Nev) {
            let (before, version) = rest.rsplit_once('-')?;
            let version = match version.split_once(':') {
                Some((epoch, version)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) && !epoch.is_empty() => {
                    pattern.epoch = Some(epoch);
                    version
                }
                _ => version,
            };
            pattern.version = Some(version).filter(|part| is_part(part));
            pattern.version?;
            rest = before;
        }
        let allowed = |c: char| !matches!(c, ':' | '(' | '/' | '=' | '<' | '>' | ' ');
        pattern.name = rest;
        (!rest.is_empty() && rest.chars().all(allowed)).then_some(pattern)
    }

    pub(super) fn find(&self, pool: &Pool<'_>) -> Vec<Solvable> {
        let candidates = if is_glob(self.name) {
            pool.all().collect()
        } else {
            pool.named_exactly(self.name)
        };
        let is_meant = |&package: &Solvable| !pool.hidden[package.unsigned_abs() as usize] && self.fits(pool, package);
        let found: Vec<Solvable> = candidates.into_iter().filter(is_meant).collect();
        // A package for another machine is meant, too, and what asks for it then says so; but not beside others of its name.
        let fits_machine = |package: Solvable| pool.rank(package).score != 0;
        (found.iter().copied())
            .filter(|&package| {
                fits_machine(package)
                    || !found
                        .iter()
                        .any(|&other| pool.same_name(package, other) && fits_machine(other))
            })
            .collect()
    }

    fn fits(&self, pool: &Pool<'_>, package: Solvable) -> bool {
        let view = pool.view(package);
        let evr = Evr::parse(view.evr());
        let epoch = if evr.epoch.is_empty() { "0" } else { evr.epoch };
        glob_matches(self.name, view.name())
            && self
                .epoch
                .is_none_or(|want| want.trim_start_matches('0') == epoch.trim_start_matches('0'))
            && self.version.is_none_or(|want| is_version(want, evr.version))
            && self
                .release
                .is_none_or(|want| is_version(want, evr.release.unwrap_or_default()))
            && self
                .architecture
                .is_none_or(|want| glob_matches(want, view.architecture()))
    }
}

/// `1.0` is `1.00`, as for rpm itself.
fn is_version(want: &str, version: &str) -> bool {
    if is_glob(want) {
        glob_matches(want, version)
    } else {
        compare_segments(want, version) == Ordering::Equal
    }
}

fn is_part(part: &str) -> bool {
    !part.is_empty() && !part.contains(['-', ':', '(', '/', '=', '<', '>', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_split_where_dnf_splits() {
        let parse = |text, form| Pattern::parse(text, form);
        let nevra = parse("php-fpm-1:8.2.1-3.el9.x86_64", Form::Nevra);
        assert_eq!(
            nevra,
            Some(Pattern {
                name: "php-fpm",
                epoch: Some("1"),
                version: Some("8.2.1"),
                release: Some("3.el9"),
                architecture: Some("x86_64"),
            })
        );
        assert_eq!(
            parse("php-fpm", Form::Nev).map(|it| (it.name, it.version)),
            Some(("php", Some("fpm")))
        );
        assert_eq!(parse("/usr/bin/perl", Form::Name), None);
        assert_eq!(parse("perl(strict)", Form::Name), None);
    }
}
