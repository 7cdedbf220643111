//! What the container's variables say: values, and secrets by the file that `NAME_FILE` names.
//!
//! Where they come from is an argument, so that tests need neither an environment nor files.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::secret::Secret;

/// Of a value, in bytes.
const LONGEST_VALUE: usize = 1024;

/// Why a variable's value cannot be had.  Values are never part of the message.
#[derive(Debug, Error)]
pub enum VariableError {
    #[error("`{0}` and `{1}` are both set")]
    Both(String, String),
    #[error("cannot read the file that `{variable}` names, `{}`", path.display())]
    File {
        variable: String,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the file that `{variable}` names, `{}`, is empty", path.display())]
    Empty { variable: String, path: PathBuf },
    #[error("`{0}` is longer than {LONGEST_VALUE} bytes")]
    TooLong(String),
    #[error("`{0}` is not UTF-8")]
    NotText(String),
    #[error("`{0}` contains a control character (a line end, a tab or the like)")]
    Control(String),
}

impl VariableError {
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Both(..) => "keep one of them",
            Self::File { .. } => "the file must be readable by the container's user (10001)",
            Self::Empty { .. } => "`qclock secrets` makes what is missing",
            Self::Control(_) => "write the secret as one line of text",
            Self::TooLong(_) | Self::NotText(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// What a [`Source`] is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    Variable(&'a str),
    File(&'a Path),
}

/// Answers [`Ask::Variable`] with None when there is none.
pub type Source<'a> = &'a dyn Fn(Ask<'_>) -> io::Result<Option<OsString>>;

/// The process' own environment, and the file system.
pub fn from_process(ask: Ask<'_>) -> io::Result<Option<OsString>> {
    use std::os::unix::ffi::OsStringExt as _;
    match ask {
        Ask::Variable(name) => Ok(std::env::var_os(name)),
        Ask::File(path) => {
            let mut content = Vec::new();
            // More than is allowed with a line end, so that a longer one shows.
            fs_err::File::open(path)?
                .take(LONGEST_VALUE as u64 + 3)
                .read_to_end(&mut content)?;
            Ok(Some(OsString::from_vec(content)))
        }
    }
}

/// An empty variable is as good as none: that is what `docker compose` makes of one that is not set.
pub fn variable(source: Source<'_>, name: &str) -> Result<Option<String>, VariableError> {
    let value = source(Ask::Variable(name)).unwrap_or_default();
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    one_line(name, value).map(Some)
}

/// The value of `name`, or what the file holds that `name_FILE` names.
pub fn value(source: Source<'_>, name: &str) -> Result<Option<String>, VariableError> {
    let by_file = format!("{name}_FILE");
    match (variable(source, name)?, variable(source, &by_file)?) {
        (Some(_), Some(_)) => Err(VariableError::Both(name.to_owned(), by_file)),
        (Some(value), None) => Ok(Some(value)),
        (None, Some(path)) => content(source, &by_file, path).map(Some),
        (None, None) => Ok(None),
    }
}

/// What the file holds that the variable names, without its line end; none where the variable is not set.
pub fn secret(source: Source<'_>, variable_of_file: &str) -> Result<Option<Secret>, VariableError> {
    let path = variable(source, variable_of_file)?;
    path.map(|path| content(source, variable_of_file, path).map(Secret::new))
        .transpose()
}

fn content(source: Source<'_>, variable: &str, path: String) -> Result<String, VariableError> {
    let path = PathBuf::from(path);
    let content = source(Ask::File(&path)).map_err(|source| VariableError::File {
        variable: variable.to_owned(),
        path: path.clone(),
        source,
    })?;
    let mut content = content.unwrap_or_default().into_encoded_bytes();
    while content.pop_if(|last| matches!(last, b'\n' | b'\r')).is_some() {}
    if content.is_empty() {
        let variable = variable.to_owned();
        return Err(VariableError::Empty { variable, path });
    }
    let text = String::from_utf8(content).map_err(|_| VariableError::NotText(variable.to_owned()))?;
    one_line(variable, text.into())
}

fn one_line(name: &str, value: OsString) -> Result<String, VariableError> {
    let value = value
        .into_string()
        .map_err(|_| VariableError::NotText(name.to_owned()))?;
    if value.len() > LONGEST_VALUE {
        return Err(VariableError::TooLong(name.to_owned()));
    }
    if value.chars().any(char::is_control) {
        return Err(VariableError::Control(name.to_owned()));
    }
    Ok(value)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Variables and files by name.
    pub(crate) fn given<'a>(
        variables: &'a [(&'a str, &'a str)],
        files: &'a [(&'a str, &'a str)],
    ) -> impl Fn(Ask<'_>) -> io::Result<Option<OsString>> + 'a {
        let find = |list: &[(&str, &str)], name: &str| {
            let found = list.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(*value))
        };
        move |ask| match ask {
            Ask::Variable(name) => Ok(find(variables, name)),
            Ask::File(path) => find(files, path.to_str().unwrap())
                .map(Some)
                .ok_or_else(|| io::ErrorKind::NotFound.into()),
        }
    }

    #[test]
    fn a_value_comes_from_its_variable_or_its_file_and_not_from_both() {
        let files = [("/x", "a\r\n"), ("/empty", "\n"), ("/two", "a\nb\n")];
        let long = "x".repeat(LONGEST_VALUE + 1);
        for (variables, expected) in [
            (vec![("A", "x")], Ok(Some("x"))),
            (vec![("A", ""), ("A_FILE", "/x")], Ok(Some("a"))),
            (vec![], Ok(None)),
            (vec![("A", "x"), ("A_FILE", "/x")], Err("`A` and `A_FILE` are both set")),
            (
                vec![("A_FILE", "/none")],
                Err("cannot read the file that `A_FILE` names, `/none`"),
            ),
            (
                vec![("A_FILE", "/empty")],
                Err("the file that `A_FILE` names, `/empty`, is empty"),
            ),
            (
                vec![("A_FILE", "/two")],
                Err("`A_FILE` contains a control character (a line end, a tab or the like)"),
            ),
            (vec![("A", long.as_str())], Err("`A` is longer than 1024 bytes")),
        ] {
            let found = value(&given(&variables, &files), "A").map_err(|error| error.to_string());
            assert_eq!(found, expected.map(|it| it.map(str::to_owned)).map_err(str::to_owned));
        }
    }
}
