//! Configuration files that hold secrets: written to a tmpfs before anything starts, out of a template of the image, variables, and
//! the files that variables name.  So no secret is in an image, an environment or an argument.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use thiserror::Error;

use crate::failure::{Class, Failure};
use crate::template;

const LARGEST_TEMPLATE: u64 = 1 << 20;
/// Of a variable's value and of a secret's file.
const LARGEST_VALUE: u64 = 1 << 16;

/// What to write.
#[derive(Debug, Clone)]
pub struct RenderedFile {
    pub path: PathBuf,
    pub mode: u32,
    pub template: PathBuf,
    /// None: always.
    pub condition: Option<Condition>,
}

/// The variable decides: with one value the file is written, with the other it is not, and any third is an error.
#[derive(Debug, Clone)]
pub struct Condition {
    pub variable: String,
    pub is: String,
    pub otherwise: String,
}

#[derive(Debug, Error)]
pub enum RenderError {
    #[error("`{variable}` is `{value}`, which is neither `{is}` nor `{otherwise}`")]
    Choice {
        variable: String,
        value: String,
        is: String,
        otherwise: String,
    },
    #[error("`{}` needs the variable `{variable}`, or `{variable}_FILE` with the name of a file that holds it", path.display())]
    Missing { path: PathBuf, variable: String },
    #[error("both `{variable}` and `{variable}_FILE` are set")]
    Both { variable: String },
    #[error(
        "the value of `{variable}` is empty, longer than {LARGEST_VALUE} bytes, or holds what no configuration takes: line ends, control characters, `${{`"
    )]
    Value { variable: String },
    #[error("`{}` has a `${{` without a name in capitals and a `}}`", template.display())]
    Template { template: PathBuf },
    #[error("cannot read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Failure for RenderError {
    fn class(&self) -> Class {
        match self {
            Self::Write { .. } => Class::Environment,
            _ => Class::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => Some("is the secret mounted, and readable for the container's user?".to_owned()),
            Self::Write { .. } => Some("mount a tmpfs that this user may write to, `--tmpfs /run`".to_owned()),
            _ => None,
        }
    }
}

/// Writes the file, or takes an older one away where its condition does not hold.
pub fn render(file: &RenderedFile, variable: impl Fn(&str) -> Option<OsString>) -> Result<(), RenderError> {
    if !wanted(file, &variable)? {
        return match fs::remove_file(&file.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(write_error(file, source)),
            _ => Ok(()),
        };
    }
    let template = read(&file.template, LARGEST_TEMPLATE)?;
    let text = fill_in(&template, &file.template, |name| value(&file.path, name, &variable))?;
    write(file, &text).map_err(|source| write_error(file, source))
}

fn write_error(file: &RenderedFile, source: io::Error) -> RenderError {
    RenderError::Write {
        path: file.path.clone(),
        source,
    }
}

fn wanted(file: &RenderedFile, variable: &impl Fn(&str) -> Option<OsString>) -> Result<bool, RenderError> {
    let Some(condition) = &file.condition else {
        return Ok(true);
    };
    let value = variable(&condition.variable).filter(|value| !value.is_empty());
    let value = value.map_or_else(
        || condition.otherwise.clone(),
        |value| value.to_string_lossy().into_owned(),
    );
    match value {
        value if value == condition.is => Ok(true),
        value if value == condition.otherwise => Ok(false),
        value => Err(RenderError::Choice {
            variable: condition.variable.clone(),
            value,
            is: condition.is.clone(),
            otherwise: condition.otherwise.clone(),
        }),
    }
}

/// The template with every `${NAME}` replaced.  Values stand between double quotes there: what ends them is escaped.
fn fill_in(
    template: &str,
    path: &Path,
    value: impl Fn(&str) -> Result<String, RenderError>,
) -> Result<String, RenderError> {
    let malformed = || RenderError::Template {
        template: path.to_owned(),
    };
    template::fill_in(template, malformed, |name, text| {
        let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(malformed());
        }
        for character in value(name)?.chars() {
            if matches!(character, '"' | '\\') {
                text.push('\\');
            }
            text.push(character);
        }
        Ok(())
    })
}

