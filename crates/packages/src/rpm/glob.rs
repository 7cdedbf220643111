//! Patterns of names and paths, as a shell has them.

/// Whether it is more than a plain word.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// `fnmatch(3)` with `*`, `?` and `[…]`; anything else stands for itself.
pub fn glob_matches(pattern: &str, text: &str) -> bool {
    // Where the pattern and the text stand; and where they stood after the last star, which takes one more character at every setback.
    // An earlier star never needs another try.
    let (mut pattern_rest, mut text_rest) = (pattern, text);
    let mut star: Option<(&str, &str)> = None;
    while let Some(c) = text_rest.chars().next() {
        if let Some(after) = one(pattern_rest, c) {
            pattern_rest = after;
            text_rest = &text_rest[c.len_utf8()..];
        } else if let Some(after) = pattern_rest.strip_prefix('*') {
            star = Some((after, text_rest));
            pattern_rest = after;
        } else {
            let Some((after, tried)) = star else {
                return false;
            };
            let mut rest = tried.chars();
            rest.next();
            star = Some((after, rest.as_str()));
            (pattern_rest, text_rest) = (after, rest.as_str());
        }
    }
    pattern_rest.bytes().all(|byte| byte == b'*')
}

/// What follows the part of the pattern that takes this character; none when it does not.
fn one(pattern: &str, c: char) -> Option<&str> {
    let first = pattern.chars().next()?;
    let rest = &pattern[first.len_utf8()..];
    match first {
        '*' => None,
        '?' => Some(rest),
        '[' => match set(rest) {
            Some((set, after)) => contains(set, c).then_some(after),
            None => (c == '[').then_some(rest),
        },
        other => (other == c).then_some(rest),
    }
}

/// What stands between the brackets, and what follows; a `]` that comes first is one of the characters.
fn set(rest: &str) -> Option<(&str, &str)> {
    let negation = usize::from(rest.starts_with(['!', '^']));
    let (first, _) = rest[negation..].char_indices().nth(1)?;
    let end = negation + first + rest[negation + first..].find(']')?;
    Some((&rest[..end], &rest[end + 1..]))
}

fn contains(set: &str, c: char) -> bool {
    let (negated, set) = match set.strip_prefix(['!', '^']) {
        Some(set) => (true, set),
        None => (false, set),
    };
    let mut inside = false;
    let mut characters = set.chars();
    while let Some(low) = characters.next() {
        let mut ahead = characters.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(high)) => {
                inside |= (low..=high).contains(&c);
                characters = ahead;
            }
            _ => inside |= low == c,
        }
    }
    inside != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_shell_does() {
        for (pattern, text, expected) in [
            ("php-*", "php-fpm", true),
            ("php-*", "php", false),
            ("*-fpm", "php-fpm", true),
            ("p?p", "php", true),
            ("p[a-h]p", "php", true),
            ("p[!a-h]p", "php", false),
            ("*a*b*c", "xaxbxbxc", true),
            ("*a*b*c", "xaxbxbx", false),
            ("php", "php", true),
            ("**", "", true),
            ("p[]x]p", "p]p", true),
            ("p[!]x]p", "p]p", false),
            ("é?é*", "éèéa", true),
            ("", "", true),
            ("", "a", false),
            ("a[", "a[", true),
            ("/usr/bin/[", "/usr/bin/[", true),
            ("*/[", "/usr/bin/[", true),
            ("*/[", "/usr/bin/x", false),
        ] {
            assert_eq!(glob_matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
