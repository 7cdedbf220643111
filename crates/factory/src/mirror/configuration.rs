//! apt's configuration language (`apt.conf(5)`), as far as values go.

use std::collections::BTreeMap;

use thiserror::Error;

/// Values by full name in lower case, `acquire::http::proxy`; what later files say wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configuration {
    values: BTreeMap<String, String>,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigurationError {
    #[error("line {line}: a quoted text or a comment has no end")]
    Unfinished { line: usize },
    #[error("line {line}: a brace closes nothing")]
    Brace { line: usize },
    #[error("line {line}: braces are nested too deeply")]
    Depth { line: usize },
    #[error("line {line}: more than {MOST_INCLUDES} files are included")]
    Includes { line: usize },
}

const DEEPEST: usize = 64;
/// Files that a file may name, and those name in turn: all together.
const MOST_INCLUDES: usize = 32;
const INCLUDE: &str = "#include";
const CLEAR: &str = "#clear";

enum Token {
    Word(String),
    Open,
    Close,
    End,
}

impl Configuration {
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Adds what a file says.  `include` gives the text of another file that this one names, if it can be had.
    pub fn add(
        &mut self,
        text: &str,
        include: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<(), ConfigurationError> {
        self.add_nested(text, include, &mut { MOST_INCLUDES })
    }

    fn add_nested(
        &mut self,
        text: &str,
        include: &mut dyn FnMut(&str) -> Option<String>,
        left: &mut usize,
    ) -> Result<(), ConfigurationError> {
        let mut scopes: Vec<String> = Vec::new();
        let mut words: Vec<String> = Vec::new();
        let mut rest = Tokens { text, line: 1 };
        while let Some(token) = rest.next_token()? {
            match token {
                Token::Word(word) => words.push(word),
                Token::Open => {
                    if scopes.len() == DEEPEST {
                        return Err(ConfigurationError::Depth { line: rest.line });
                    }
                    scopes.push(std::mem::take(&mut words).into_iter().next().unwrap_or_default());
                }
                Token::Close => {
                    self.set(&scopes, std::mem::take(&mut words));
                    scopes.pop().ok_or(ConfigurationError::Brace { line: rest.line })?;
                }
                Token::End => match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                    [INCLUDE, file] => {
                        *left = left
                            .checked_sub(1)
                            .ok_or(ConfigurationError::Includes { line: rest.line })?;
                        if let Some(text) = include(file) {
                            self.add_nested(&text, include, left)?;
                        }
                        words.clear();
                    }
                    [CLEAR, name] => {
                        self.clear(name);
                        words.clear();
                    }
                    _ => self.set(&scopes, std::mem::take(&mut words)),
                },
            }
        }
        self.set(&scopes, words);
        Ok(())
    }

    /// `Name "value"`; a value alone is a member of a list, which nobody here asks for.
    fn set(&mut self, scopes: &[String], words: Vec<String>) {
        let [name, value] = <[String; 2]>::try_from(words).unwrap_or_default();
        if !name.is_empty() {
            let parts = scopes.iter().chain([&name]).filter(|part| !part.is_empty());
            let name = parts
                .map(|part| part.to_ascii_lowercase())
                .collect::<Vec<_>>()
                .join("::");
            self.values.insert(name, value);
        }
    }

    /// With all below it; the name is a whole one, wherever it stands.
    fn clear(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        let below = format!("{name}::");
        self.values
            .retain(|known, _| *known != name && !known.starts_with(&below));
    }
}

struct Tokens<'a> {
    text: &'a str,
    line: usize,
}

impl Tokens<'_> {
    fn next_token(&mut self) -> Result<Option<Token>, ConfigurationError> {
        loop {
            let Some(first) = self.text.chars().next() else {
                return Ok(None);
            };
            match first {
                '\n' => {
                    self.line += 1;
                    self.skip(1);
                }
                _ if first.is_whitespace() => self.skip(first.len_utf8()),
                '#' => match self.directive() {
                    Some(directive) => {
                        self.skip(directive.len());
                        return Ok(Some(Token::Word(directive.to_owned())));
                    }
                    None => self.skip_line(),
                },
                '/' if self.text.starts_with("//") => self.skip_line(),
                '/' if self.text.starts_with("/*") => {
                    self.take_until("*/", 2)?;
                }
                '{' => return Ok(Some(self.single(Token::Open))),
                '}' => return Ok(Some(self.single(Token::Close))),
                ';' => return Ok(Some(self.single(Token::End))),
                '"' => return self.take_until("\"", 1).map(|word| Some(Token::Word(word))),
                _ => return Ok(Some(Token::Word(self.bare_word()))),
            }
        }
    }

    /// Two comments are none.
    fn directive(&self) -> Option<&'static str> {
        let begins = |directive: &&str| {
            let rest = self.text.strip_prefix(*directive);
            rest.is_some_and(|rest| rest.starts_with([' ', '\t']))
        };
        [INCLUDE, CLEAR].into_iter().find(begins)
    }

    fn single(&mut self, token: Token) -> Token {
        self.skip(1);
        token
    }

    fn skip(&mut self, bytes: usize) {
        self.text = self.text.get(bytes..).unwrap_or_default();
    }

    fn skip_line(&mut self) {
        let end = self.text.find('\n').unwrap_or(self.text.len());
        self.skip(end);
    }

    fn take_until(&mut self, end: &str, from: usize) -> Result<String, ConfigurationError> {
        let body = self.text.get(from..).unwrap_or_default();
        let length = body
            .find(end)
            .ok_or(ConfigurationError::Unfinished { line: self.line })?;
        let word = body[..length].to_owned();
        self.line += word.matches('\n').count();
        self.skip(from + length + end.len());
        Ok(word)
    }

    fn bare_word(&mut self) -> String {
        let end = self
            .text
            .find(|letter: char| letter.is_whitespace() || "{};\"".contains(letter))
            .unwrap_or(self.text.len());
        let word = self.text[..end].to_owned();
        self.skip(end);
        word
    }
}
