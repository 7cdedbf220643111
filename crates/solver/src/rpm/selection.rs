//! What a specification of a request means: dnf's readings, in its order, until one finds packages.

use qclock_packages::rpm::{Capability, Evr, Requirement};

use super::pool::{Pool, Solvable};

/// The packages of which one is to be installed; a pattern gives one such list for each name that it matches.
pub(super) fn select(pool: &mut Pool<'_>, text: &str) -> Vec<Vec<Solvable>> {
    for form in [Form::Nevra, Form::NameArchitecture, Form::Name, Form::Nevr, Form::Nev] {
        let Some(pattern) = Pattern::parse(text, form) else {
            continue;
        };
        let found = pattern.find(pool);
        if !found.is_empty() {
            return complete(pool, found, form == Form::Name, is_pattern(text));
        }
    }
    let found = provided(pool, text);
    if found.is_empty() { Vec::new() } else { vec![found] }
}

/// Packages that would be meant were they not hidden.
pub(super) fn hidden(pool: &mut Pool<'_>, text: &str) -> Vec<Solvable> {
    let kept = std::mem::take(&mut pool.hidden);
    pool.hidden = vec![false; kept.len()];
    let found = select(pool, text).into_iter().flatten().collect();
    pool.hidden = kept;
    found
}

/// Joins the packages that obsolete what was named, and keeps names of patterns apart.
fn complete(pool: &mut Pool<'_>, found: Vec<Solvable>, by_name: bool, pattern: bool) -> Vec<Vec<Solvable>> {
    let mut groups: Vec<Vec<Solvable>> = Vec::new();
    if pattern {
        for package in found {
            match groups.iter_mut().find(|group| pool.same_name(group[0], package)) {
                Some(group) => group.push(package),
                None => groups.push(vec![package]),
            }
        }
    } else {
        groups.push(found);
    }
    if by_name {
        for group in &mut groups {
            let obsoleting = obsoleting(pool, group);
            group.extend(obsoleting);
            group.sort_unstable();
            group.dedup();
        }
    }
    groups
}

fn obsoleting(pool: &Pool<'_>, group: &[Solvable]) -> Vec<Solvable> {
    let mut found = Vec::new();
    for (repository, it) in pool.repositories.iter().enumerate() {
        for position in it.index.obsoleting() {
            let package = pool.number(repository, position);
            let mut obsoletes = pool.dependencies(package, qclock_packages::rpm::List::Obsoletes);
            if obsoletes.any(|id| group.iter().any(|&other| pool.obsoletes(package, id, other)))
                && pool.can_be_installed(package)
            {
                found.push(package);
            }
        }
    }
    found
}

fn provided(pool: &mut Pool<'_>, text: &str) -> Vec<Solvable> {
    let Ok(Requirement::Plain(Capability { name, range, version })) = Requirement::parse(text) else {
        return Vec::new();
    };
    let list = pool.providers_of(&name, range, &version);
    let found = pool.list(list).iter().copied();
    found
        .filter(|&package| package > super::pool::SYSTEM && pool.can_be_installed(package))
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Nevra,
    NameArchitecture,
    Name,
    Nevr,
    Nev,
}

/// What a specification says of a package, part by part.
#[derive(Debug, PartialEq, Eq, Default)]
struct Pattern<'a> {
    name: &'a str,
    epoch: Option<&'a str>,
    version: Option<&'a str>,
    release: Option<&'a str>,
    architecture: Option<&'a str>,
}

impl<'a> Pattern<'a> {
    fn parse(text: &'a str, form: Form) -> Option<Self> {
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

    fn find(&self, pool: &mut Pool<'_>) -> Vec<Solvable> {
        let fits = |pool: &Pool<'_>, package: Solvable| pool.can_be_installed(package) && self.fits(pool, package);
        if is_pattern(self.name) {
            return pool.all().filter(|&package| fits(pool, package)).collect();
        }
        let list = pool.providers_of(self.name, qclock_packages::rpm::Range::ANY, "");
        let candidates = pool.list(list).iter().copied();
        candidates
            .filter(|&package| package > super::pool::SYSTEM && fits(pool, package))
            .collect()
    }

    fn fits(&self, pool: &Pool<'_>, package: Solvable) -> bool {
        let view = pool.view(package);
        let evr = Evr::parse(view.evr());
        let epoch = if evr.epoch.is_empty() { "0" } else { evr.epoch };
        matches(self.name, view.name())
            && self
                .epoch
                .is_none_or(|want| want.trim_start_matches('0') == epoch.trim_start_matches('0'))
            && self.version.is_none_or(|want| matches(want, evr.version))
            && self
                .release
                .is_none_or(|want| matches(want, evr.release.unwrap_or_default()))
            && self.architecture.is_none_or(|want| matches(want, view.architecture()))
    }
}

fn is_part(part: &str) -> bool {
    !part.is_empty() && !part.contains(['-', ':', '(', '/', '=', '<', '>', ' '])
}

pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// `fnmatch(3)` with `*`, `?` and `[…]`; anything else stands for itself.
fn matches(pattern: &str, text: &str) -> bool {
    if !is_pattern(pattern) {
        return pattern == text;
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // The last star, and how far the text went when it was met: enough, as an earlier star never needs another try.
    let (mut at, mut seen) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while seen < text.len() {
        match one(&pattern[at..], text[seen]) {
            Some(length) => {
                at += length;
                seen += 1;
            }
            None if pattern.get(at) == Some(&'*') => {
                star = Some((at, seen));
                at += 1;
            }
            None => {
                let Some((star_at, star_seen)) = star else {
                    return false;
                };
                at = star_at + 1;
                seen = star_seen + 1;
                star = Some((star_at, seen));
            }
        }
    }
    pattern[at..].iter().all(|&c| c == '*')
}

/// How long the part of the pattern is that takes this character; none when it does not.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern.first()? {
        '*' => None,
        '?' => Some(1),
        '[' => {
            let end = pattern.iter().skip(2).position(|&c| c == ']')? + 2;
            let set = &pattern[1..end];
            let (negated, set) = match set.first() {
                Some('!' | '^') => (true, &set[1..]),
                _ => (false, set),
            };
            let mut inside = false;
            let mut at = 0;
            while at < set.len() {
                if let Some([low, '-', high]) = set.get(at..at + 3) {
                    inside |= (*low..=*high).contains(&c);
                    at += 3;
                } else {
                    inside |= set[at] == c;
                    at += 1;
                }
            }
            (inside != negated).then_some(end + 1)
        }
        &other => (other == c).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_shell_does() {
        for (pattern, text, expected) in [
            ("php-*", "php-fpm", true),
            ("php-*", "php", false),
            ("*-fpm", "php-fpm", true),
            ("p?p", "php", true),
            ("p[a-h]p", "php", true),
            ("p[!a-h]p", "php", false),
            ("*a*b*c", "xaxbxbxc", true),
            ("*a*b*c", "xaxbxbx", false),
            ("php", "php", true),
            ("**", "", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

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
