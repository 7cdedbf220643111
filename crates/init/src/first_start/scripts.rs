//! The `*.sql` and `*.sql.gz` files of the init folder: run once, in the order of their names.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use fs_err as fs;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::server::{ServerError, TemporaryServer};
use super::settings::Settings;
use super::statements::{SplitError, Statements};
use crate::failure::Class;
use crate::protocol::ProtocolError;
use crate::secret::hexadecimal;

/// How much of a statement an error shows.
const SHOWN: usize = 80;
const MOST_SCRIPTS: usize = 1000;

#[derive(Debug, Error)]
pub(super) enum ScriptError {
    #[error("cannot read the folder `{}`", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` is a shell script, and there is no shell in this image", path.display())]
    Shell { path: PathBuf },
    #[error("`{}` is compressed in a way that cannot be read here", path.display())]
    Compressed { path: PathBuf },
    #[error("`{}` is not a file", path.display())]
    NotFile { path: PathBuf },
    #[error("there are more than {MOST_SCRIPTS} scripts")]
    TooMany,
    #[error("cannot read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{}", path.display())]
    Split {
        path: PathBuf,
        #[source]
        source: SplitError,
    },
    #[error("{}:{line}: statement `{beginning}` failed", path.display())]
    Statement {
        path: PathBuf,
        /// Where the statement begins, from 1.
        line: u64,
        beginning: String,
        #[source]
        source: ProtocolError,
    },
    #[error("cannot reach the server for `{}`", path.display())]
    Server {
        path: PathBuf,
        #[source]
        source: ServerError,
    },
}

impl ScriptError {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Folder { .. } | Self::Read { .. } | Self::Server { .. } => Class::Environment,
            _ => Class::Usage,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::Shell { .. } => {
                Some("write it as SQL, or run it from outside against the finished database".to_owned())
            }
            Self::Compressed { .. } => Some("use .sql or .sql.gz".to_owned()),
            Self::Statement { .. } | Self::Split { .. } => {
                Some("correct the script and start again: nothing of this attempt is kept".to_owned())
            }
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Scripts {
    scripts: Vec<Script>,
    ignored: Vec<String>,
}

impl Scripts {
    /// A folder that does not exist has no scripts.
    pub(super) fn list(folder: &Path) -> Result<Self, ScriptError> {
        let failed = |source| ScriptError::Folder {
            path: folder.to_owned(),
            source,
        };
        let mut listed = Self {
            scripts: Vec::new(),
            ignored: Vec::new(),
        };
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listed),
            Err(source) => return Err(failed(source)),
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
            if ends(&[".sql", ".sql.gz"]) {
                if !path.is_file() {
                    return Err(ScriptError::NotFile { path });
                }
                let compressed = ends(&[".gz"]);
                listed.scripts.push(Script { name, path, compressed });
            } else if ends(&[".sh"]) {
                return Err(ScriptError::Shell { path });
            } else if ends(&[".sql.xz", ".sql.zst", ".sql.bz2"]) {
                return Err(ScriptError::Compressed { path });
            } else if !name.starts_with('.') {
                listed.ignored.push(name);
            }
            if listed.scripts.len() + listed.ignored.len() > MOST_SCRIPTS {
                return Err(ScriptError::TooMany);
            }
        }
        listed.scripts.sort_by(|left, right| left.name.cmp(&right.name));
        listed.ignored.sort();
        Ok(listed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.scripts.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Script> {
        self.scripts.iter()
    }

    pub(super) fn ignored(&self) -> impl Iterator<Item = &str> {
        self.ignored.iter().map(String::as_str)
    }
}

#[derive(Debug)]
pub(super) struct Script {
    name: String,
    path: PathBuf,
    compressed: bool,
}

impl Script {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Runs every statement on a connection of its own, as `root`, in the database that the settings name; gives their number.
    pub(super) fn run(&self, server: &TemporaryServer, settings: &Settings) -> Result<u64, ScriptError> {
        let path = || self.path.clone();
        let file = fs::File::open(&self.path).map_err(|source| ScriptError::Read { path: path(), source })?;
        let reader: Box<dyn Read> = if self.compressed {
            Box::new(MultiGzDecoder::new(BufReader::new(file)))
        } else {
            Box::new(file)
        };
        let mut connection = server
            .connect(&settings.root_password)
            .map_err(|source| ScriptError::Server { path: path(), source })?;
        if let Some(database) = &settings.database {
            let use_database = format!("USE `{}`", database.replace('`', "``"));
            connection
                .run(use_database.as_bytes())
                .map_err(|source| self.failed(0, use_database.as_bytes(), source))?;
        }
        let mut count = 0;
        for statement in Statements::new(BufReader::with_capacity(1 << 16, reader)) {
            let statement = statement.map_err(|source| ScriptError::Split { path: path(), source })?;
            connection
                .run(&statement.text)
                .map_err(|source| self.failed(statement.line, &statement.text, source))?;
            count += 1;
        }
        connection.quit();
        Ok(count)
    }

    pub(super) fn digest(&self) -> Result<String, ScriptError> {
        let read = || -> io::Result<String> {
            let mut file = fs::File::open(&self.path)?;
            let mut hash = Sha256::new();
            let mut piece = vec![0; 1 << 16];
            loop {
                match file.read(&mut piece)? {
                    0 => return Ok(hexadecimal(&hash.finalize())),
                    count => hash.update(&piece[..count]),
                }
            }
        };
        read().map_err(|source| ScriptError::Read {
            path: self.path.clone(),
            source,
        })
    }

    fn failed(&self, line: u64, statement: &[u8], source: ProtocolError) -> ScriptError {
        ScriptError::Statement {
            path: self.path.clone(),
            line,
            beginning: beginning(statement),
            source,
        }
    }
}

/// On one line.  Of statements that carry passwords only the part in front of the first quote.
fn beginning(statement: &[u8]) -> String {
    let text = String::from_utf8_lossy(&statement[..statement.len().min(4 * SHOWN)]).into_owned();
    let lower = text.to_ascii_lowercase();
    let careful = ["identified", "password", "master_user", "change master"]
        .iter()
        .any(|word| lower.contains(word));
    let shown = match text.find(['\'', '"']) {
        Some(quote) if careful => &text[..quote],
        _ => &text,
    };
    let words: Vec<&str> = shown.split_whitespace().collect();
    let line = words.join(" ");
    let short: String = line.chars().take(SHOWN).collect();
    if short.len() < line.len() || shown.len() < text.len() {
        format!("{short}…")
    } else {
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_beginning_of_a_statement_and_no_password() {
        assert_eq!(beginning(b"SELECT\n  1"), "SELECT 1");
        assert_eq!(
            beginning(b"CREATE USER x IDENTIFIED BY 'secret'"),
            "CREATE USER x IDENTIFIED BY…"
        );
        assert_eq!(beginning("é".repeat(200).as_bytes()).chars().count(), SHOWN + 1);
    }
}
