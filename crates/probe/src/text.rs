//! Text that came from a watched service, made fit to be shown: bounded and without control characters.

/// The longest text that is taken over from an answer, in characters.
pub const LONGEST: usize = 240;

/// At most [`LONGEST`] characters of `text`, its control characters (and what could turn the reading direction) replaced by spaces.
pub fn shown(text: &str) -> String {
    let mut clean: String = text
        .trim()
        .chars()
        .take(LONGEST)
        .map(|character| if is_hidden(character) { ' ' } else { character })
        .collect();
    if text.trim().chars().nth(LONGEST).is_some() {
        clean.push('…');
    }
    clean
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_spaces_and_long_text_is_cut() {
        assert_eq!(shown(" a\tb\u{1b}[0m\u{202e}c "), "a b [0m c");
        let long = "é".repeat(LONGEST + 1);
        assert_eq!(shown(&long).chars().count(), LONGEST + 1);
        assert!(shown(&long).ends_with('…'));
        assert_eq!(shown(&"x".repeat(LONGEST)), "x".repeat(LONGEST));
    }
}
