//! A password that cannot be printed.

use std::fmt;

/// A secret text.  It has no `Display`, and `Debug` shows that it is there, never what it is.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` as it stands.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A secret from a file's contents: a line end at the end does not belong to it.
    pub fn from_file_contents(text: &str) -> Self {
        Self(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// The secret itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed_and_loses_its_line_end() {
        let secret = Secret::from_file_contents("pass word \r\n");
        assert_eq!(secret.reveal(), "pass word ");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert!(Secret::from_file_contents("\n").is_empty());
    }
}
