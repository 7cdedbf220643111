//! What packages ask of each other: a capability with a version, or rich requirements made of them (`rpm-dependencies(7)`, rpm's "Boolean Dependencies").

use std::cmp::Ordering;
use std::fmt;

use super::version::Evr;

/// Deepest nesting of a rich requirement; the deepest of a whole EL9 has 3.
const DEEPEST: usize = 16;
/// Longest text of one requirement that is taken.
const LONGEST: usize = 16 << 10;

/// Which versions a requirement or a provide means: a set of less, equal, greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Range(u8);

impl Range {
    pub const ANY: Self = Self(0);
    pub const LESS: Self = Self(1);
    pub const EQUAL: Self = Self(2);
    pub const GREATER: Self = Self(4);

    /// The `flags` of repository metadata: `LT`, `EQ`, `GT`, `LE`, `GE`.
    pub fn from_flags(flags: &str) -> Option<Self> {
        Some(match flags {
            "" => Self::ANY,
            "LT" => Self::LESS,
            "EQ" => Self::EQUAL,
            "GT" => Self::GREATER,
            "LE" => Self::LESS.or(Self::EQUAL),
            "GE" => Self::GREATER.or(Self::EQUAL),
            _ => return None,
        })
    }

    /// `<`, `=`, `>`, `<=`, `>=`.
    pub fn from_sign(sign: &str) -> Option<Self> {
        Some(match sign {
            "<" => Self::LESS,
            "=" | "==" => Self::EQUAL,
            ">" => Self::GREATER,
            "<=" | "=<" => Self::LESS.or(Self::EQUAL),
            ">=" | "=>" => Self::GREATER.or(Self::EQUAL),
            _ => return None,
        })
    }

    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 7)
    }

    pub const fn bits(self) -> u8 {
        self.0
    }

    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub const fn is_any(self) -> bool {
        self.0 == 0
    }

    /// Whether a provide of `self provided` meets a requirement of `range version`.  One without a version meets all.
    pub fn meets(self, provided: &str, range: Self, version: &str) -> bool {
        if self.is_any() || range.is_any() {
            return true;
        }
        // Both open in the same direction.
        if self.0 & range.0 & (Self::LESS.0 | Self::GREATER.0) != 0 {
            return true;
        }
        let (provided, required) = (Evr::parse(provided), Evr::parse(version));
        match provided.compare_as_requirement(&required) {
            Ordering::Less => range.has(Self::LESS) || self.has(Self::GREATER),
            Ordering::Greater => range.has(Self::GREATER) || self.has(Self::LESS),
            // Who leaves the release out means all releases.
            Ordering::Equal => match (provided.release, required.release) {
                (None, Some(_)) => self.has(Self::EQUAL),
                (Some(_), None) => range.has(Self::EQUAL),
                _ => self.has(Self::EQUAL) && range.has(Self::EQUAL),
            },
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            0 => "",
            1 => "<",
            2 => "=",
            3 => "<=",
            4 => ">",
            5 => "<>",
            6 => ">=",
            _ => "<=>",
        })
    }
}

/// A name, and the versions of it that will do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Capability {
    pub name: String,
    pub range: Range,
    /// `[epoch:]version[-release]`; empty when any will do.
    pub version: String,
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        if !self.range.is_any() {
            write!(formatter, " {} {}", self.range, self.version)?;
        }
        Ok(())
    }
}

/// A requirement, rich or not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Requirement {
    Plain(Capability),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// One package with both.
    With(Box<Self>, Box<Self>),
    /// A package with the first that has not the second.
    Without(Box<Self>, Box<Self>),
    /// The first, if the second is there; else the third.
    If(Box<Self>, Box<Self>, Option<Box<Self>>),
    /// The first, unless the second is there; then the third.
    Unless(Box<Self>, Box<Self>, Option<Box<Self>>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    #[error("requirement is empty")]
    Empty,
    #[error("requirement is longer than {LONGEST} bytes")]
    TooLong,
    #[error("requirement `{text}` is nested deeper than {DEEPEST} levels")]
    TooDeep { text: String },
    #[error("requirement `{text}` is not well formed at `{rest}`")]
    Malformed { text: String, rest: String },
    #[error("requirement `{text}` mixes operators without parentheses")]
    Mixed { text: String },
    #[error("requirement `{text}` combines what `with` and `without` cannot")]
    Operand { text: String },
}

