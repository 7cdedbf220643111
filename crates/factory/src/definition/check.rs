//! What a definition must keep to, beyond its form: each fault is a sentence that names the thing.

mod accounts;
mod signal;
mod upstream;

use std::collections::BTreeSet;

use thiserror::Error;

use super::{Definition, Run};
use crate::failure::closest;
use crate::variables;

/// What is wrong in a definition, and what would be right.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct Fault {
    pub message: String,
    pub hint: Option<String>,
}

type Checked = Result<(), Fault>;

impl Definition {
    /// Checks everything that needs no other definition but the parents', whose `accounts` and `groups` may own directories.
    pub(crate) fn check(&self, folder: &str, inherited: &[&Self]) -> Checked {
        if self.name != folder {
            return fault(format!(
                "the name `{}` is not that of its folder, `{folder}`",
                self.name
            ));
        }
        if !is_image_name(&self.name) {
            return fault(format!(
                "`{}` is no image name: lower-case letters, digits and dashes",
                self.name
            ));
        }
        self.check_packages()?;
        self.check_variables()?;
        accounts::check(self, inherited)?;
        self.check_prunes()?;
        upstream::check(self)?;
        self.check_files(inherited)?;
        self.run.check()?;
        for label in self.labels.keys() {
            if label.is_empty() || label.chars().any(char::is_whitespace) {
                return fault(format!("`{label}` is no name of a label"));
            }
        }
        Ok(())
    }

    fn check_packages(&self) -> Checked {
        for selection in self.packages.values() {
            let mut seen = BTreeSet::new();
            let omitted = selection.omissions.iter().flat_map(|omission| &omission.names);
            for name in selection.install.iter().chain(omitted) {
                if !is_requirement(name) {
                    return fault(format!("`{name}` is no package name"));
                }
                if !seen.insert(name) {
                    return fault(format!("the package `{name}` is listed twice"));
                }
            }
            for omission in &selection.omissions {
                reasoned(
                    &omission.reason,
                    &format!("the omission of `{}`", omission.names.join("`, `")),
                )?;
            }
            for restoration in &selection.restorations {
                if !is_package_name(&restoration.package) {
                    return fault(format!("`{}` is no package name", restoration.package));
                }
                restoration.paths.iter().try_for_each(|pattern| is_pattern(pattern))?;
                reasoned(
                    &restoration.reason,
                    &format!("the restoration of files of `{}`", restoration.package),
                )?;
            }
        }
        Ok(())
    }

    fn check_variables(&self) -> Checked {
        for name in self.variables.values().flat_map(|variables| variables.keys()) {
            if !variables::is_name(name) {
                return fault(format!(
                    "`{name}` is no variable name: lower-case letters, digits and underscores"
                ));
            }
        }
        Ok(())
    }

    fn check_prunes(&self) -> Checked {
        for prune in &self.prunes {
            prune
                .paths
                .iter()
                .chain(&prune.keep)
                .try_for_each(|pattern| is_pattern(pattern))?;
            reasoned(
                &prune.reason,
                &format!("the prune rule for `{}`", prune.paths.join("`, `")),
            )?;
        }
        for permit in &self.permits {
            absolute(&permit.path, "permitted path")?;
            reasoned(&permit.reason, &format!("the permit for `{}`", permit.path))?;
        }
        Ok(())
    }

    fn check_files(&self, inherited: &[&Self]) -> Checked {
        let lineage = || inherited.iter().copied().chain([self]);
        let accounts: BTreeSet<&str> = lineage()
            .flat_map(|image| &image.accounts)
            .map(|account| account.name.as_str())
            .collect();
        let groups: BTreeSet<&str> = lineage()
            .flat_map(|image| &image.groups)
            .map(|group| group.name.as_str())
            .collect();
        let mut paths = BTreeSet::new();
        for directory in &self.directories {
            absolute(&directory.path, "directory")?;
            mode(&directory.mode, &directory.path)?;
            known(&directory.owner, &accounts, "account", &directory.path)?;
            known(&directory.group, &groups, "group", &directory.path)?;
            unique(&directory.path, &mut paths)?;
        }
        for link in &self.links {
            absolute(&link.path, "link")?;
            unique(&link.path, &mut paths)?;
            if link.target.is_empty() || link.target.contains('\0') {
                return fault(format!("the link `{}` has no target", link.path));
            }
            if link.target.contains('*') && !link.target.starts_with('/') {
                return fault(format!(
                    "the target of the link `{}` is a pattern, which is absolute",
                    link.path
                ));
            }
        }
        for binary in &self.binaries {
            absolute(&binary.path, "binary")?;
            unique(&binary.path, &mut paths)?;
            if binary.name.is_empty() || binary.name.contains(['/', '\0']) || binary.name.starts_with('.') {
                return fault(format!("`{}` is no name of a binary", binary.name));
            }
        }
        if let Some(policy) = self.generate.crypto_policy.as_ref().filter(|policy| !policy.is_empty())
            && !is_package_name(policy)
        {
            return fault(format!("`{policy}` is no name of a policy for cryptography"));
        }
        let generated = [
            &self.generate.ca_bundle,
            &self.generate.java_trust_store,
            &self.generate.linker_cache,
            &self.generate.repositories,
        ];
        let generated = generated.into_iter().flatten().filter(|path| !path.is_empty());
        generated
            .into_iter()
            .try_for_each(|path| absolute(path, "generated path"))
    }
}

