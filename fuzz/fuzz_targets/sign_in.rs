//! What browsers and identity providers send to the dashboard: nothing unsigned is believed, nobody is sent away from it.  The first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_dashboard::accept::ranges;
use qclock_dashboard::language::Language;
use qclock_dashboard::sign_in::callback::Callback;
use qclock_dashboard::sign_in::claims::Compact;
use qclock_dashboard::sign_in::keycloak::{self, Kind};
use qclock_dashboard::sign_in::keys::Keys;
use qclock_dashboard::sign_in::local_path::LocalPath;
use qclock_dashboard::sign_in::metadata::Metadata;
use qclock_dashboard::sign_in::version;

const ISSUER: &str = "http://localhost:8081/auth/realms/qclock";

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    match choice.wrapping_sub(b'0') % 6 {
        0 => {
            if let Ok(keys) = Keys::parse(bytes) {
                assert!(keys.candidates(None).count() <= 64);
            }
        }
        1 => {
            let _ = Metadata::parse(bytes, ISSUER);
        }
        2 => {
            for kind in [Kind::Users, Kind::Changes] {
                let events = keycloak::parse(bytes, kind, 50).unwrap_or_default();
                assert!(events.len() <= 50);
                for event in events {
                    assert!(!format!("{}{}{}{}", event.action, event.who, event.from, event.about).contains(char::is_control));
                }
            }
            assert!(!version::parse(bytes).unwrap_or_default().contains(char::is_control));
        }
        3 => {
            let _ = Compact::parse(&text);
        }
        4 => {
            if let Ok(callback) = Callback::parse(&text) {
                let _ = callback.check_issuer(ISSUER, true);
            }
            let path = LocalPath::parse(&text);
            assert!(path.as_str().starts_with('/') && !path.as_str().starts_with("//"));
        }
        _ => {
            let _ = Language::from_accept_language(&text);
            assert!(ranges(&text).all(|range| (0.0..=1.0).contains(&range.quality)));
        }
    }
});