impl Requirement {
    /// Reads `name`, `name >= 1:2-3`, or a rich requirement in parentheses.
    pub fn parse(text: &str) -> Result<Self, RequirementError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(RequirementError::Empty);
        }
        if text.len() > LONGEST {
            return Err(RequirementError::TooLong);
        }
        let mut parser = Parser { text, rest: text };
        let requirement = if text.starts_with('(') {
            parser.parenthesis(0)?
        } else {
            parser.capability()?
        };
        if !parser.rest.trim_start().is_empty() {
            return Err(parser.malformed());
        }
        Ok(requirement)
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn malformed(&self) -> RequirementError {
        RequirementError::Malformed {
            text: self.text.to_owned(),
            rest: self.rest.to_owned(),
        }
    }

    /// `( operand [operator operand]... )`.
    fn parenthesis(&mut self, depth: usize) -> Result<Requirement, RequirementError> {
        if depth >= DEEPEST {
            return Err(RequirementError::TooDeep {
                text: self.text.to_owned(),
            });
        }
        self.rest = self.rest.strip_prefix('(').ok_or_else(|| self.malformed())?;
        let first = self.operand(depth)?;
        let Some(operator) = self.operator()? else {
            return Ok(first);
        };
        match operator {
            "if" | "unless" => {
                let condition = Box::new(self.operand(depth)?);
                let other = match self.operator()? {
                    None => None,
                    Some("else") => {
                        let other = Box::new(self.operand(depth)?);
                        if self.operator()?.is_some() {
                            return Err(self.mixed());
                        }
                        Some(other)
                    }
                    Some(_) => return Err(self.mixed()),
                };
                Ok(if operator == "if" {
                    Requirement::If(Box::new(first), condition, other)
                } else {
                    Requirement::Unless(Box::new(first), condition, other)
                })
            }
            "and" | "or" | "with" | "without" => {
                let mut operands = vec![first, self.operand(depth)?];
                while let Some(next) = self.operator()? {
                    if next != operator || operator == "without" {
                        return Err(self.mixed());
                    }
                    operands.push(self.operand(depth)?);
                }
                if matches!(operator, "with" | "without") && !operands.iter().all(is_one_package) {
                    return Err(RequirementError::Operand {
                        text: self.text.to_owned(),
                    });
                }
                let join: fn(Box<Requirement>, Box<Requirement>) -> Requirement = match operator {
                    "and" => Requirement::And,
                    "or" => Requirement::Or,
                    "with" => Requirement::With,
                    _ => Requirement::Without,
                };
                // Grouped to the right, so that a long chain of alternatives stays in the order it was written.
                let mut operands = operands.into_iter().rev();
                let last = operands.next().ok_or_else(|| self.malformed())?;
                Ok(operands.fold(last, |rest, operand| join(Box::new(operand), Box::new(rest))))
            }
            _ => Err(self.malformed()),
        }
    }

    fn mixed(&self) -> RequirementError {
        RequirementError::Mixed {
            text: self.text.to_owned(),
        }
    }

    fn operand(&mut self, depth: usize) -> Result<Requirement, RequirementError> {
        self.rest = self.rest.trim_start_matches(' ');
        if self.rest.starts_with('(') {
            self.parenthesis(depth + 1)
        } else {
            self.capability()
        }
    }

    /// The next operator, or none at the closing parenthesis, which is taken.
    fn operator(&mut self) -> Result<Option<&'a str>, RequirementError> {
        self.rest = self.rest.trim_start_matches(' ');
        if let Some(rest) = self.rest.strip_prefix(')') {
            self.rest = rest;
            return Ok(None);
        }
        let end = self.rest.find(' ').ok_or_else(|| self.malformed())?;
        let (word, rest) = self.rest.split_at(end);
        if !matches!(word, "and" | "or" | "if" | "unless" | "else" | "with" | "without") {
            return Err(self.malformed());
        }
        self.rest = rest;
        Ok(Some(word))
    }

    fn capability(&mut self) -> Result<Requirement, RequirementError> {
        let name = self.word()?;
        self.rest = self.rest.trim_start_matches(' ');
        let sign = self
            .rest
            .find(|c: char| !matches!(c, '<' | '>' | '='))
            .unwrap_or(self.rest.len());
        let (range, version) = if sign == 0 {
            (Range::ANY, "")
        } else {
            let range = Range::from_sign(&self.rest[..sign]).ok_or_else(|| self.malformed())?;
            self.rest = self.rest[sign..].trim_start_matches(' ');
            let version = self.word()?;
            (range, version.strip_prefix("0:").unwrap_or(version))
        };
        Ok(Requirement::Plain(Capability {
            name: name.to_owned(),
            range,
            version: version.to_owned(),
        }))
    }

    /// Up to a space, a comma or a closing parenthesis that it did not open itself: `perl(Getopt::Long)`.
    fn word(&mut self) -> Result<&'a str, RequirementError> {
        let mut open = 0_usize;
        let end = self
            .rest
            .char_indices()
            .find(|&(_, c)| match c {
                '(' => {
                    open += 1;
                    false
                }
                ')' if open > 0 => {
                    open -= 1;
                    false
                }
                ' ' | '\t' | '\n' | ',' | ')' => true,
                _ => false,
            })
            .map_or(self.rest.len(), |(at, _)| at);
        if end == 0 {
            return Err(self.malformed());
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word)
    }
}

