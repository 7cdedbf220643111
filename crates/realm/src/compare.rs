//! How a running realm differs from its file.  What the file does not mention is not compared: Keycloak has defaults for hundreds of
//! settings, and clients and roles of its own.

use serde_json::Value;

use crate::document::is_secret;

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// From the realm inwards: `clients`, `qclock-dashboard`, `redirectUris`.
    pub path: Vec<String>,
    /// What the file says.
    pub desired: Value,
    /// What the realm has; None: nothing.
    pub actual: Option<Value>,
}

/// People and their passwords are the realm's own; the file's are there for the first start.  Service accounts are not people.
const NOT_COMPARED: [&str; 3] = ["id", "realm", "users"];

/// What names an object in a list, the most specific first.
const IDENTITIES: [&str; 5] = ["clientId", "alias", "username", "name", "id"];

/// Every difference, in the order of the file's keys.
pub fn compare(desired: &Value, actual: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    for (key, wanted) in desired.as_object().into_iter().flatten() {
        if !NOT_COMPARED.contains(&key.as_str()) {
            step(&mut vec![key.clone()], wanted, actual.get(key), &mut changes);
        }
    }
    changes
}

fn step(path: &mut Vec<String>, desired: &Value, actual: Option<&Value>, changes: &mut Vec<Change>) {
    if is_secret(desired) {
        return;
    }
    match (desired, actual) {
        (Value::Object(wanted), Some(Value::Object(have))) => {
            for (key, value) in wanted {
                path.push(key.clone());
                step(path, value, have.get(key), changes);
                path.pop();
            }
        }
        (Value::Array(wanted), Some(Value::Array(have))) if go_by_names(wanted, have) => {
            for item in wanted {
                let name = identity(item).unwrap_or_default();
                path.push(name.to_owned());
                let found = have.iter().find(|candidate| identity(candidate) == Some(name));
                step(path, item, found, changes);
                path.pop();
            }
        }
        (Value::Array(wanted), Some(Value::Array(have))) if same_set(wanted, have) => {}
        (wanted, Some(have)) if same(wanted, have) => {}
        // Nothing, and an empty list or text, are the same to Keycloak.
        (wanted, None) if is_empty(wanted) => {}
        (wanted, have) => changes.push(Change {
            path: path.clone(),
            desired: wanted.clone(),
            actual: have.cloned(),
        }),
    }
}

/// Lists of objects; what the realm has besides is not mentioned.
fn go_by_names(wanted: &[Value], have: &[Value]) -> bool {
    let named = |list: &[Value]| list.iter().all(|item| identity(item).is_some());
    !(wanted.is_empty() && have.is_empty()) && named(wanted) && (!wanted.is_empty() || named(have))
}

pub(crate) fn identity(item: &Value) -> Option<&str> {
    IDENTITIES.iter().find_map(|key| item.get(key)?.as_str())
}

/// Keycloak keeps numbers and truth values in attributes as texts.
fn same(one: &Value, other: &Value) -> bool {
    let as_text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    one == other || as_text(one).is_some_and(|text| as_text(other) == Some(text))
}

/// Lists of plain values have no order there.
fn same_set(one: &[Value], other: &[Value]) -> bool {
    let sorted = |list: &[Value]| {
        let mut texts: Vec<String> = list.iter().map(ToString::to_string).collect();
        texts.sort_unstable();
        texts.dedup();
        texts
    };
    sorted(one) == sorted(other)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// `wanted` laid over `have`: what a request must send so that nothing unmentioned is lost.
pub(crate) fn overlay(wanted: &Value, have: Option<&Value>) -> Value {
    match (wanted, have) {
        (Value::Object(wanted), Some(Value::Object(have))) => {
            let mut merged = have.clone();
            for (key, value) in wanted {
                let below = overlay(value, have.get(key));
                merged.insert(key.clone(), below);
            }
            Value::Object(merged)
        }
        _ => wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(desired: &Value, actual: &Value) -> Vec<String> {
        let changes = compare(desired, actual);
        changes.iter().map(|change| change.path.join(".")).collect()
    }

    #[test]
    fn what_the_file_does_not_mention_is_left_alone() {
        let actual = json!({"realm": "r", "enabled": true, "loginTheme": "x", "clients": [{"clientId": "account"}]});
        assert!(paths(&json!({"realm": "q", "enabled": true, "clients": []}), &actual).is_empty());
    }

    #[test]
    fn lists_are_sets_and_objects_go_by_their_names() {
        let desired = json!({
            "enabledEventTypes": ["LOGIN", "LOGOUT"],
            "clients": [{"clientId": "b", "redirectUris": ["http://x/"]}, {"clientId": "new"}],
            "roles": {"realm": [{"name": "viewer", "description": "reads"}]},
        });
        let actual = json!({
            "enabledEventTypes": ["LOGOUT", "LOGIN"],
            "clients": [{"clientId": "a"}, {"clientId": "b", "redirectUris": ["http://x/", "http://*"]}],
            "roles": {"realm": [{"name": "viewer", "description": "writes"}]},
        });
        assert_eq!(
            paths(&desired, &actual),
            [
                "clients.b.redirectUris",
                "clients.new",
                "roles.realm.viewer.description"
            ]
        );
    }

    #[test]
    fn secrets_are_not_compared_and_texts_stand_for_numbers() {
        let desired = json!({"attributes": {"a": true, "b": 7}, "clients": [{"clientId": "c", "secret": "${S}"}]});
        let actual =
            json!({"attributes": {"a": "true", "b": "7"}, "clients": [{"clientId": "c", "secret": "**********"}]});
        assert!(paths(&desired, &actual).is_empty());
    }

    #[test]
    fn an_overlay_keeps_what_is_not_mentioned() {
        let merged = overlay(
            &json!({"a": {"x": 1}, "l": [1]}),
            Some(&json!({"a": {"y": 2}, "l": [2], "z": 3})),
        );
        assert_eq!(merged, json!({"a": {"x": 1, "y": 2}, "l": [1], "z": 3}));
    }
}
