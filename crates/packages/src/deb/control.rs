//! Control stanzas: `Field: value` with continuation lines (`deb822(5)`).

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StanzaError {
    #[error("line {line} is neither a field nor the continuation of one")]
    Line { line: usize },
    #[error("field `{field}` is given twice, again in line {line}")]
    Twice { field: String, line: usize },
    #[error("stanza is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("text is not UTF-8")]
    Encoding,
    #[error("there is no stanza")]
    Empty,
}

/// The fields of one stanza, borrowed from the text.
#[derive(Debug, Clone, Default)]
pub struct Stanza<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Stanza<'a> {
    /// Reads a text that holds exactly one stanza.
    pub fn parse(_text: &'a str) -> Result<Self, StanzaError> {
        Err(StanzaError::Empty)
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