impl Run {
    fn check(&self) -> Checked {
        if let Some(user) = &self.user {
            let numbers = user
                .split_once(':')
                .map(|(uid, gid)| (uid.parse::<u32>(), gid.parse::<u32>()));
            let Some((Ok(uid), Ok(gid))) = numbers else {
                return Err(Fault {
                    message: format!("`{user}` is no user to run as"),
                    hint: Some("write it as numbers, `uid:gid`, as in `10001:10001`".to_owned()),
                });
            };
            numeric_id(uid)?;
            numeric_id(gid)?;
        }
        for (thing, words) in [("entrypoint", &self.entrypoint), ("command", &self.command)] {
            if words.iter().any(|word| word.contains('\0')) {
                return fault(format!("the {thing} contains a NUL"));
            }
        }
        if let Some(program) = self.entrypoint.first() {
            absolute(program, "entrypoint")?;
        }
        for (name, value) in &self.environment {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                return fault(format!("`{name}` is no environment variable"));
            }
        }
        if self.ports.contains(&0) {
            return fault("0 is no port".to_owned());
        }
        let paths = self.volumes.iter().map(|path| (path, "volume"));
        let working_directory = self.working_directory.iter().map(|path| (path, "working directory"));
        paths
            .chain(working_directory)
            .try_for_each(|(path, thing)| absolute(path, thing))?;
        if let Some(signal) = &self.stop_signal {
            signal::check(signal)?;
        }
        match &self.health {
            Some(health)
                if health.command.is_empty()
                    || health.interval_seconds == 0
                    || health.timeout_seconds == 0
                    || health.retries == 0 =>
            {
                fault("the health check needs a command, and an interval, a timeout and retries above 0".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// Path below the root, in its one spelling: no `.`, no `..`, no doubled or final slash.
fn absolute(path: &str, thing: &str) -> Checked {
    let parts = path.strip_prefix('/');
    let clean = parts
        .is_some_and(|parts| parts.split('/').all(|part| !matches!(part, "" | "." | "..")) && !parts.contains('\0'));
    if clean || path == "/" {
        return Ok(());
    }
    fault(format!(
        "the {thing} `{path}` is no absolute path in its shortest spelling"
    ))
}

fn is_pattern(pattern: &str) -> Checked {
    if pattern.starts_with('/') {
        return Err(Fault {
            message: format!("the pattern `{pattern}` starts with a slash"),
            hint: Some(format!("write `{}`", pattern.trim_start_matches('/'))),
        });
    }
    match globset::Glob::new(pattern) {
        Ok(_) => Ok(()),
        Err(error) => fault(format!("`{pattern}` is no pattern: {}", error.kind())),
    }
}

fn mode(mode: &str, path: &str) -> Checked {
    let bits = u32::from_str_radix(mode, 8)
        .ok()
        .filter(|_| mode.len() == 4 && !mode.starts_with('+'));
    match bits {
        None => Err(Fault {
            message: format!("`{mode}`, the mode of `{path}`, is not four octal digits"),
            hint: Some("write it as `\"0755\"`".to_owned()),
        }),
        Some(bits) if bits & 0o6000 != 0 => fault(format!(
            "the mode `{mode}` of `{path}` sets the user or the group of what runs"
        )),
        Some(_) => Ok(()),
    }
}

fn known(name: &str, declared: &BTreeSet<&str>, kind: &str, path: &str) -> Checked {
    if name == "root" || declared.contains(name) {
        return Ok(());
    }
    Err(Fault {
        message: format!("`{path}` belongs to the {kind} `{name}`, which neither this image nor its parents declare"),
        hint: closest(name, declared.iter().copied()).map(|close| format!("did you mean `{close}`?")),
    })
}

fn unique<'a>(path: &'a str, paths: &mut BTreeSet<&'a str>) -> Checked {
    if paths.insert(path) {
        return Ok(());
    }
    fault(format!("`{path}` is declared twice"))
}

fn reasoned(reason: &str, thing: &str) -> Checked {
    if reason.trim().is_empty() {
        return fault(format!("{thing} has no reason"));
    }
    Ok(())
}

/// 65535 is what many tools take for "no id".
fn numeric_id(id: u32) -> Checked {
    if id < 65535 {
        return Ok(());
    }
    fault(format!("{id} is no usable user or group id: it must be below 65535"))
}

/// A package, or what an RPM package provides: `/usr/bin/perl`, `perl(strict)`, `libc.so.6()(64bit)`, `php-*`; or a whole rich
/// requirement, `(a >= 1 or b)`.
fn is_requirement(name: &str) -> bool {
    if name.starts_with('(') {
        return name.ends_with([')', '*']) && name.chars().all(|letter| letter.is_ascii_graphic() || letter == ' ');
    }
    // `@php:8.2/common`, `@core`, `@^minimal-environment`.
    let name = name
        .strip_prefix('@')
        .map_or(name, |group| group.strip_prefix('^').unwrap_or(group));
    name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/')
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "+-._/():*^~,".contains(letter))
}

/// Debian Policy 5.6.7, and RPM's names as well.
fn is_package_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "+-._".contains(letter))
}

