//! What a flavour must keep to, beyond its form.

use super::{Flavour, Packaging, Repository, Suite};
use crate::definition::Fault;
use crate::variables::{Variables, render};

type Checked = Result<(), Fault>;

impl Flavour {
    /// Checks everything that needs no other file.  Variables in the repositories' paths have been put in.
    pub(crate) fn check(&self, file: &str) -> Checked {
        if self.name != file {
            return fault(format!(
                "the name `{}` is not that of its file, `{file}.toml`",
                self.name
            ));
        }
        if !is_word(&self.architecture) {
            return fault(format!("`{}` is no name of an architecture", self.architecture));
        }
        match (self.suites.is_empty(), self.repositories.is_empty()) {
            (true, true) => fault("the flavour has neither a `[[suite]]` nor a `[[repository]]`".to_owned()),
            (false, false) => Err(Fault {
                message: "the flavour has both `[[suite]]` and `[[repository]]`".to_owned(),
                hint: Some(
                    "make two flavours: one packaging system cannot satisfy the other's requirements".to_owned(),
                ),
            }),
            (false, true) => self.check_suites(),
            (true, false) => self.check_repositories(),
        }
    }

    fn check_suites(&self) -> Checked {
        let foreign = [
            ("mirror", self.mirror.is_some()),
            ("streams", !self.streams.is_empty()),
            ("platform", self.platform.is_some()),
        ];
        if let Some((key, _)) = foreign.into_iter().find(|(_, there)| *there) {
            return Err(Fault {
                message: format!("`{key}` is for flavours of RPM repositories"),
                hint: Some(match key {
                    "mirror" => "name a Debian mirror with `QCLOCK_DEBIAN_MIRROR`".to_owned(),
                    _ => format!("remove `{key}`"),
                }),
            });
        }
        for (position, suite) in self.suites.iter().enumerate() {
            let Suite {
                name, components, keys, ..
            } = suite;
            if self.suites[..position].iter().any(|other| other.name == *name) {
                return fault(format!("the suite `{name}` is declared twice"));
            }
            if components.is_empty() || keys.is_empty() {
                return fault(format!("the suite `{name}` names no component or no key"));
            }
            if let Some(word) = components.iter().chain([name]).find(|word| !is_word(word)) {
                return fault(format!("`{word}` is no name of a suite or component"));
            }
            check_keys(keys)?;
        }
        Ok(())
    }

    fn check_repositories(&self) -> Checked {
        for (position, repository) in self.repositories.iter().enumerate() {
            let Repository { name, path, keys, .. } = repository;
            if !is_word(name) {
                return fault(format!("`{name}` is no name of a repository"));
            }
            if self.repositories[..position].iter().any(|other| other.name == *name) {
                return fault(format!("the repository `{name}` is declared twice"));
            }
            if keys.is_empty() {
                return Err(Fault {
                    message: format!("the repository `{name}` names no key"),
                    hint: Some(
                        "put the key that signs its packages into `images/flavours/keys` and name the file in `keys`"
                            .to_owned(),
                    ),
                });
            }
            let inside = !path.is_empty() && path.split('/').all(is_word);
            if !inside {
                return Err(Fault {
                    message: format!("`{path}` is no path of a repository"),
                    hint: Some("write it relative to the mirror, as in `OL9/appstream/@architecture@`".to_owned()),
                });
            }
            check_keys(keys)?;
        }
        for (position, stream) in self.streams.iter().enumerate() {
            if let Some(other) = self.streams[..position]
                .iter()
                .find(|other| other.module == stream.module)
            {
                return fault(format!(
                    "two streams of one module are enabled: `{other}` and `{stream}`"
                ));
            }
        }
        match &self.platform {
            Some(platform) if is_word(platform) => Ok(()),
            Some(platform) => fault(format!("`{platform}` is no name of a platform")),
            None => Err(Fault {
                message: "the flavour has no `platform`".to_owned(),
                hint: Some("write the platform of its module streams, as in `platform = \"el9\"`".to_owned()),
            }),
        }
    }

    /// Puts the architecture into the repositories' paths.
    pub(crate) fn render_paths(&mut self) -> Checked {
        let variables = Variables::from([("architecture".to_owned(), self.architecture.clone())]);
        for repository in &mut self.repositories {
            repository.path = render(&repository.path, &variables).map_err(|unknown| Fault {
                message: unknown.to_string(),
                hint: Some("the path of a repository may hold `@architecture@`".to_owned()),
            })?;
        }
        Ok(())
    }

    /// Takes another architecture in the place of the file's, under either family's name for it.
    pub(crate) fn set_architecture(&mut self, wanted: &str) -> Checked {
        const NAMES: [(&str, &str); 2] = [("amd64", "x86_64"), ("arm64", "aarch64")];
        let both = NAMES.iter().find(|(deb, rpm)| wanted == *deb || wanted == *rpm);
        let Some((deb, rpm)) = both else {
            return Err(Fault {
                message: format!("images are not built for the architecture `{wanted}`"),
                hint: Some("use one of `x86_64` (`amd64`), `aarch64` (`arm64`)".to_owned()),
            });
        };
        let name = match self.packaging() {
            Packaging::Deb => *deb,
            Packaging::Rpm => *rpm,
        };
        name.clone_into(&mut self.architecture);
        Ok(())
    }
}

