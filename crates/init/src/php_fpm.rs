//! One value of PHP-FPM's configuration decides whether requests survive a stop, and its default is the wrong one.
//!
//! With `process_control_timeout = 0` a master that is asked to stop kills its workers in the middle of a page, and the client
//! gets a 503.  Such a service is not started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::configuration::{Configuration, Service};
use crate::failure::{Class, Failure};
use crate::logs::Format;

const KEY: &str = "process_control_timeout";

#[derive(Debug, PartialEq, Eq, Error)]
pub enum PhpFpmError {
    #[error("service `{service}`: `{}` leaves `{KEY}` at 0, which cuts off the pages that are being made when it stops", path.display())]
    Absent { service: String, path: PathBuf },
    #[error("service `{service}`: `{}` has `{KEY} = {value}`, which cuts off the pages that are being made when it stops", path.display())]
    Zero {
        service: String,
        path: PathBuf,
        value: String,
    },
}

impl Failure for PhpFpmError {
    fn class(&self) -> Class {
        Class::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(format!(
            "write `{KEY} = 10s` below `[global]`, and at most the service's `stop_grace_seconds`"
        ))
    }
}

/// Whether every PHP-FPM among the services lets its pages be finished.  `read` gives a file's text, `variable` what a service
/// would see; a file that cannot be read is PHP-FPM's to complain of.
pub fn check(
    configuration: &Configuration,
    read: impl Fn(&Path) -> Option<String>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(), PhpFpmError> {
    let services = configuration.services.iter();
    for service in services.filter(|service| service.stderr == Format::PhpFpm) {
        let Some(path) = file_of(&service.command) else {
            continue;
        };
        if let Some(text) = read(&path) {
            check_text(service, path, &text, &variable)?;
        }
    }
    Ok(())
}

fn check_text(
    service: &Service,
    path: PathBuf,
    text: &str,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<(), PhpFpmError> {
    let name = || service.name.clone();
    match global_value(text) {
        // What stands in another file is not followed: it may say all that is wanted.
        None if global_includes(text) => Ok(()),
        None => Err(PhpFpmError::Absent { service: name(), path }),
        Some(value) => {
            let expanded = expand(value, &service.environment, variable);
            if is_zero(&expanded) {
                let value = value.to_owned();
                return Err(PhpFpmError::Zero {
                    service: name(),
                    path,
                    value,
                });
            }
            Ok(())
        }
    }
}

/// `-y FILE`, `-yFILE`, `--fpm-config FILE`, `--fpm-config=FILE`.
fn file_of(command: &[String]) -> Option<PathBuf> {
    let mut arguments = command.iter().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "-y" || argument == "--fpm-config" {
            return arguments.next().map(PathBuf::from);
        }
        let joined = argument.strip_prefix("--fpm-config=");
        let joined = joined.or_else(|| argument.strip_prefix("-y").filter(|rest| !rest.starts_with('-')));
        if let Some(file) = joined {
            return Some(PathBuf::from(file));
        }
    }
    None
}

/// Keys and values of `[global]`, in PHP's dialect of ini: comments begin with `;` (or `#`, as the key of a line), values may be quoted.
fn global_lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    // What stands before the first section is global, too.
    let mut global = true;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            global = section
                .split(']')
                .next()
                .is_some_and(|name| name.trim().eq_ignore_ascii_case("global"));
            return None;
        }
        let (key, value) = line.split_once('=').filter(|_| global && !line.starts_with(';'))?;
        let value = value.split(';').next().unwrap_or_default();
        Some((key.trim(), value.trim().trim_matches(['"', '\''])))
    })
}

/// The last one counts.
fn global_value(text: &str) -> Option<&str> {
    global_lines(text)
        .filter(|(key, _)| key.eq_ignore_ascii_case(KEY))
        .map(|(_, value)| value)
        .last()
}

fn global_includes(text: &str) -> bool {
    global_lines(text).any(|(key, _)| key.eq_ignore_ascii_case("include"))
}

fn expand(value: &str, own: &BTreeMap<String, String>, variable: impl Fn(&str) -> Option<String>) -> String {
    let Some(name) = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
        return value.to_owned();
    };
    own.get(name).cloned().or_else(|| variable(name)).unwrap_or_default()
}

/// A number with at most one of the units `s`, `m`, `h`, `d`.  Nothing at all is 0; what is no number PHP-FPM refuses by itself.
fn is_zero(value: &str) -> bool {
    let digits = value.strip_suffix(['s', 'm', 'h', 'd']).unwrap_or(value);
    digits.bytes().all(|digit| digit == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::parse;

    fn checked(command: &str, text: &str) -> Result<(), PhpFpmError> {
        let configuration = format!(
            "[[service]]\nname = 'php'\ncommand = ['/php-fpm', {command}]\nlog = {{ stderr = 'php-fpm' }}\nenvironment = {{ OWN = '0' }}"
        );
        let configuration = parse(&configuration, Path::new("init.toml")).unwrap();
        let read = |path: &Path| (path == Path::new("/fpm.conf")).then(|| text.to_owned());
        check(&configuration, read, |name| (name == "LONG").then(|| "7s".to_owned()))
    }

    #[test]
    fn a_stop_that_cuts_pages_off_is_refused() {
        for text in [
            "",
            "[global]\n;process_control_timeout = 10\n",
            "[global]\nprocess_control_timeout = 0\n",
            "process_control_timeout=0s ; never\n",
            "[global]\nprocess_control_timeout = 10\nprocess_control_timeout = \"00m\"\n",
            "[global]\nprocess_control_timeout = ${OWN}\n",
            "[global]\nprocess_control_timeout = ${NONE}\n",
            "[www]\nprocess_control_timeout = 10s\ninclude = pool.d/*.conf\n",
        ] {
            assert!(checked("'-F', '-y', '/fpm.conf'", text).is_err(), "{text}");
        }
        let error = checked(
            "'--fpm-config=/fpm.conf'",
            "[Global]\nProcess_Control_Timeout = 0d\n[www]\n",
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "service `php`: `/fpm.conf` has `process_control_timeout = 0d`, which cuts off the pages that are being made when it stops"
        );
    }

    #[test]
    fn others_are_let_through() {
        for text in [
            "[global]\nprocess_control_timeout = 10s\n[www]\nx = 0\n",
            "[global]\nprocess_control_timeout = 1\n",
            "[global]\nprocess_control_timeout = ${LONG}\n",
            "[global]\ninclude = /etc/more.conf\n",
        ] {
            assert_eq!(checked("'-y/fpm.conf'", text), Ok(()), "{text}");
        }
        assert_eq!(checked("'-y', '/elsewhere'", ""), Ok(()));
        assert_eq!(checked("'-F'", ""), Ok(()));
    }
}
