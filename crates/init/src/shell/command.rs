//! What initdb 15 says to a shell, word by word; anything else is nothing.

use std::path::{Path, PathBuf};

const MOST_WORDS: usize = 40;
const NOTHING: &str = "/dev/null";
/// Settings that initdb gives the server on its command line.
const SETTINGS: [&str; 6] = [
    "dynamic_shared_memory_type",
    "exit_on_error",
    "log_checkpoints",
    "max_connections",
    "search_path",
    "shared_buffers",
];

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Server(Call),
    /// `locale -a`
    Locales,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) no_input: bool,
    /// Neither standard output nor standard error.
    pub(super) no_output: NoOutput,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoOutput {
    Nothing,
    Output,
    OutputAndErrors,
}

pub(super) fn parse(text: &str, server: &Path) -> Option<Wish> {
    if text == "locale -a" {
        return Some(Wish::Locales);
    }
    let mut words = words(text)?.into_iter();
    // As text: paths that are written differently may be equal.
    if server.to_str() != Some(words.next()?.as_str()) {
        return None;
    }
    let mut call = Call {
        program: server.to_owned(),
        arguments: Vec::new(),
        no_input: false,
        no_output: NoOutput::Nothing,
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "<" if words.next()? == NOTHING => call.no_input = true,
            ">" if words.next()? == NOTHING => call.no_output = NoOutput::Output,
            "2>&1" if call.no_output == NoOutput::Output => call.no_output = NoOutput::OutputAndErrors,
            "<" | ">" | "2>&1" => return None,
            _ => call.arguments.push(word),
        }
    }
    is_initdbs(&call.arguments).then_some(Wish::Server(call))
}

/// Its version; or a trial, a bootstrap or a single-user session with the options that initdb gives.
fn is_initdbs(arguments: &[String]) -> bool {
    let mut arguments = arguments.iter().map(String::as_str);
    match arguments.next() {
        Some("-V") => return arguments.next().is_none(),
        Some("--check" | "--boot" | "--single") => {}
        _ => return false,
    }
    while let Some(argument) = arguments.next() {
        let known = match argument {
            "-F" | "-O" | "-j" | "-k" => true,
            "-X" => arguments.next().is_some_and(is_number),
            "-c" => arguments.next().is_some_and(is_setting),
            "template1" => arguments.next().is_none(),
            _ => false,
        };
        if !known {
            return false;
        }
    }
    true
}

fn is_number(text: &str) -> bool {
    (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_setting(text: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else {
        return false;
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    SETTINGS.contains(&name) && (1..=32).contains(&value.len()) && value.bytes().all(plain)
}

/// Words between blanks or in double quotes, and the signs of redirection; None: there is more to it.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(' ');
    while !rest.is_empty() {
        if words.len() == MOST_WORDS {
            return None;
        }
        let (word, after) = if let Some(after) = rest.strip_prefix("2>&1") {
            ("2>&1", after)
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (word, after) = quoted.split_once('"')?;
            // Only where nothing is glued to it.
            if !after.is_empty() && !after.starts_with(' ') {
                return None;
            }
            (word, after)
        } else if rest.starts_with(['<', '>']) {
            rest.split_at(1)
        } else {
            let end = rest.find([' ', '<', '>', '"']).unwrap_or(rest.len());
            rest.split_at(end)
        };
        let quiet = |character: char| character.is_ascii_alphanumeric() || "-_./=".contains(character);
        if !matches!(word, "2>&1" | "<" | ">") && (word.is_empty() || !word.chars().all(quiet)) {
            return None;
        }
        words.push(word.to_owned());
        rest = after.trim_start_matches(' ');
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call(text: &str) -> Option<Call> {
        match parse(text, Path::new("/usr/lib/postgresql/15/bin/postgres"))? {
            Wish::Server(call) => Some(call),
            Wish::Locales => None,
        }
    }

    #[test]
    fn what_initdb_says_is_understood() {
        let server = "\"/usr/lib/postgresql/15/bin/postgres\"";
        for (rest, arguments, no_input, no_output) in [
            ("-V", vec!["-V"], false, NoOutput::Nothing),
            (
                "--check -F -c log_checkpoints=false  -c max_connections=100 -c shared_buffers=1000 -c dynamic_shared_memory_type=posix < \"/dev/null\" > \"/dev/null\" 2>&1",
                vec![
                    "--check",
                    "-F",
                    "-c",
                    "log_checkpoints=false",
                    "-c",
                    "max_connections=100",
                    "-c",
                    "shared_buffers=1000",
                    "-c",
                    "dynamic_shared_memory_type=posix",
                ],
                true,
                NoOutput::OutputAndErrors,
            ),
            (
                "--boot -X 16777216 -k -F -c log_checkpoints=false  ",
                vec!["--boot", "-X", "16777216", "-k", "-F", "-c", "log_checkpoints=false"],
                false,
                NoOutput::Nothing,
            ),
            (
                "--single -F -O -j -c search_path=pg_catalog -c exit_on_error=true -c log_checkpoints=false  template1 >/dev/null",
                vec![
                    "--single",
                    "-F",
                    "-O",
                    "-j",
                    "-c",
                    "search_path=pg_catalog",
                    "-c",
                    "exit_on_error=true",
                    "-c",
                    "log_checkpoints=false",
                    "template1",
                ],
                false,
                NoOutput::Output,
            ),
        ] {
            let call = call(&format!("{server} {rest}")).unwrap();
            assert_eq!(
                (call.arguments, call.no_input, call.no_output),
                (arguments.into_iter().map(str::to_owned).collect(), no_input, no_output)
            );
        }
        assert_eq!(parse("locale -a", Path::new("/x")), Some(Wish::Locales));
    }

    #[test]
    fn anything_else_is_nothing() {
        let server = "\"/usr/lib/postgresql/15/bin/postgres\"";
        for rest in [
            "",
            "-V; id",
            "-V extra",
            "-C data_directory",
            "--single template1 extra",
            "--single -D /tmp template1",
            "--boot -X x",
            "--boot -c shared_preload_libraries=x",
            "--boot -c search_path=$(id)",
            "--boot -r /tmp/x",
            "--check > /tmp/x",
            "--check < /etc/passwd",
            "--check 2>&1",
            "--check | id",
            "--check && id",
            "--check `id`",
            "--check \"",
            "--check \n id",
            "--describe-config",
        ] {
            assert_eq!(call(&format!("{server} {rest}")), None, "{rest}");
        }
        for text in [
            "id",
            "/usr/bin/id -V",
            "\"//usr/lib/./postgresql/15/bin/postgres\" -V",
            "\"/usr/lib/postgresql/15/bin/postgres\"-V",
            "",
            "locale -a ",
            "locale",
        ] {
            assert_eq!(
                parse(text, Path::new("/usr/lib/postgresql/15/bin/postgres")),
                None,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_is_understood_starts_the_server_with_known_options(text in "[ -~]{0,80}") {
            for text in [text.clone(), format!("\"/s\" --single {text}")] {
                if let Some(Wish::Server(call)) = parse(&text, Path::new("/s")) {
                    prop_assert_eq!(call.program, Path::new("/s"));
                    prop_assert!(is_initdbs(&call.arguments));
                }
            }
        }
    }
}
