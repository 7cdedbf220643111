//! The two journals as JSON: written by hand, since serde's code for so few keys is much.

use std::collections::BTreeMap;
use std::path::Path;

use fs_err as fs;
use serde_json::Value;

use crate::logs::write_string;

/// For people to read: each field on a line of its own.
pub(super) fn object<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let fields = fields.into_iter().map(|(key, value)| format!("{}: {value}", text(key)));
    enclosed(["{", "}"], &fields.collect::<Vec<_>>())
}

pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    enclosed(["[", "]"], &items.into_iter().collect::<Vec<_>>())
}

fn enclosed([open, close]: [&str; 2], items: &[String]) -> String {
    if items.is_empty() {
        return format!("{open}{close}");
    }
    // No text holds the end of a line: it is escaped.
    let lines = items.join(",\n").replace('\n', "\n  ");
    format!("{open}\n  {lines}\n{close}")
}

pub(super) fn text(text: &str) -> String {
    let mut quoted = Vec::new();
    write_string(&mut quoted, text.as_bytes());
    String::from_utf8_lossy(&quoted).into_owned()
}

pub(super) fn texts(texts: &BTreeMap<String, String>) -> String {
    object(texts.iter().map(|(key, value)| (key.as_str(), text(value))))
}

/// None when there is none, or it is not of this schema.
pub(super) fn read(path: &Path, schema: &str, largest: u64) -> Option<Value> {
    if fs::metadata(path).ok()?.len() > largest {
        return None;
    }
    let document: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (document.get("schema")?.as_str()? == schema).then_some(document)
}

pub(super) fn get(document: &Value, key: &str) -> Option<String> {
    document.get(key)?.as_str().map(str::to_owned)
}

pub(super) fn get_texts(document: &Value, key: &str) -> Option<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for (key, value) in document.get(key)?.as_object()? {
        texts.insert(key.clone(), value.as_str()?.to_owned());
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let secrets = BTreeMap::from([
            ("a\"b\n".to_owned(), "\u{0}é\\".to_owned()),
            ("c".to_owned(), String::new()),
        ]);
        let scripts = list([object([("name", text("1\n.sql")), ("statements", 7.to_string())])]);
        let written = object([
            ("schema", text("x/1")),
            ("scripts", scripts),
            ("none", list([])),
            ("secrets", texts(&secrets)),
        ]);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        fs::write(&path, &written).unwrap();
        let document = read(&path, "x/1", 1000).unwrap();
        assert_eq!(get_texts(&document, "secrets").unwrap(), secrets);
        assert_eq!(
            document["scripts"],
            serde_json::json!([{ "name": "1\n.sql", "statements": 7 }])
        );
        assert_eq!(format!("{document:#}").lines().count(), written.lines().count());
        assert!(read(&path, "x/2", 1000).is_none());
        assert!(read(&path, "x/1", 10).is_none());
        assert!(get(&document, "scripts").is_none());
    }
}
