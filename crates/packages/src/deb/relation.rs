//! Relationships between packages: `name:arch (>= version) | other, …` (`deb-control(5)`, Debian Policy §7.1).

use std::fmt;

use super::version::{Version, VersionError};

/// Relations of which any one is enough, in the maintainer's order of preference.
pub type Alternatives = Vec<Relation>;

/// Most groups of one field and most alternatives of one group.
const MOST: usize = 4096;

const LONGEST_NAME: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    pub name: String,
    /// What stands after the colon: `any`, or the name of an architecture.
    pub architecture: Option<String>,
    pub version: Option<(Constraint, Version)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelationError {
    #[error("`{text}` is not a relation: expected a package name")]
    Name { text: String },
    #[error("relation `{text}` has an unknown comparison; there are <<, <=, =, >=, >>")]
    Comparison { text: String },
    #[error("relation `{text}` is not closed by a parenthesis")]
    Unclosed { text: String },
    #[error("relation `{text}` names a version that is none")]
    Version {
        text: String,
        #[source]
        source: VersionError,
    },
    #[error("relation `{text}` is restricted to architectures or build profiles, which only source packages may say")]
    Restricted { text: String },
    #[error("relation `{text}` is followed by something that is none")]
    Trailing { text: String },
    #[error("`{text}` has alternatives, which this field cannot have")]
    Alternatives { text: String },
    #[error("relation field has more than {MOST} entries")]
    TooMany,
}

impl Constraint {
    /// Whether `candidate` stands in this relation to `bound`.
    pub fn accepts(self, candidate: &Version, bound: &Version) -> bool {
        let order = candidate.cmp(bound);
        match self {
            Self::Earlier => order.is_lt(),
            Self::EarlierOrEqual => order.is_le(),
            Self::Equal => order.is_eq(),
            Self::LaterOrEqual => order.is_ge(),
            Self::Later => order.is_gt(),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }
}

impl Relation {
    /// Whether a package (or a capability) of this version satisfies the version part.
    pub fn accepts(&self, candidate: &Version) -> bool {
        self.version
            .as_ref()
            .is_none_or(|(constraint, bound)| constraint.accepts(candidate, bound))
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        if let Some(architecture) = &self.architecture {
            write!(formatter, ":{architecture}")?;
        }
        if let Some((constraint, version)) = &self.version {
            write!(formatter, " ({} {version})", constraint.as_str())?;
        }
        Ok(())
    }
}

/// Reads a whole field: groups separated by commas.  Empty groups, as a trailing comma makes one, are passed over.
pub fn parse_relations(field: &str) -> Result<Vec<Alternatives>, RelationError> {
    let mut groups = Vec::new();
    for group in field.split(',') {
        if group.trim_ascii().is_empty() {
            continue;
        }
        if groups.len() == MOST {
            return Err(RelationError::TooMany);
        }
        groups.push(parse_alternatives(group)?);
    }
    Ok(groups)
}

/// Reads one group: `first | second | …`.
pub fn parse_alternatives(group: &str) -> Result<Alternatives, RelationError> {
    let mut alternatives = Vec::with_capacity(1);
    for relation in group.split('|') {
        if alternatives.len() == MOST {
            return Err(RelationError::TooMany);
        }
        alternatives.push(parse_relation(relation.trim_ascii())?);
    }
    Ok(alternatives)
}

fn parse_relation(text: &str) -> Result<Relation, RelationError> {
    let whole = || text.chars().take(200).collect::<String>();
    let end = text.bytes().position(|byte| !is_name_byte(byte)).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    if name.len() > LONGEST_NAME || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(RelationError::Name { text: whole() });
    }
    let mut architecture = None;
    if let Some(after) = rest.strip_prefix(':') {
        let end = after
            .bytes()
            .position(|byte| !is_name_byte(byte))
            .unwrap_or(after.len());
        if end == 0 {
            return Err(RelationError::Name { text: whole() });
        }
        architecture = Some(after[..end].to_owned());
        rest = &after[end..];
    }
    rest = rest.trim_ascii_start();
    let mut version = None;
    if let Some(after) = rest.strip_prefix('(') {
        let close = after
            .find(')')
            .ok_or_else(|| RelationError::Unclosed { text: whole() })?;
        version = Some(parse_version_part(after[..close].trim_ascii(), whole)?);
        rest = after[close + 1..].trim_ascii_start();
    }
    match rest.as_bytes().first() {
        None => Ok(Relation {
            name: name.to_owned(),
            architecture,
            version,
        }),
        Some(b'[' | b'<') => Err(RelationError::Restricted { text: whole() }),
        Some(_) => Err(RelationError::Trailing { text: whole() }),
    }
}