pub(crate) fn is_image_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
}

fn fault(message: String) -> Checked {
    Err(Fault { message, hint: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(extra: &str) -> String {
        let text = format!("name = 'app'\ntitle = 'Application'\ndescription = ''\n{extra}");
        let definition: Definition = toml::from_str(&text).unwrap();
        definition
            .check("app", &[])
            .map_or_else(|fault| fault.message, |()| "good".to_owned())
    }

    #[test]
    fn faults_are_sentences_that_name_the_thing() {
        let table = [
            ("", "good"),
            ("[[directory]]\npath = '/run'\nmode = '1777'", "good"),
            (
                "[[directory]]\npath = '/run/../x'\nmode = '0755'",
                "the directory `/run/../x` is no absolute path in its shortest spelling",
            ),
            (
                "[[directory]]\npath = '/run'\nmode = '755'",
                "`755`, the mode of `/run`, is not four octal digits",
            ),
            (
                "[[directory]]\npath = '/run'\nmode = '+755'",
                "`+755`, the mode of `/run`, is not four octal digits",
            ),
            (
                "[[directory]]\npath = '/run'\nmode = '2775'",
                "the mode `2775` of `/run` sets the user or the group of what runs",
            ),
            (
                "[[directory]]\npath = '/x'\nmode = '0755'\nowner = 'bob'",
                "`/x` belongs to the account `bob`, which neither this image nor its parents declare",
            ),
            (
                "[[link]]\npath = '/x'\ntarget = 'y'\n[[link]]\npath = '/x'\ntarget = 'z'",
                "`/x` is declared twice",
            ),
            (
                "[packages.debian12]\ninstall = ['/usr/bin/perl', 'perl(strict)', 'php-*']\n[[packages.debian12.omit]]\n\
                 names = ['(a >= 1 or b)']\nreason = 'r'",
                "good",
            ),
            (
                "[packages.debian12]\ninstall = ['php8.2-fpm', 'php 8']",
                "`php 8` is no package name",
            ),
            (
                "[packages.debian12]\ninstall = ['a1', 'a1']",
                "the package `a1` is listed twice",
            ),
            (
                "[packages.debian12]\ninstall = []\n[[packages.debian12.omit]]\nnames = ['perl']\nreason = ' '",
                "the omission of `perl` has no reason",
            ),
            (
                "[[prune]]\npaths = ['/usr/share/doc/**']\nreason = 'r'",
                "the pattern `/usr/share/doc/**` starts with a slash",
            ),
            (
                "[[prune]]\npaths = ['usr/[']\nreason = 'r'",
                "`usr/[` is no pattern: unclosed character class; missing ']'",
            ),
            ("[run]\nuser = 'qclock'", "`qclock` is no user to run as"),
            (
                "[run]\nuser = '10001:70000'",
                "70000 is no usable user or group id: it must be below 65535",
            ),
            (
                "[run]\nstop_signal = 'TERM'",
                "`TERM` is no signal that a process can be sent",
            ),
            ("[run]\nports = [0]", "0 is no port"),
        ];
        for (extra, expected) in table {
            assert_eq!(check(extra), expected, "{extra}");
        }
    }

    #[test]
    fn a_misspelt_signal_comes_with_the_right_one() {
        let hint = |name: &str| signal::check(name).map_err(|fault| fault.hint.unwrap());
        for good in [
            "SIGTERM",
            "SIGQUIT",
            "SIGWINCH",
            "SIGRTMIN",
            "SIGRTMIN+3",
            "SIGRTMAX-14",
        ] {
            assert_eq!(hint(good), Ok(()));
        }
        for (wrong, expected) in [
            ("SIGTREM", "did you mean `SIGTERM`?"),
            ("term", "did you mean `SIGTERM`?"),
            ("WINCH", "did you mean `SIGWINCH`?"),
            ("SIGRTMIN+31", "the last real-time signal is `SIGRTMIN+30`"),
            ("15", "write its name, as in `SIGTERM`"),
            (
                "SIGKILL",
                "use `SIGTERM`, or what the program takes as the order to finish its work",
            ),
        ] {
            assert_eq!(hint(wrong), Err(expected.to_owned()), "{wrong}");
        }
    }
}