fn value(path: &Path, name: &str, variable: &impl Fn(&str) -> Option<OsString>) -> Result<String, RenderError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let found = match (set(name), set(&format!("{name}_FILE"))) {
        (Some(_), Some(_)) => {
            return Err(RenderError::Both {
                variable: name.to_owned(),
            });
        }
        (Some(value), None) => value.to_string_lossy().into_owned(),
        (None, Some(file)) => read(Path::new(&file), LARGEST_VALUE)?
            .trim_end_matches(['\r', '\n'])
            .to_owned(),
        (None, None) => {
            return Err(RenderError::Missing {
                path: path.to_owned(),
                variable: name.to_owned(),
            });
        }
    };
    if found.is_empty()
        || found.len() as u64 >= LARGEST_VALUE
        || found.contains("${")
        || found.chars().any(char::is_control)
    {
        return Err(RenderError::Value {
            variable: name.to_owned(),
        });
    }
    Ok(found)
}

fn read(path: &Path, limit: u64) -> Result<String, RenderError> {
    let mut text = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text));
    read.map(|_| text).map_err(|source| RenderError::Read {
        path: path.to_owned(),
        source,
    })
}

fn write(file: &RenderedFile, text: &str) -> io::Result<()> {
    let mut beside = file.path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    if let Err(error) = fs::remove_file(&beside)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    // Nobody reads it in between, whatever the mode it ends with.
    let mut written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    written.write_all(text.as_bytes())?;
    written.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(file.mode))?;
    fs::rename(&beside, &file.path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    struct Case {
        folder: tempfile::TempDir,
        file: RenderedFile,
    }

    impl Case {
        fn new(template: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("template"), template).unwrap();
            fs::write(folder.path().join("secret"), "p\"a\\ss\n").unwrap();
            let file = RenderedFile {
                path: folder.path().join("out.conf"),
                mode: 0o600,
                template: folder.path().join("template"),
                condition: Some(Condition {
                    variable: "SIGN_IN".to_owned(),
                    is: "required".to_owned(),
                    otherwise: "off".to_owned(),
                }),
            };
            Self { folder, file }
        }

        fn render(&self, variables: &[(&str, &str)]) -> Result<(), RenderError> {
            render(&self.file, |name| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| (*value).into())
            })
        }

        fn secret(&self) -> String {
            self.folder.path().join("secret").display().to_string()
        }
    }

    #[test]
    fn secrets_come_from_files_and_cannot_leave_their_quotes() {
        let case = Case::new("Secret \"${KEY}\"\nName \"${NAME}\"\n");
        case.render(&[("SIGN_IN", "required"), ("KEY_FILE", &case.secret()), ("NAME", "x")])
            .unwrap();
        assert_eq!(
            fs::read_to_string(&case.file.path).unwrap(),
            "Secret \"p\\\"a\\\\ss\"\nName \"x\"\n"
        );
        assert_eq!(
            fs::metadata(&case.file.path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn nothing_is_left_where_the_condition_does_not_hold() {
        let case = Case::new("x");
        case.render(&[("SIGN_IN", "required")]).unwrap();
        assert!(case.file.path.exists());
        case.render(&[]).unwrap();
        assert!(!case.file.path.exists());
        case.render(&[("SIGN_IN", "off")]).unwrap();
        let error = case.render(&[("SIGN_IN", "maybe")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`SIGN_IN` is `maybe`, which is neither `required` nor `off`"
        );
    }

    #[test]
    fn what_is_missing_or_hostile_is_named() {
        let case = Case::new("Secret \"${KEY}\"\n");
        let on = ("SIGN_IN", "required");
        for (variables, said) in [
            (vec![on], "needs the variable `KEY`"),
            (vec![on, ("KEY", "a"), ("KEY_FILE", "/b")], "both `KEY` and `KEY_FILE`"),
            (
                vec![on, ("KEY_FILE", "/nowhere/at/all")],
                "cannot read `/nowhere/at/all`",
            ),
            (vec![on, ("KEY", "a\nInclude /etc/shadow")], "the value of `KEY`"),
            (vec![on, ("KEY", "${PATH}")], "the value of `KEY`"),
        ] {
            let error = case.render(&variables).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            assert!(!case.file.path.exists());
        }
        for template in ["${", "${}", "${lower}", "${A B}"] {
            assert!(Case::new(template).render(&[on]).is_err(), "{template}");
        }
    }
}
