//! `log.level` in the words of syslog, whatever word a program has for it.

/// Of the words that loggers use, in any case of letters.
pub(super) fn level(word: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 22] = [
        ("emerg", "emergency"),
        ("emergency", "emergency"),
        ("panic", "critical"),
        ("alert", "alert"),
        ("crit", "critical"),
        ("critical", "critical"),
        ("fatal", "critical"),
        ("err", "error"),
        ("error", "error"),
        ("severe", "error"),
        ("warn", "warning"),
        ("warning", "warning"),
        ("notice", "notice"),
        ("info", "info"),
        ("information", "info"),
        ("informational", "info"),
        ("debug", "debug"),
        ("fine", "debug"),
        ("finer", "debug"),
        ("finest", "debug"),
        ("verbose", "debug"),
        ("trace", "debug"),
    ];
    // Apache numbers its traces.
    let word = word.trim_end_matches(|last: char| last.is_ascii_digit());
    let known = WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
    known.map(|(_, level)| *level)
}

/// Of a line that begins as tools begin theirs: `error: …`, `warning: …`, perhaps after the tool's name.
pub(super) fn told_by(line: &[u8]) -> Option<&'static str> {
    let (first, rest) = before_colon(line)?;
    level(first).or_else(|| level(before_colon(rest)?.0))
}

/// One word, a colon, then a space or nothing more.
fn before_colon(line: &[u8]) -> Option<(&str, &[u8])> {
    const LONGEST: usize = 32;
    let end = line.iter().take(LONGEST).position(|byte| *byte == b':')?;
    let word = std::str::from_utf8(&line[..end]).ok()?;
    let rest = &line[end + 1..];
    let whole = rest.is_empty() || rest.starts_with(b" ");
    (whole && !word.contains(char::is_whitespace)).then_some((word, rest.trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_all_loggers_are_one_language() {
        for (word, expected) in [
            ("WARN", Some("warning")),
            ("Warning", Some("warning")),
            ("err", Some("error")),
            ("FATAL", Some("critical")),
            ("notice", Some("notice")),
            ("trace8", Some("debug")),
            ("FINEST", Some("debug")),
            ("", None),
            ("300", None),
        ] {
            assert_eq!(level(word), expected, "{word}");
        }
    }

    #[test]
    fn a_line_that_begins_with_the_word_tells_it() {
        for (line, expected) in [
            ("error: cannot listen on `0.0.0.0:80`", Some("error")),
            ("Warning: something", Some("warning")),
            ("initdb: error: x", Some("error")),
            ("/usr/sbin/tool: fatal: y", Some("critical")),
            ("error:", Some("error")),
            ("errors: 0", None),
            ("error::Kind was expected", None),
            ("no error: all is well", None),
            ("three words: error: z", None),
            ("the state: error", None),
            ("2026-11-25 10:00:00 error", None),
            ("", None),
        ] {
            assert_eq!(told_by(line.as_bytes()), expected, "{line}");
        }
    }
}
