//! Signed tokens, of people and of sign-outs, checked with keys that did not sign them: read or refused, never believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_dashboard::sign_in::claims::{Compact, Expected};
use qclock_dashboard::sign_in::keys::Keys;
use qclock_dashboard::sign_in::logout_token;
use qclock_dashboard::sign_in::token::{self, NonceRule};

fuzz_target!(|texts: (&str, &str)| {
    let (token, keys) = texts;
    let expected = Expected {
        issuer: "https://provider.example",
        client_id: "qclock-dashboard",
        now: 1_795_600_000,
    };
    drop(Compact::parse(token));
    let Ok(keys) = Keys::parse(keys.as_bytes()) else { return };
    assert!(token::check(token, &keys, NonceRule::Ours("nonce"), expected).is_err());
    assert!(token::check_renewed(token, &keys, "nonce", "4f1c", expected).is_err());
    assert!(logout_token::check(token, &keys, expected).is_err());
});
