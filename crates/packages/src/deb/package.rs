//! One binary package, as an archive's index or its own control file describes it.

use super::control::{Stanza, StanzaError};
use super::relation::{Alternatives, Constraint, Relation, RelationError, is_package_name, parse_relations};
use super::version::{Version, VersionError};

#[derive(Debug, Clone)]
pub struct Package {
    pub name: String,
    pub version: Version,
    /// `amd64`, `all`, …
    pub architecture: String,
    pub multi_arch: MultiArch,
    pub essential: bool,
    /// `required`, `important`, `standard`, `optional`, `extra`; empty when not said.
    pub priority: String,
    pub section: String,
    pub pre_depends: Vec<Alternatives>,
    pub depends: Vec<Alternatives>,
    pub recommends: Vec<Alternatives>,
    pub conflicts: Vec<Relation>,
    pub breaks: Vec<Relation>,
    pub replaces: Vec<Relation>,
    pub provides: Vec<Relation>,
    /// The source package; the package's own name when not said.
    pub source: String,
    /// The source package's version as written; the package's own when not said.
    pub source_version: String,
    /// KiB, as the maintainer estimated.
    pub installed_size: Option<u64>,
    /// Below the archive's address (`Filename`); empty for a package that is not from an index.
    pub path: String,
    /// Bytes of the `.deb`; 0 for a package that is not from an index.
    pub size: u64,
    /// Of the `.deb`, lower-case hex; empty for a package that is not from an index.
    pub sha256: String,
}

/// `Multi-Arch`: whose requirements a package of another architecture may satisfy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MultiArch {
    #[default]
    No,
    Same,
    Foreign,
    Allowed,
}

#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    #[error("package `{package}` has no field `{field}`")]
    Missing { package: String, field: &'static str },
    #[error("`{name}` is not a package name")]
    Name { name: String },
    #[error("package `{package}` has an invalid version")]
    Version {
        package: String,
        #[source]
        source: VersionError,
    },
    #[error("package `{package}` has an invalid field `{field}`")]
    Relation {
        package: String,
        field: &'static str,
        #[source]
        source: RelationError,
    },
    #[error("package `{package}` says `{field}: {value}`, which is not {expected}")]
    Value {
        package: String,
        field: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error(transparent)]
    Stanza(#[from] StanzaError),
}

impl Package {
    /// From the control file of a `.deb`: what only an index says (`path`, `size`, `sha256`) is empty.
    pub fn from_control(stanza: &str) -> Result<Self, PackageError> {
        Self::from_stanza(&Stanza::parse(stanza)?)
    }

    pub(crate) fn from_index(stanza: &Stanza<'_>) -> Result<Self, PackageError> {
        let mut package = Self::from_stanza(stanza)?;
        let fields = Fields {
            package: &package.name,
            stanza,
        };
        let path = fields.required("Filename")?;
        if !is_archive_path(path) {
            return Err(fields.invalid("Filename", path, "a path below the archive"));
        }
        let size = fields.number("Size")?.ok_or_else(|| fields.missing("Size"))?;
        let sha256 = fields.required("SHA256")?;
        if !is_sha256(sha256) {
            return Err(fields.invalid("SHA256", sha256, "64 lower-case hexadecimal digits"));
        }
        let (path, sha256) = (path.to_owned(), sha256.to_owned());
        (package.path, package.size, package.sha256) = (path, size, sha256);
        Ok(package)
    }

    fn from_stanza(stanza: &Stanza<'_>) -> Result<Self, PackageError> {
        let name = stanza.value("Package").unwrap_or("");
        if !is_package_name(name) {
            return Err(PackageError::Name {
                name: name.chars().take(80).collect(),
            });
        }
        let fields = Fields { package: name, stanza };
        let version = fields.required("Version")?;
        let (source, source_version) = fields.source(version)?;
        Ok(Self {
            name: name.to_owned(),
            version: version.parse().map_err(|source| PackageError::Version {
                package: name.to_owned(),
                source,
            })?,
            architecture: fields.required("Architecture")?.to_owned(),
            multi_arch: fields.multi_arch()?,
            essential: fields.yes_or_no("Essential")?,
            priority: stanza.value("Priority").unwrap_or("").to_owned(),
            section: stanza.value("Section").unwrap_or("").to_owned(),
            pre_depends: fields.groups("Pre-Depends")?,
            depends: fields.groups("Depends")?,
            recommends: fields.groups("Recommends")?,
            conflicts: fields.relations("Conflicts")?,
            breaks: fields.relations("Breaks")?,
            replaces: fields.relations("Replaces")?,
            provides: fields.provides()?,
            source,
            source_version,
            installed_size: fields.number("Installed-Size")?,
            path: String::new(),
            size: 0,
            sha256: String::new(),
        })
    }
}

/// The fields of the stanza of a package whose name is known.
#[derive(Clone, Copy)]
struct Fields<'a> {
    package: &'a str,
    stanza: &'a Stanza<'a>,
}

