//! What the container's variables say about the first start, under the names that users of the public images know.
//!
//! `MARIADB_X` and `MYSQL_X` mean the same; `X_FILE` names a file that holds the value.

use thiserror::Error;

use crate::secret::{Secret, hexadecimal};
use crate::variables::{Source, VariableError, value};

/// Variables whose values no other process should see.
pub const SECRET_VARIABLES: [&str; 5] = [
    "MARIADB_ROOT_PASSWORD",
    "MYSQL_ROOT_PASSWORD",
    "MARIADB_PASSWORD",
    "MYSQL_PASSWORD",
    MONITOR_PASSWORD,
];

/// What [`Settings`] reads, without the prefix and `_FILE`.
const NAMES: [&str; 8] = [
    "ROOT_PASSWORD",
    "RANDOM_ROOT_PASSWORD",
    "ALLOW_EMPTY_ROOT_PASSWORD",
    "ALLOW_EMPTY_PASSWORD",
    "ROOT_HOST",
    "DATABASE",
    "USER",
    "PASSWORD",
];
/// What the servers' own libraries read.
const OF_THE_SERVER: [&str; 5] = ["DEBUG", "GROUP_SUFFIX", "HOME", "TCP_PORT", "UNIX_PORT"];

/// All variables `MYSQL_*` and `MARIADB_*` that mean something.
pub fn variables() -> impl Iterator<Item = String> {
    ["MYSQL", "MARIADB"].into_iter().flat_map(|prefix| {
        let own = NAMES
            .into_iter()
            .flat_map(move |name| ["", "_FILE"].map(|file| format!("{prefix}_{name}{file}")));
        own.chain(OF_THE_SERVER.into_iter().map(move |name| format!("{prefix}_{name}")))
    })
}

const MONITOR_PASSWORD: &str = "QCLOCK_MONITOR_PASSWORD";
/// The dashboard's account.
pub(super) const MONITOR_USER: &str = "qclock_monitor";
/// Of a database's and of a user's name, in characters (MariaDB: Identifier Names).
const LONGEST_DATABASE: usize = 64;
const LONGEST_USER: usize = 80;

