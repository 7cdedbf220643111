//! Stanzas, packages of an index, relations and versions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_packages::deb::{Package, Stanza, Version, parse_relations, read_index};

fuzz_target!(|bytes: &[u8]| {
    let _ = read_index(bytes);
    let Ok(text) = str::from_utf8(bytes) else { return };
    let _ = Package::from_control(text);
    if let Ok(stanza) = Stanza::parse(text) {
        assert!(!stanza.fields().is_empty());
    }
    if let Ok(groups) = parse_relations(text) {
        for relation in groups.iter().flatten() {
            // What is shown is read back as the same.
            let again = parse_relations(&relation.to_string()).expect("shown relations are relations");
            assert_eq!(&again[0][0], relation);
        }
    }
    if let Some((left, right)) = text.split_once('\n')
        && let (Ok(left), Ok(right)) = (left.parse::<Version>(), right.parse::<Version>())
    {
        assert_eq!(left.cmp(&right), right.cmp(&left).reverse());
    }
});