/// `with` and `without` speak of a single package: conditions mean nothing there.
fn is_one_package(requirement: &Requirement) -> bool {
    match requirement {
        Requirement::Plain(_) => true,
        Requirement::With(left, right) | Requirement::Without(left, right) | Requirement::Or(left, right) => {
            is_one_package(left) && is_one_package(right)
        }
        Requirement::And(..) | Requirement::If(..) | Requirement::Unless(..) => false,
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(capability) => capability.fmt(formatter),
            Self::And(left, right) => write!(formatter, "({left} and {right})"),
            Self::Or(left, right) => write!(formatter, "({left} or {right})"),
            Self::With(left, right) => write!(formatter, "({left} with {right})"),
            Self::Without(left, right) => write!(formatter, "({left} without {right})"),
            Self::If(then, condition, None) => write!(formatter, "({then} if {condition})"),
            Self::If(then, condition, Some(other)) => write!(formatter, "({then} if {condition} else {other})"),
            Self::Unless(then, condition, None) => write!(formatter, "({then} unless {condition})"),
            Self::Unless(then, condition, Some(other)) => write!(formatter, "({then} unless {condition} else {other})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rich_requirements_are_read_in_all_forms() {
        for (text, shown) in [
            ("bash", "bash"),
            ("perl(Getopt::Long) >= 2:1.0", "perl(Getopt::Long) >= 2:1.0"),
            ("libc.so.6(GLIBC_2.4)(64bit)", "libc.so.6(GLIBC_2.4)(64bit)"),
            ("(a or b or c)", "(a or (b or c))"),
            ("(a >= 0:1 and b < 2)", "(a >= 1 and b < 2)"),
            ("(a if b)", "(a if b)"),
            ("(a if b else c)", "(a if b else c)"),
            ("(a unless b else c)", "(a unless b else c)"),
            ("(p(x) >= 1 with p(x) < 2)", "(p(x) >= 1 with p(x) < 2)"),
            ("((a and b) if (c or d))", "((a and b) if (c or d))"),
            ("( a   without b )", "(a without b)"),
        ] {
            assert_eq!(Requirement::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn malformed_requirements_are_refused() {
        for text in [
            "",
            "(",
            "()",
            "(a",
            "(a or)",
            "(a xor b)",
            "(a and b or c)",
            "(a if b else c else d)",
            "(a) b",
            "a >=",
            "a <=> 1",
        ] {
            assert!(Requirement::parse(text).is_err(), "{text}");
        }
        let deep = format!("{}a{}", "(".repeat(40), ")".repeat(40));
        assert!(matches!(
            Requirement::parse(&deep),
            Err(RequirementError::TooDeep { .. })
        ));
        assert!(matches!(
            Requirement::parse("((a and b) with c)"),
            Err(RequirementError::Operand { .. })
        ));
    }

    #[test]
    fn provides_meet_requirements_as_rpm_says() {
        let meets = |provided: (&str, &str), required: (&str, &str)| {
            let range = |sign| Range::from_sign(sign).unwrap_or(Range::ANY);
            range(provided.0).meets(provided.1, range(required.0), required.1)
        };
        assert!(meets(("=", "1.0-1"), (">=", "1.0")));
        assert!(meets(("=", "1.0-1"), ("=", "1.0")));
        assert!(!meets(("=", "1.0-1"), ("<", "1.0")));
        assert!(meets(("", ""), ("=", "7")));
        assert!(!meets(("=", "1:1-1"), ("=", "1-1")));
        assert!(meets((">=", "2"), (">", "1")));
        assert!(!meets(("<", "2"), (">=", "2")));
    }
}