#[derive(Debug, Error)]
pub(super) enum SettingsError {
    #[error("there is no password for `root`")]
    NoRootPassword,
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{0}` has characters beyond ASCII")]
    NotAscii(String),
    #[error(transparent)]
    Variable(#[from] VariableError),
    #[error("`{variable}` is `{value}`: {reason}")]
    Name {
        variable: String,
        value: String,
        reason: &'static str,
    },
    #[error("`{present}` is set without `{missing}`")]
    Alone {
        present: &'static str,
        missing: &'static str,
    },
    #[error("`{variable}` is `{value}`, neither yes nor no")]
    Switch { variable: String, value: String },
    #[error("cannot make a random password")]
    Random,
}

impl SettingsError {
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::NoRootPassword => Some(
                "mount a secret and set MYSQL_ROOT_PASSWORD_FILE to its path, or set MYSQL_RANDOM_ROOT_PASSWORD=yes"
                    .to_owned(),
            ),
            Self::Missing(_) => Some("mount a secret and set the variable to its path".to_owned()),
            Self::NotAscii(_) => Some("write the secret in letters, digits and signs of ASCII".to_owned()),
            Self::Variable(error) => error.hint(),
            _ => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) root_password: Secret,
    generated: bool,
    /// Where else than on this machine `root` may log in from.
    pub(super) root_host: Option<String>,
    pub(super) database: Option<String>,
    pub(super) application: Option<(String, Secret)>,
    pub(super) monitor_password: Option<Secret>,
}

impl Settings {
    pub(super) fn read(source: Source<'_>) -> Result<Self, SettingsError> {
        let reader = Reader { source };
        let random = reader.switch("RANDOM_ROOT_PASSWORD")?;
        let allow_empty = reader.switch("ALLOW_EMPTY_ROOT_PASSWORD")? || reader.switch("ALLOW_EMPTY_PASSWORD")?;
        let given = reader.either("ROOT_PASSWORD")?;
        let (root_password, generated) = match given {
            Some(password) => (Secret::new(password), false),
            None if random => (random_password()?, true),
            None if allow_empty => (Secret::new(String::new()), false),
            None => return Err(SettingsError::NoRootPassword),
        };
        let database = reader.either("DATABASE")?;
        if let Some(database) = &database {
            check_name(
                "MYSQL_DATABASE",
                database,
                LONGEST_DATABASE,
                &["mysql", "sys", "information_schema", "performance_schema"],
            )?;
        }
        let application = match (reader.either("USER")?, reader.either("PASSWORD")?) {
            (Some(user), Some(password)) => {
                check_name(
                    "MYSQL_USER",
                    &user,
                    LONGEST_USER,
                    &["root", "mysql", "mariadb.sys", MONITOR_USER],
                )?;
                Some((user, Secret::new(password)))
            }
            (None, None) => None,
            (Some(_), None) => return Err(alone("MYSQL_USER", "MYSQL_PASSWORD_FILE")),
            (None, Some(_)) => return Err(alone("MYSQL_PASSWORD", "MYSQL_USER")),
        };
        let root_host = reader.either("ROOT_HOST")?.filter(|host| host != "localhost");
        Ok(Self {
            root_password,
            generated,
            root_host,
            database,
            application,
            monitor_password: value(source, MONITOR_PASSWORD)?.map(Secret::new),
        })
    }

    pub(super) fn root_password_was_generated(&self) -> bool {
        self.generated
    }

    /// The secrets that were given, under one name each.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (&'static str, &Secret)> {
        let root = (!self.generated).then_some(("MYSQL_ROOT_PASSWORD", &self.root_password));
        let application = self
            .application
            .as_ref()
            .map(|(_, password)| ("MYSQL_PASSWORD", password));
        let monitor = self
            .monitor_password
            .as_ref()
            .map(|password| (MONITOR_PASSWORD, password));
        [root, application, monitor].into_iter().flatten()
    }
}

struct Reader<'a> {
    source: Source<'a>,
}

impl Reader<'_> {
    /// `MARIADB_X` or `MYSQL_X`, as a value or by file.
    fn either(&self, name: &str) -> Result<Option<String>, SettingsError> {
        let names = [format!("MARIADB_{name}"), format!("MYSQL_{name}")];
        match (value(self.source, &names[0])?, value(self.source, &names[1])?) {
            (Some(one), Some(other)) if one != other => {
                let [one, other] = names;
                Err(VariableError::Both(one, other).into())
            }
            (one, other) => Ok(one.or(other)),
        }
    }

    fn switch(&self, name: &str) -> Result<bool, SettingsError> {
        let Some(value) = self.either(name)? else {
            return Ok(false);
        };
        match value.to_ascii_lowercase().as_str() {
            "yes" | "true" | "1" | "on" => Ok(true),
            "no" | "false" | "0" | "off" => Ok(false),
            _ => Err(SettingsError::Switch {
                variable: format!("MYSQL_{name}"),
                value,
            }),
        }
    }
}

fn check_name(variable: &str, value: &str, longest: usize, reserved: &[&str]) -> Result<(), SettingsError> {
    let wrong = |reason| {
        Err(SettingsError::Name {
            variable: variable.to_owned(),
            value: value.to_owned(),
            reason,
        })
    };
    if reserved.iter().any(|reserved| reserved.eq_ignore_ascii_case(value)) {
        return wrong("the name is taken");
    }
    if value.chars().count() > longest {
        return wrong("the name is too long");
    }
    if value.ends_with(' ') || value.chars().any(|character| u32::from(character) > 0xffff) {
        return wrong("a name cannot end in a space or contain characters beyond the Basic Multilingual Plane");
    }
    Ok(())
}

fn alone(present: &'static str, missing: &'static str) -> SettingsError {
    SettingsError::Alone { present, missing }
}

fn random_password() -> Result<Secret, SettingsError> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|_| SettingsError::Random)?;
    Ok(Secret::new(hexadecimal(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::tests::given;

    fn read(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(&given(variables, files))
    }

    fn refused(variables: &[(&str, &str)], files: &[(&str, &str)]) -> String {
        read(variables, files).unwrap_err().to_string()
    }

    #[test]
    fn secrets_come_from_files_without_their_line_ends() {
        let settings = read(
            &[
                ("MYSQL_ROOT_PASSWORD_FILE", "/root"),
                ("MARIADB_DATABASE", "shop"),
                ("MYSQL_USER", "shop"),
                ("MARIADB_PASSWORD_FILE", "/app"),
                ("QCLOCK_MONITOR_PASSWORD_FILE", "/monitor"),
                ("MYSQL_PASSWORD", ""),
            ],
            &[("/root", "r\\'\"é \n"), ("/app", "a\r\n"), ("/monitor", "m")],
        )
        .unwrap();
        assert_eq!(settings.root_password, Secret::new("r\\'\"é ".to_owned()));
        assert_eq!(
            settings.application,
            Some(("shop".to_owned(), Secret::new("a".to_owned())))
        );
        assert_eq!(settings.secrets().count(), 3);
        assert!(!format!("{settings:?}").contains("r\\"));
    }

    #[test]
    fn contradictions_and_gaps_are_named() {
        let root = ("MYSQL_ROOT_PASSWORD", "x");
        for (variables, files, expected) in [
            (vec![], vec![], "there is no password for `root`"),
            (
                vec![root, ("MYSQL_ROOT_PASSWORD_FILE", "/x")],
                vec![],
                "`MYSQL_ROOT_PASSWORD` and `MYSQL_ROOT_PASSWORD_FILE` are both set",
            ),
            (
                vec![root, ("MARIADB_ROOT_PASSWORD", "y")],
                vec![],
                "`MARIADB_ROOT_PASSWORD` and `MYSQL_ROOT_PASSWORD` are both set",
            ),
            (
                vec![("MYSQL_ROOT_PASSWORD_FILE", "/none")],
                vec![],
                "cannot read the file that `MYSQL_ROOT_PASSWORD_FILE` names, `/none`",
            ),
            (
                vec![root, ("MYSQL_USER", "u")],
                vec![],
                "`MYSQL_USER` is set without `MYSQL_PASSWORD_FILE`",
            ),
            (
                vec![root, ("MYSQL_USER", "ROOT"), ("MYSQL_PASSWORD", "x")],
                vec![],
                "`MYSQL_USER` is `ROOT`: the name is taken",
            ),
            (
                vec![root, ("MYSQL_DATABASE", "mysql")],
                vec![],
                "`MYSQL_DATABASE` is `mysql`: the name is taken",
            ),
            (
                vec![("MYSQL_RANDOM_ROOT_PASSWORD", "maybe")],
                vec![],
                "`MYSQL_RANDOM_ROOT_PASSWORD` is `maybe`, neither yes nor no",
            ),
        ] {
            assert_eq!(refused(&variables, &files), expected);
        }
    }

    #[test]
    fn a_random_password_is_long_and_never_the_same() {
        let random = [("MYSQL_RANDOM_ROOT_PASSWORD", "yes")];
        let (one, other) = (read(&random, &[]).unwrap(), read(&random, &[]).unwrap());
        assert_ne!(one.root_password, other.root_password);
        assert_eq!(one.secrets().count(), 0);
    }
}
