//! Reading the file: a mistake is told with its file, line and remedy.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use thiserror::Error;
use toml::de::DeTable;

use super::fields::Fault;
use super::{Configuration, check, document::Document};
use crate::failure::{Class, Failure};

/// More than any image needs; keeps a device or a mistaken path from filling the memory.
const LARGEST_FILE: u64 = 1 << 20;

#[derive(Debug, Error)]
pub enum ConfigurationError {
    #[error("cannot read the configuration")]
    Read(#[source] io::Error),
    #[error("`{}` is larger than {LARGEST_FILE} bytes", path.display())]
    TooLarge { path: PathBuf },
    #[error("{}:{line}: {message}", path.display())]
    Syntax {
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        message: String,
        hint: Option<String>,
    },
    #[error("{}: {message}", path.display())]
    Value { path: PathBuf, message: String },
}

impl Failure for ConfigurationError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { hint, .. } => hint.clone(),
            Self::Read(_) | Self::TooLarge { .. } | Self::Value { .. } => None,
        }
    }
}

pub fn read(path: &Path) -> Result<Configuration, ConfigurationError> {
    if fs::metadata(path).map_err(ConfigurationError::Read)?.len() > LARGEST_FILE {
        return Err(ConfigurationError::TooLarge { path: path.to_owned() });
    }
    let text = fs::read_to_string(path).map_err(ConfigurationError::Read)?;
    parse(&text, path)
}

/// `path` is only for the messages.
pub fn parse(text: &str, path: &Path) -> Result<Configuration, ConfigurationError> {
    let document = document(text).map_err(|fault| ConfigurationError::Syntax {
        path: path.to_owned(),
        line: text
            .get(..fault.offset)
            .map_or(1, |before| before.matches('\n').count() + 1),
        message: fault.message,
        hint: fault.hint,
    })?;
    check::check(document).map_err(|message| ConfigurationError::Value {
        path: path.to_owned(),
        message,
    })
}

fn document(text: &str) -> Result<Document, Fault> {
    let table = DeTable::parse(text).map_err(|error| Fault {
        offset: error.span().map_or(0, |span| span.start),
        message: error.message().lines().collect::<Vec<_>>().join(" "),
        hint: None,
    })?;
    Document::read(table.get_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (String, Option<String>) {
        let error = parse(text, Path::new("/etc/qclock/init.toml")).unwrap_err();
        (error.to_string(), error.hint())
    }

    const SERVICE: &str = "[[service]]\nname = 'web'\ncommand = ['/bin/web']\n";

    #[test]
    fn a_misspelt_key_is_named_with_its_file_and_line_and_the_right_key() {
        let (message, hint) = refused(&format!("{SERVICE}stop_signl = 'QUIT'\n"));
        assert_eq!(message, "/etc/qclock/init.toml:4: unknown key `stop_signl`");
        assert_eq!(hint.unwrap(), "did you mean `stop_signal`?");
    }

    #[test]
    fn a_misspelt_value_is_told_what_there_is() {
        let (message, hint) = refused(&format!("{SERVICE}stop_signal = 'STOPPED'\n"));
        assert_eq!(message, "/etc/qclock/init.toml:4: unknown value `STOPPED`");
        assert_eq!(
            hint.unwrap(),
            "use one of `HUP`, `INT`, `QUIT`, `KILL`, `USR1`, `USR2`, `TERM`, `WINCH`"
        );
        let (_, hint) = refused(&format!("{SERVICE}log = {{ stderr = 'phpfpm' }}\n"));
        assert_eq!(hint.unwrap(), "did you mean `php-fpm`?");
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        for (text, expected) in [
            ("", "there is no `[[service]]`"),
            (
                "[[service]]\nname = 'Web'\ncommand = ['/bin/web']\n",
                "service name `Web` has other characters than a-z, 0-9 and -",
            ),
            (
                "[[service]]\nname = 'web'\ncommand = []\n",
                "service `web` has an empty command",
            ),
            (
                "[[service]]\nname = 'web'\ncommand = ['web']\n",
                "service `web`: `web` is not an absolute path",
            ),
            (
                "[[service]]\nname = 'web'\ncommand = ['/web']\nready = {}\n",
                "service `web`: `ready` needs exactly one of fastcgi, http, mysql, postgresql, tcp",
            ),
            (
                "[[service]]\nname = 'web'\ncommand = ['/web']\nready = { http = 'http://web/' }\n",
                "service `web`: `http://web/` is not http://ADDRESS:PORT/PATH with an IP address",
            ),
            (
                "[[service]]\nname = 'web'\ncommand = ['/web']\nstop_grace_seconds = 100000\n",
                "service `web`: `stop_grace_seconds` is 100000, at most 3600 are possible",
            ),
            (
                "[[directory]]\npath = '/run/x'\nmode = '0999'\n",
                "directory `/run/x`: mode `0999` is not octal, like \"0700\"",
            ),
        ] {
            assert_eq!(refused(text).0, format!("/etc/qclock/init.toml: {expected}"), "{text}");
        }
        let twice = format!("{SERVICE}{SERVICE}");
        assert_eq!(
            refused(&twice).0,
            "/etc/qclock/init.toml: service `web` is declared twice"
        );
    }

    #[test]
    fn a_value_of_another_kind_is_told_with_its_key_and_line() {
        for (text, expected) in [
            ("[[service]]\nname = 7\n", "2: `name` is an integer, not a text"),
            (
                "[[service]]\nname = 'web'\ncommand = 'web'\n",
                "3: `command` is a text, not a list",
            ),
            ("[[service]]\ncommand = [1.5]\n", "1: `name` is missing"),
            ("\nservice = 'web'\n", "2: `service` is a text, not a list"),
            (
                "[[service]]\nname = 'web'\ncommand = [\n'/web',\ntrue]\n",
                "5: `command` is true or false, not a text",
            ),
            ("supervisor = []\n", "1: `supervisor` is a list, not a table"),
            (
                "[supervisor]\nstop_seconds = -1\n",
                "2: `stop_seconds` is not between 0 and 18446744073709551615",
            ),
            (
                "[supervisor]\nstop_seconds = 1.0\n",
                "2: `stop_seconds` is a number with a fraction, not an integer",
            ),
            ("[supervisor]\n\nstop = 1\nbegin = 1\n", "3: unknown key `stop`"),
        ] {
            assert_eq!(refused(text).0, format!("/etc/qclock/init.toml:{expected}"), "{text}");
        }
        let restart = format!("{SERVICE}restart = {{ limit = 0x1_0000_0000 }}\n");
        assert_eq!(
            refused(&restart).0,
            "/etc/qclock/init.toml:4: `limit` is not between 0 and 4294967295"
        );
        let configuration = parse(
            &format!("{SERVICE}stop_grace_seconds = 0x1_0\nstop_signal = 'SIGQUIT'\n"),
            Path::new("x"),
        );
        let service = configuration.unwrap().services.remove(0);
        assert_eq!(service.stop_grace.as_secs(), 16);
        assert_eq!(service.stop_signal, crate::signal::Signal::Quit);
        assert!(parse(&format!("x = {}", "[".repeat(50_000)), Path::new("x")).is_err());
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let configuration = parse(SERVICE, Path::new("x")).unwrap();
        let service = &configuration.services[0];
        assert!(service.essential);
        assert_eq!(service.stop_signal, crate::signal::Signal::Term);
        assert_eq!(service.stop_grace.as_secs(), 10);
        assert_eq!(configuration.stop_budget.as_secs(), 30);
        assert_eq!(configuration.state_file, Path::new("/run/qclock-init.state"));
    }
}
