//! `name:stream:version:context:architecture/profile`, any part of it a pattern: what `@` and `--module` take.

use qclock_packages::rpm::{ModuleStream, glob_matches};

/// A specification's parts; what is not said means any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rpm) struct Specification<'a> {
    pub(in crate::rpm) module: &'a str,
    pub(in crate::rpm) stream: Option<&'a str>,
    version: Option<&'a str>,
    context: Option<&'a str>,
    architecture: Option<&'a str>,
    pub(in crate::rpm) profile: Option<&'a str>,
}

impl<'a> Specification<'a> {
    /// None: it cannot mean a module, whatever modules there are.
    pub(in crate::rpm) fn read(text: &'a str) -> Option<Self> {
        let (text, profile) = match text.split_once('/') {
            Some((text, "")) => (text, None),
            Some((text, profile)) => (text, Some(profile)),
            None => (text, None),
        };
        let fields: Vec<&str> = text.split(':').collect();
        // An architecture may stand behind an empty field, wherever the others end.
        let (fields, architecture) = match *fields.as_slice() {
            [ref fields @ .., "", architecture] => (fields, Some(architecture)),
            [ref fields @ .., architecture] if fields.len() == 4 => (fields, Some(architecture)),
            ref fields => (fields, None),
        };
        let part = |at: usize| fields.get(at).copied();
        let it = Self {
            module: part(0)?,
            stream: part(1),
            version: part(2),
            context: part(3),
            architecture,
            profile,
        };
        let names = [Some(it.module), it.stream, it.architecture, it.profile];
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+._-".contains(&byte);
        let is_one = fields.len() <= 4
            && names.into_iter().flatten().all(|text| consists_of(text, is_name))
            && it
                .version
                .is_none_or(|text| consists_of(text, |byte| byte.is_ascii_digit() || byte == b'-'))
            && (it.context).is_none_or(|text| {
                consists_of(text, |byte| {
                    byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase() || byte == b'-'
                })
            });
        is_one.then_some(it)
    }

    /// A stream as `--module` names it.
    pub(in crate::rpm) fn of_stream(module: &'a str, stream: &'a str) -> Self {
        Self {
            module,
            stream: Some(stream),
            version: None,
            context: None,
            architecture: None,
            profile: None,
        }
    }

    pub(in crate::rpm) fn means(&self, build: &ModuleStream) -> bool {
        let fits = |pattern: Option<&str>, text: &str| {
            pattern.is_none_or(|pattern| pattern == text || glob_matches(pattern, text))
        };
        let architecture = if build.architecture.is_empty() {
            "noarch"
        } else {
            &build.architecture
        };
        fits(Some(self.module), &build.name)
            && fits(self.stream, &build.stream)
            && (self.version.is_none() || fits(self.version, &build.version.to_string()))
            && fits(self.context, &build.context)
            && fits(self.architecture, architecture)
    }
}

/// Not empty, of these characters and those of patterns.
fn consists_of(text: &str, is_one: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(|byte| b"][*?!".contains(&byte) || is_one(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart_by_the_colons() {
        let parts = |text| {
            let it = Specification::read(text)?;
            Some([
                Some(it.module),
                it.stream,
                it.version,
                it.context,
                it.architecture,
                it.profile,
            ])
        };
        let n = None;
        for (text, expected) in [
            ("php", Some([Some("php"), n, n, n, n, n])),
            ("php/", Some([Some("php"), n, n, n, n, n])),
            ("php/common", Some([Some("php"), n, n, n, n, Some("common")])),
            ("php:8.2", Some([Some("php"), Some("8.2"), n, n, n, n])),
            ("*:rhel9/c*", Some([Some("*"), Some("rhel9"), n, n, n, Some("c*")])),
            ("php:8.2:7", Some([Some("php"), Some("8.2"), Some("7"), n, n, n])),
            (
                "php:8.2:7:9f",
                Some([Some("php"), Some("8.2"), Some("7"), Some("9f"), n, n]),
            ),
            (
                "php:8.2::x86_64/m",
                Some([Some("php"), Some("8.2"), n, n, Some("x86_64"), Some("m")]),
            ),
            ("php::x86_64", Some([Some("php"), n, n, n, Some("x86_64"), n])),
            (
                "php:8.2:7::i686",
                Some([Some("php"), Some("8.2"), Some("7"), n, Some("i686"), n]),
            ),
            (
                "p:8:7:9:i686",
                Some([Some("p"), Some("8"), Some("7"), Some("9"), Some("i686"), n]),
            ),
            (
                "p:8:7:9::i686",
                Some([Some("p"), Some("8"), Some("7"), Some("9"), Some("i686"), n]),
            ),
            ("php:8.2:x", None),
            ("php:8.2:7:xyz", None),
            ("^minimal", None),
            ("core/mandatory,optional", None),
            ("a/b/c", None),
            ("php:", None),
            ("", None),
            ("::x86_64", None),
            ("a:b:1:c:d:e", None),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }
}
