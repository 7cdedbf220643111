//! Control stanzas: `Field: value` with continuation lines (`deb822(5)`).

/// Longest stanza that is taken from an index or a package; the longest of a whole Debian suite has 60 KiB.
pub(crate) const LONGEST_STANZA: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StanzaError {
    #[error("line {line} is neither a field nor the continuation of one")]
    Line { line: usize },
    #[error("field `{field}` is given twice, again in line {line}")]
    Twice { field: String, line: usize },
    #[error("stanza at line {line} is longer than {limit} bytes")]
    TooLong { line: usize, limit: usize },
    #[error("text is not UTF-8")]
    Encoding,
    #[error("there is no stanza")]
    Empty,
    #[error("there is more than one stanza, another at line {line}")]
    Several { line: usize },
}

/// The fields of one stanza, borrowed from the text.
#[derive(Debug, Clone, Default)]
pub struct Stanza<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Stanza<'a> {
    /// Reads a text that holds exactly one stanza.
    pub fn parse(text: &'a str) -> Result<Self, StanzaError> {
        Self::parse_within(text, LONGEST_STANZA)
    }

    pub(crate) fn parse_within(text: &'a str, limit: usize) -> Result<Self, StanzaError> {
        let mut reader = StanzaReader::new(text, limit);
        let mut stanza = Self::default();
        if !reader.read(&mut stanza)? {
            return Err(StanzaError::Empty);
        }
        match reader.read(&mut Self::default()) {
            Ok(false) => Ok(stanza),
            Ok(true) => Err(StanzaError::Several {
                line: reader.start_line,
            }),
            Err(error) => Err(error),
        }
    }

    /// The value of a field, its name in any case; continuation lines are kept as written.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|&(_, value)| value)
    }

    /// All fields, in their order.
    pub fn fields(&self) -> &[(&'a str, &'a str)] {
        &self.fields
    }
}

/// Takes one stanza after another from a text.
#[derive(Debug)]
pub(crate) struct StanzaReader<'a> {
    text: &'a str,
    /// Where the next line begins.
    at: usize,
    line: usize,
    limit: usize,
    /// Where the last stanza that was read begins.
    pub(crate) start: usize,
    pub(crate) start_line: usize,
}

impl<'a> StanzaReader<'a> {
    pub(crate) fn new(text: &'a str, limit: usize) -> Self {
        Self {
            text,
            at: 0,
            line: 0,
            limit,
            start: 0,
            start_line: 0,
        }
    }

    /// Reads the next stanza into `stanza`, whose space is used again; false at the end of the text.
    pub(crate) fn read(&mut self, stanza: &mut Stanza<'a>) -> Result<bool, StanzaError> {
        stanza.fields.clear();
        // Where the value of the field that is being read begins.
        let mut value_start = 0;
        while self.at < self.text.len() {
            let start = self.at;
            let end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
            let line = &self.text[start..end];
            self.at = (end + 1).min(self.text.len());
            self.line += 1;
            let continues = line.starts_with([' ', '\t']);
            if line.trim_ascii().is_empty() {
                if stanza.fields.is_empty() {
                    continue;
                }
                return Ok(true);
            }
            if stanza.fields.is_empty() {
                (self.start, self.start_line) = (start, self.line);
            }
            if end - self.start > self.limit {
                return Err(StanzaError::TooLong {
                    line: self.start_line,
                    limit: self.limit,
                });
            }
            if continues {
                let (_, value) = stanza.fields.last_mut().ok_or(StanzaError::Line { line: self.line })?;
                *value = self.text[value_start..end].trim_ascii();
                continue;
            }
            let name = field_name(line).ok_or(StanzaError::Line { line: self.line })?;
            if stanza.value(name).is_some() {
                return Err(StanzaError::Twice {
                    field: name.to_owned(),
                    line: self.line,
                });
            }
            value_start = start + name.len() + 1;
            stanza.fields.push((name, self.text[value_start..end].trim_ascii()));
        }
        Ok(!stanza.fields.is_empty())
    }
}

fn field_name(line: &str) -> Option<&str> {
    let (name, _) = line.split_once(':')?;
    let first = *name.as_bytes().first()?;
    (name.bytes().all(|byte| byte.is_ascii_graphic()) && first != b'#' && first != b'-').then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_keeps_fields_in_order_and_continuation_lines_as_written() {
        let stanza = Stanza::parse("\nPackage: a\nDepends: b,\n c\nEmpty:\nDescription: x\n .\n y\n\n").unwrap();
        let fields = [
            ("Package", "a"),
            ("Depends", "b,\n c"),
            ("Empty", ""),
            ("Description", "x\n .\n y"),
        ];
        assert_eq!(stanza.fields(), fields);
        assert_eq!(stanza.value("dePends"), Some("b,\n c"));
        assert_eq!(stanza.value("Version"), None);
    }

    #[test]
    fn what_is_no_stanza_is_refused_with_its_line() {
        let cases: [(&str, StanzaError); 8] = [
            ("", StanzaError::Empty),
            (" \n\n", StanzaError::Empty),
            (" continues: nothing", StanzaError::Line { line: 1 }),
            ("A: b\nno colon\n", StanzaError::Line { line: 2 }),
            ("A: b\n: c\n", StanzaError::Line { line: 2 }),
            ("#A: b\n", StanzaError::Line { line: 1 }),
            (
                "A: b\na: c\n",
                StanzaError::Twice {
                    field: "a".into(),
                    line: 2,
                },
            ),
            ("A: b\n\n\nA: c\n", StanzaError::Several { line: 4 }),
        ];
        for (text, error) in cases {
            assert_eq!(Stanza::parse(text).unwrap_err(), error, "{text:?}");
        }
        let long = format!("A: {}\n", "x".repeat(100));
        assert_eq!(
            Stanza::parse_within(&long, 50).unwrap_err(),
            StanzaError::TooLong { line: 1, limit: 50 }
        );
    }
}
