//! Splits an SQL script into statements as the `mysql` client does: strings, comments, `DELIMITER`.
//!
//! Comments stay in the text (some are meant for the server), but a statement that is nothing else is left out.  Scripts
//! that rely on NO_BACKSLASH_ESCAPES are not understood.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read as _};

use thiserror::Error;

/// The server's own default limit (`max_allowed_packet`).
const LONGEST_STATEMENT: usize = 16 << 20;
const LONGEST_DELIMITER: usize = 16;

#[derive(Debug, Error)]
pub enum SplitError {
    #[error("cannot be read")]
    Read(#[source] io::Error),
    #[error("line {line}: the statement is longer than {LONGEST_STATEMENT} bytes")]
    TooLong { line: u64 },
    #[error("line {line}: {what} that begins here does not end")]
    Unfinished { line: u64, what: &'static str },
    #[error("line {line}: DELIMITER needs one word of at most {LONGEST_DELIMITER} bytes without a backslash")]
    Delimiter { line: u64 },
    #[error("line {line}: `{command}` is a command of the client, not SQL")]
    ClientCommand { line: u64, command: &'static str },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Of its first word, from 1.
    pub line: u64,
    /// Without its delimiter.
    pub text: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Code,
    /// Until the same quote.
    Quote {
        quote: u8,
        conditional: bool,
    },
    Comment,
    /// `/*! … */`, which the server runs; delimiters in it do not count.
    Conditional,
    /// A comment in it.
    ConditionalComment,
}

#[derive(Debug)]
pub struct Statements<R> {
    reader: R,
    delimiter: Vec<u8>,
    inside: Inside,
    /// The line on which the string or comment began.
    inside_since: u64,
    line: u64,
    text: Vec<u8>,
    /// The line of the first word of `text`; None: there is none yet.
    begun: Option<u64>,
    found: VecDeque<Statement>,
    finished: bool,
}

impl<R: BufRead> Iterator for Statements<R> {
    type Item = Result<Statement, SplitError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(statement) = self.found.pop_front() {
                return Some(Ok(statement));
            }
            if self.finished {
                return None;
            }
            if let Err(error) = self.read_line() {
                self.finished = true;
                return Some(Err(error));
            }
        }
    }
}

impl<R: BufRead> Statements<R> {
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            delimiter: b";".to_vec(),
            inside: Inside::Code,
            inside_since: 0,
            line: 0,
            text: Vec::new(),
            begun: None,
            found: VecDeque::new(),
            finished: false,
        }
    }

    fn read_line(&mut self) -> Result<(), SplitError> {
        let mut line = Vec::new();
        let room = LONGEST_STATEMENT + 1 - self.text.len().min(LONGEST_STATEMENT);
        let mut limited = (&mut self.reader).take(room as u64);
        limited.read_until(b'\n', &mut line).map_err(SplitError::Read)?;
        self.line += 1;
        if line.is_empty() {
            return self.finish();
        }
        if self.text.len() + line.len() > LONGEST_STATEMENT {
            return Err(SplitError::TooLong {
                line: self.begun.unwrap_or(self.line),
            });
        }
        let line = if self.line == 1 {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line)
        } else {
            &line
        };
        if self.inside == Inside::Code && self.begun.is_none() && self.client_command(line)? {
            return Ok(());
        }
        self.split(line);
        Ok(())
    }

    /// Commands stand alone on their line and only between statements.
    fn client_command(&mut self, line: &[u8]) -> Result<bool, SplitError> {
        let line_number = self.line;
        let line = line.trim_ascii();
        let word_end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
        let (word, rest) = line.split_at(word_end);
        if word.eq_ignore_ascii_case(b"delimiter") {
            let delimiter = rest.trim_ascii();
            let delimiter = delimiter.split(u8::is_ascii_whitespace).next().unwrap_or_default();
            if delimiter.is_empty() || delimiter.len() > LONGEST_DELIMITER || delimiter.contains(&b'\\') {
                return Err(SplitError::Delimiter { line: line_number });
            }
            self.delimiter = delimiter.to_vec();
            self.text.clear();
            return Ok(true);
        }
        for command in ["source", "system", "tee", "pager", "\\."] {
            if word.eq_ignore_ascii_case(command.as_bytes()) {
                return Err(SplitError::ClientCommand {
                    line: line_number,
                    command,
                });
            }
        }
        Ok(false)
    }

    fn split(&mut self, line: &[u8]) {
        let mut at = 0;
        while at < line.len() {
            let rest = &line[at..];
            let taken = match self.inside {
                Inside::Code => self.code(rest),
                Inside::Quote { quote, conditional } => self.quoted(rest, quote, conditional),
                Inside::Comment => self.until_comment_end(rest, Inside::Code),
                Inside::ConditionalComment => self.until_comment_end(rest, Inside::Conditional),
                Inside::Conditional => self.conditional(rest),
            };
            // Nothing is taken for a delimiter, which is not part of the statement.
            self.text.extend_from_slice(&rest[..taken]);
            at += taken;
            if taken == 0 {
                at += self.delimiter.len();
                self.complete();
            }
        }
    }

    /// How many bytes belong to the statement; 0: here is the delimiter.
    fn code(&mut self, rest: &[u8]) -> usize {
        if rest.starts_with(&self.delimiter) {
            return 0;
        }
        match rest {
            [b'#', ..] | [b'-', b'-'] => rest.len(),
            [b'-', b'-', next, ..] if next.is_ascii_whitespace() || next.is_ascii_control() => rest.len(),
            [b'/', b'*', b'!', ..] | [b'/', b'*', b'M', b'!', ..] => {
                self.begin();
                self.enter(Inside::Conditional, 2)
            }
            [b'/', b'*', ..] => self.enter(Inside::Comment, 2),
            [quote @ (b'\'' | b'"' | b'`'), ..] => {
                self.begin();
                let (quote, conditional) = (*quote, false);
                self.enter(Inside::Quote { quote, conditional }, 1)
            }
            [byte, ..] => {
                if !byte.is_ascii_whitespace() {
                    self.begin();
                }
                1
            }
            [] => 1,
        }
    }

    fn quoted(&mut self, rest: &[u8], quote: u8, conditional: bool) -> usize {
        match rest {
            [b'\\', _, ..] if quote != b'`' => 2,
            // A doubled quote closes and opens again, which comes to the same.
            [byte, ..] if *byte == quote => {
                self.inside = if conditional { Inside::Conditional } else { Inside::Code };
                1
            }
            _ => 1,
        }
    }

    fn until_comment_end(&mut self, rest: &[u8], outside: Inside) -> usize {
        if rest.starts_with(b"*/") {
            self.inside = outside;
            return 2;
        }
        1
    }

    fn conditional(&mut self, rest: &[u8]) -> usize {
        match rest {
            [b'*', b'/', ..] => {
                self.inside = Inside::Code;
                2
            }
            [b'/', b'*', ..] => self.enter(Inside::ConditionalComment, 2),
            [quote @ (b'\'' | b'"' | b'`'), ..] => {
                let (quote, conditional) = (*quote, true);
                self.enter(Inside::Quote { quote, conditional }, 1)
            }
            _ => 1,
        }
    }

    fn enter(&mut self, inside: Inside, taken: usize) -> usize {
        self.inside = inside;
        self.inside_since = self.line;
        taken
    }

    fn begin(&mut self) {
        self.begun.get_or_insert(self.line);
    }

    fn complete(&mut self) {
        let text = std::mem::take(&mut self.text);
        if let Some(line) = self.begun.take() {
            let text = text.trim_ascii().to_vec();
            self.found.push_back(Statement { line, text });
        }
    }

    /// The last statement needs no delimiter.
    fn finish(&mut self) -> Result<(), SplitError> {
        self.finished = true;
        let what = match self.inside {
            Inside::Code => None,
            Inside::Quote { .. } => Some("a string"),
            Inside::Comment | Inside::Conditional | Inside::ConditionalComment => Some("a comment"),
        };
        if let Some(what) = what {
            return Err(SplitError::Unfinished {
                line: self.inside_since,
                what,
            });
        }
        self.complete();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(script: &str) -> Vec<(u64, String)> {
        let statements = Statements::new(script.as_bytes()).map(|statement| statement.unwrap());
        statements
            .map(|statement| (statement.line, String::from_utf8(statement.text).unwrap()))
            .collect()
    }

    fn texts(script: &str) -> Vec<String> {
        split(script).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn delimiters_in_strings_and_comments_do_not_count() {
        let script = "\u{feff}SELECT ';', \"a\\\";\", `x;``y`, 'it''s;' -- no; end\n, 1; # none;\nSELECT 2 /* ; */;\n-- only; a comment\n";
        assert_eq!(
            texts(script),
            [
                "SELECT ';', \"a\\\";\", `x;``y`, 'it''s;' -- no; end\n, 1",
                "# none;\nSELECT 2 /* ; */",
            ]
        );
    }

    #[test]
    fn a_statement_is_known_by_the_line_of_its_first_word() {
        assert_eq!(
            split("-- c\n\n/* c\n*/ SELECT\n1; SELECT 2;SELECT 3\n\n"),
            [
                (4, "-- c\n\n/* c\n*/ SELECT\n1".to_owned()),
                (5, "SELECT 2".to_owned()),
                (5, "SELECT 3".to_owned()),
            ]
        );
    }

    #[test]
    fn the_delimiter_can_be_changed_as_dumps_do() {
        let script = "SET a = 1;\ndelimiter $$\r\nCREATE PROCEDURE p()\nBEGIN\n  SELECT 1; SELECT '$$';\nEND$$\nDELIMITER ;\nCALL p();\n";
        assert_eq!(
            texts(script),
            [
                "SET a = 1",
                "CREATE PROCEDURE p()\nBEGIN\n  SELECT 1; SELECT '$$';\nEND",
                "CALL p()"
            ]
        );
    }

    #[test]
    fn conditional_comments_are_code_in_which_no_delimiter_counts() {
        let script = "/*!50003 CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET @a = '*/;'; /* ; */ END */;\n/*M!999999\\- enable the sandbox mode */ \nSELECT 1;";
        assert_eq!(texts(script).len(), 2);
        assert!(texts(script)[0].ends_with("END */"));
        assert_eq!(texts("/* c */;;\n;"), Vec::<String>::new());
    }

    #[test]
    fn what_does_not_end_or_is_no_sql_is_told_with_its_line() {
        for (script, expected) in [
            (
                "SELECT 1;\nSELECT 'a\nb",
                "line 2: a string that begins here does not end",
            ),
            ("/* a", "line 1: a comment that begins here does not end"),
            (
                "\nDELIMITER\n",
                "line 2: DELIMITER needs one word of at most 16 bytes without a backslash",
            ),
            (
                "source other.sql\n",
                "line 1: `source` is a command of the client, not SQL",
            ),
        ] {
            let error = Statements::new(script.as_bytes()).find_map(Result::err).unwrap();
            assert_eq!(error.to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_split_or_refused(script in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Statements::new(script.as_slice()).count() <= script.len() + 1);
        }

        #[test]
        fn statements_come_back_as_they_were_joined(
            statements in proptest::collection::vec("[a-z]{1,8}( ('([^'\\\\]|\\\\.|'')*'|\"([^\"\\\\]|\\\\.|\"\")*\"|`([^`]|``)*`)){0,3}", 0..6),
        ) {
            // A client's command at the beginning of a line is none of the statements that are meant here.
            let statements: Vec<String> = statements.into_iter().map(|statement| format!("SELECT {statement}")).collect();
            prop_assert_eq!(texts(&statements.join(";\n")), statements);
        }
    }
}
