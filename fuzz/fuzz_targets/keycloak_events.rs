//! Keycloak's events: no more than were asked for, and nothing that could leave its line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_dashboard::sign_in::keycloak::{Kind, parse};

fuzz_target!(|bytes: &[u8]| {
    for kind in [Kind::Users, Kind::Changes] {
        if let Some(events) = parse(bytes, kind, 51) {
            assert!(events.len() <= 51);
            for event in events {
                for text in [&event.action, &event.who, &event.from, &event.about] {
                    assert!(!text.chars().any(char::is_control));
                }
            }
        }
    }
});