fn check_keys(keys: &[String]) -> Checked {
    match keys.iter().find(|key| key.contains('/') || key.starts_with('.')) {
        Some(key) => fault(format!("the key `{key}` is no name of a file in `keys`")),
        None => Ok(()),
    }
}

/// Becomes a part of paths and addresses.
fn is_word(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "+-._".contains(letter))
}

fn fault(message: String) -> Checked {
    Err(Fault { message, hint: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "name = 'el'\ntitle = ''\nevaluation = false\narchitecture = 'x86_64'\n";
    const REPOSITORY: &str = "[[repository]]\nname = 'base'\npath = 'OL9/@architecture@'\nkeys = ['k.asc']\n";

    fn check(top: &str, tables: &str) -> String {
        let parsed: Result<Flavour, toml::de::Error> = toml::from_str(&format!("{HEAD}{top}\n{tables}"));
        let mut flavour = match parsed {
            Ok(flavour) => flavour,
            Err(error) => return error.message().to_owned(),
        };
        let checked = flavour.render_paths().and_then(|()| flavour.check("el"));
        checked.map_or_else(
            |Fault { message, hint }| format!("{message}{}", hint.map(|hint| format!(" → {hint}")).unwrap_or_default()),
            |()| flavour.repositories.iter().map(|it| it.path.clone()).collect(),
        )
    }

    #[test]
    fn a_flavour_of_repositories_has_its_architecture_in_their_paths() {
        assert_eq!(
            check("platform = 'el9'\nstreams = ['php:8.2']", REPOSITORY),
            "OL9/x86_64"
        );
    }

    #[test]
    fn faults_are_told_with_what_would_be_right() {
        let suite = "[[suite]]\nname = 's'\narchive = 'debian'\ncomponents = ['main']\nkeys = ['k']\n";
        let other = |from: &str, to: &str| REPOSITORY.replace(from, to);
        let table = [
            (
                "",
                String::new(),
                "the flavour has neither a `[[suite]]` nor a `[[repository]]`",
            ),
            (
                "platform = 'el9'",
                format!("{suite}{REPOSITORY}"),
                "the flavour has both `[[suite]]` and `[[repository]]` → make two flavours: one packaging system cannot satisfy the \
                 other's requirements",
            ),
            (
                "streams = ['php:8.2']",
                suite.to_owned(),
                "`streams` is for flavours of RPM repositories → remove `streams`",
            ),
            (
                "",
                REPOSITORY.to_owned(),
                "the flavour has no `platform` → write the platform of its module streams, as in `platform = \"el9\"`",
            ),
            (
                "platform = 'el9'",
                other("OL9/", "/OL9/"),
                "`/OL9/x86_64` is no path of a repository → write it relative to the mirror, as in `OL9/appstream/@architecture@`",
            ),
            (
                "platform = 'el9'",
                other("OL9/", "../"),
                "`../x86_64` is no path of a repository → write it relative to the mirror, as in `OL9/appstream/@architecture@`",
            ),
            (
                "platform = 'el9'",
                other("@architecture@", "@arch@"),
                "unknown variable `@arch@` → the path of a repository may hold `@architecture@`",
            ),
            (
                "platform = 'el9'\nstreams = ['php:8.2', 'php:8.3']",
                REPOSITORY.to_owned(),
                "two streams of one module are enabled: `php:8.2` and `php:8.3`",
            ),
            (
                "platform = 'el9'\nstreams = ['php']",
                REPOSITORY.to_owned(),
                "`php` names no stream of a module: write `module:stream`, as in `php:8.2`",
            ),
            (
                "platform = 'el9'",
                format!("{REPOSITORY}{REPOSITORY}"),
                "the repository `base` is declared twice",
            ),
            (
                "platform = 'el9'",
                other("k.asc", "../k"),
                "the key `../k` is no name of a file in `keys`",
            ),
        ];
        for (top, tables, expected) in table {
            assert_eq!(check(top, &tables), expected, "{top} {tables}");
        }
    }

    #[test]
    fn architectures_go_by_either_name() {
        let mut flavour: Flavour = toml::from_str(&format!("{HEAD}platform = 'el9'\n{REPOSITORY}")).unwrap();
        flavour.set_architecture("arm64").unwrap();
        assert_eq!(flavour.architecture, "aarch64");
        let fault = flavour.set_architecture("mips").unwrap_err();
        assert_eq!(
            fault.hint.unwrap(),
            "use one of `x86_64` (`amd64`), `aarch64` (`arm64`)"
        );
        assert_eq!(flavour.mirror_variable(), "QCLOCK_EL_MIRROR");
    }
}