fn parse_version_part(text: &str, whole: impl Fn() -> String) -> Result<(Constraint, Version), RelationError> {
    let end = text
        .bytes()
        .position(|byte| !matches!(byte, b'<' | b'>' | b'='))
        .unwrap_or(text.len());
    let constraint = match &text[..end] {
        "<<" => Constraint::Earlier,
        "<=" => Constraint::EarlierOrEqual,
        "=" => Constraint::Equal,
        ">=" => Constraint::LaterOrEqual,
        ">>" => Constraint::Later,
        _ => return Err(RelationError::Comparison { text: whole() }),
    };
    let version = text[end..]
        .trim_ascii()
        .parse()
        .map_err(|source| RelationError::Version { text: whole(), source })?;
    Ok((constraint, version))
}

/// Which bytes a name may have; a table, since each byte of an index' relations is looked at.
const NAME_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        byte += 1;
    }
    table
};

fn is_name_byte(byte: u8) -> bool {
    NAME_BYTES[usize::from(byte)]
}

/// Debian Policy §5.6.1, but capitals and one letter are let pass: capabilities have them.
pub(crate) fn is_package_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(is_name_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(field: &str) -> Vec<Vec<String>> {
        let groups = parse_relations(field).unwrap();
        groups
            .iter()
            .map(|group| group.iter().map(ToString::to_string).collect())
            .collect()
    }

    #[test]
    fn a_field_is_read_whatever_its_spaces() {
        assert_eq!(
            shown("libc6 (>= 2.36),a|b:any ( <<1:2~ ) ,\n python3:any(= 3.11.2-1+b1) , "),
            [
                vec!["libc6 (>= 2.36)"],
                vec!["a", "b:any (<< 1:2~)"],
                vec!["python3:any (= 3.11.2-1+b1)"]
            ]
        );
        assert!(shown("").is_empty());
    }

    #[test]
    fn what_is_no_relation_is_refused_by_name() {
        let message = |field: &str| parse_relations(field).unwrap_err().to_string();
        assert!(message("a b").contains("followed by something"));
        assert!(message("a | ").contains("expected a package name"));
        assert!(message("-a").contains("expected a package name"));
        assert!(message("a:").contains("expected a package name"));
        assert!(message("a (2)").contains("unknown comparison"));
        assert!(message("a (< 2)").contains("unknown comparison"));
        assert!(message("a (>= 2").contains("parenthesis"));
        assert!(message("a (>= )").contains("version that is none"));
        assert!(message("a [amd64]").contains("build profiles"));
        assert!(message("a <!nocheck>").contains("build profiles"));
        assert!(message(&"a,".repeat(5000)).contains("more than"));
    }

    #[test]
    fn a_constraint_accepts_what_dpkg_accepts() {
        let accepts =
            |relation: &str, version: &str| parse_alternatives(relation).unwrap()[0].accepts(&version.parse().unwrap());
        assert!(accepts("a", "1"));
        assert!(accepts("a (>= 2)", "2-0"));
        assert!(!accepts("a (>> 2)", "2-0"));
        assert!(accepts("a (<< 2)", "2~rc1"));
        assert!(accepts("a (= 2)", "0:2"));
        assert!(!accepts("a (<= 2)", "1:1"));
    }
}
