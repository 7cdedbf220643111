//! The scanner finds what quick-xml finds, and refuses at least what that refuses.

use proptest::prelude::*;
use quick_xml::events::Event;

use super::*;

/// One line for each token; none when the text is refused.
fn ours(text: &str) -> Option<Vec<String>> {
    let mut scanner = Scanner::new(text);
    let mut lines = Vec::new();
    while let Some(token) = scanner.next().ok()? {
        match token {
            Token::Open(tag) => {
                lines.push(format!("open {} {}", tag.name, tag.attributes.trim_ascii()));
                if tag.is_empty {
                    lines.push(format!("close {}", tag.name));
                }
            }
            Token::Close(name) => lines.push(format!("close {name}")),
            Token::Text(text) => add_text(&mut lines, &text_value(text).ok()?),
            Token::CData(text) => add_text(&mut lines, text),
        }
    }
    Some(lines)
}

fn theirs(text: &str) -> Option<Vec<String>> {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut lines = Vec::new();
    let mut depth = 0;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                depth += 1;
                lines.push(format!(
                    "open {} {}",
                    start.name().0,
                    start.attributes_raw().trim_ascii()
                ));
            }
            Event::Empty(start) => {
                lines.push(format!(
                    "open {} {}",
                    start.name().0,
                    start.attributes_raw().trim_ascii()
                ));
                lines.push(format!("close {}", start.name().0));
            }
            Event::End(end) => {
                depth -= 1;
                lines.push(format!("close {}", end.name().0));
            }
            Event::Text(text) => add_text(&mut lines, &text),
            Event::CData(text) => add_text(&mut lines, &text),
            Event::GeneralRef(name) => add_text(&mut lines, &crate::rpm::xml::resolve(&name).ok()?),
            Event::DocType(_) => return None,
            Event::Eof if depth == 0 => return Some(lines),
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// Texts that follow each other are one.
fn add_text(lines: &mut Vec<String>, text: &str) {
    match lines.last_mut() {
        Some(line) if line.starts_with("text ") => line.push_str(text),
        _ if text.is_empty() => {}
        _ => lines.push(format!("text {text}")),
    }
}

const PARTS: [&str; 24] = [
    "<a>",
    "</a>",
    "<b:c ",
    "d=\"1\"",
    " e='>'",
    "/>",
    ">",
    "</b:c>",
    "<!-- x -->",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?pi x?>",
    "&amp;",
    "&#65;",
    "&bomb;",
    "text",
    "<",
    "\"",
    "'",
    " ",
    "\n",
    "<!DOCTYPE x>",
];

proptest! {
    #[test]
    fn finds_what_another_reader_finds(parts in proptest::collection::vec(0..PARTS.len(), 0..12)) {
        let text: String = parts.iter().map(|&part| PARTS[part]).collect();
        if let Some(ours) = ours(&text) {
            prop_assert_eq!(Some(ours), theirs(&text), "{}", text);
        }
    }
}

#[test]
fn well_formed_texts_are_taken() {
    for text in [
        "<a/>",
        "<a b=\"1\" c = '>\"'>x&amp;<![CDATA[<y>]]><!-- z --><?p?></a >",
        "<rpm:entry name=\"(a &gt;= 1 or b)\"/>\n",
        "",
    ] {
        assert_eq!(ours(text), theirs(text), "{text}");
        assert!(ours(text).is_some(), "{text}");
    }
}

#[test]
fn malformed_texts_are_refused() {
    for text in [
        "<a>",
        "</a>",
        "<a></b>",
        "<a",
        "<a b=\"1>",
        "<",
        "<1/>",
        "<!-- a -- b -->",
        "<!ENTITY x>",
        "<!DOCTYPE x>",
        "<?x",
        "<![CDATA[x",
        "<a>&x;</a>",
        "<a>&</a>",
        "< a/>",
        "<a\"b\"/>",
    ] {
        assert_eq!(ours(text), None, "{text}");
    }
    assert!(ours(&format!("{}{}", "<a>".repeat(9), "</a>".repeat(9))).is_none());
}