impl<'a> Fields<'a> {
    fn required(self, field: &'static str) -> Result<&'a str, PackageError> {
        self.stanza
            .value(field)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| self.missing(field))
    }

    fn number(self, field: &'static str) -> Result<Option<u64>, PackageError> {
        let Some(value) = self.stanza.value(field) else {
            return Ok(None);
        };
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| value.parse().ok()).flatten();
        number.map(Some).ok_or_else(|| self.invalid(field, value, "a number"))
    }

    fn yes_or_no(self, field: &'static str) -> Result<bool, PackageError> {
        match self.stanza.value(field) {
            None | Some("no") => Ok(false),
            Some("yes") => Ok(true),
            Some(value) => Err(self.invalid(field, value, "yes or no")),
        }
    }

    fn multi_arch(self) -> Result<MultiArch, PackageError> {
        match self.stanza.value("Multi-Arch") {
            None | Some("no") => Ok(MultiArch::No),
            Some("same") => Ok(MultiArch::Same),
            Some("foreign") => Ok(MultiArch::Foreign),
            Some("allowed") => Ok(MultiArch::Allowed),
            Some(value) => Err(self.invalid("Multi-Arch", value, "no, same, foreign or allowed")),
        }
    }

    /// `Source: name` or `Source: name (version)`; both default to the package's own.
    fn source(self, version: &str) -> Result<(String, String), PackageError> {
        let Some(value) = self.stanza.value("Source") else {
            return Ok((self.package.to_owned(), version.to_owned()));
        };
        let (name, version) = match value.split_once(' ') {
            None => (value, Some(version)),
            Some((name, rest)) => (
                name,
                rest.trim_ascii()
                    .strip_prefix('(')
                    .and_then(|rest| rest.strip_suffix(')')),
            ),
        };
        match version {
            Some(version) if is_package_name(name) => Ok((name.to_owned(), version.trim_ascii().to_owned())),
            _ => Err(self.invalid("Source", value, "a name, or a name and a version in parentheses")),
        }
    }

    fn groups(self, field: &'static str) -> Result<Vec<Alternatives>, PackageError> {
        let Some(value) = self.stanza.value(field) else {
            return Ok(Vec::new());
        };
        parse_relations(value).map_err(|source| self.relation(field, source))
    }

    /// A field of plain relations, where a choice has no meaning.
    fn relations(self, field: &'static str) -> Result<Vec<Relation>, PackageError> {
        let groups = self.groups(field)?;
        if let Some(group) = groups.iter().find(|group| group.len() != 1) {
            let text = group.first().map(|relation| relation.name.clone()).unwrap_or_default();
            return Err(self.relation(field, RelationError::Alternatives { text }));
        }
        Ok(groups.into_iter().flatten().collect())
    }

    /// Capabilities; one may say the version that it has, not a range.
    fn provides(self) -> Result<Vec<Relation>, PackageError> {
        let provides = self.relations("Provides")?;
        let ranged = |relation: &&Relation| {
            relation
                .version
                .as_ref()
                .is_some_and(|(constraint, _)| *constraint != Constraint::Equal)
        };
        match provides.iter().find(ranged) {
            None => Ok(provides),
            Some(relation) => Err(self.invalid("Provides", &relation.to_string(), "an exact version")),
        }
    }

    fn missing(self, field: &'static str) -> PackageError {
        PackageError::Missing {
            package: self.package.to_owned(),
            field,
        }
    }

    fn invalid(self, field: &'static str, value: &str, expected: &'static str) -> PackageError {
        let value = value.chars().take(120).collect();
        PackageError::Value {
            package: self.package.to_owned(),
            field,
            value,
            expected,
        }
    }

    fn relation(self, field: &'static str, source: RelationError) -> PackageError {
        PackageError::Relation {
            package: self.package.to_owned(),
            field,
            source,
        }
    }
}

/// Whether a path that an archive names stays below the archive's address and can stand in an address as it is.
pub(crate) fn is_archive_path(path: &str) -> bool {
    let plain = path.len() <= 1024
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"?#%\\".contains(&byte));
    plain && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
