//! A release that its own project publishes, where no distribution has it as a package: `[[archive]]`.

use serde::Deserialize;

use super::Prune;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamArchive {
    /// `keycloak`; messages, variables and records name it so.
    pub name: String,
    pub version: String,
    /// SPDX expression.
    pub license: String,
    /// Of the file, in hexadecimal digits.
    pub sha256: String,
    /// Of the file, bytes.
    pub size: u64,
    /// Places to ask, in this order.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// `group:artifact:version:packaging`, for the machine's own `mvn`, with whatever repositories it is set up for.
    pub maven: Option<String>,
    /// The folder of the image that it is unpacked to.
    pub target: String,
    /// How many leading components its paths lose.
    #[serde(default)]
    pub strip: usize,
    /// What stays out; paths within the folder.
    #[serde(default, rename = "prune")]
    pub prunes: Vec<Prune>,
    /// Java archives that a list elsewhere names and nobody needs: empty ones take their place.
    #[serde(default, rename = "empty_jar")]
    pub empty_jars: Vec<EmptyJars>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmptyJars {
    /// Globs, within the folder.
    pub paths: Vec<String>,
    pub reason: String,
}

/// What `mvn` calls an artefact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coordinate<'a> {
    pub group: &'a str,
    pub artifact: &'a str,
    pub version: &'a str,
    pub packaging: &'a str,
}

impl<'a> Coordinate<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(':');
        let mut next = || parts.next().filter(|part| is_word(part));
        let coordinate = Self {
            group: next()?,
            artifact: next()?,
            version: next()?,
            packaging: next()?,
        };
        parts.next().is_none().then_some(coordinate)
    }

    /// As a repository names it: `keycloak-quarkus-dist-23.0.7.tar.gz`.
    pub fn file_name(&self) -> String {
        format!("{}-{}.{}", self.artifact, self.version, self.packaging)
    }
}

/// Nothing that an option or a path could be made of.
fn is_word(part: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    part.starts_with(|first: char| first.is_ascii_alphanumeric()) && part.chars().all(plain) && !part.contains("..")
}

impl UpstreamArchive {
    pub fn coordinate(&self) -> Option<Coordinate<'_>> {
        self.maven.as_deref().and_then(Coordinate::parse)
    }

    /// What the file may be called where somebody has put it.
    pub fn file_names(&self) -> Vec<String> {
        let of_address = |address: &String| address.rsplit('/').next().map(str::to_owned);
        let of_coordinate = self.coordinate().map(|coordinate| coordinate.file_name());
        let mut names: Vec<String> = self
            .addresses
            .iter()
            .filter_map(of_address)
            .chain(of_coordinate)
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The variable that names a file: `QCLOCK_ARCHIVE_KEYCLOAK`.
    pub fn variable(&self) -> String {
        format!("QCLOCK_ARCHIVE_{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coordinate_has_four_words_that_can_be_nothing_else() {
        let coordinate = Coordinate::parse("org.keycloak:keycloak-quarkus-dist:23.0.7:tar.gz").unwrap();
        assert_eq!(coordinate.file_name(), "keycloak-quarkus-dist-23.0.7.tar.gz");
        for wrong in [
            "a:b:c",
            "a:b:c:d:e",
            "a:b:-Dx=y:jar",
            "a:b:..:jar",
            "a:b:1/2:jar",
            "a b:c:d:e",
            "",
            "a:b::jar",
        ] {
            assert_eq!(Coordinate::parse(wrong), None, "{wrong}");
        }
    }
}
