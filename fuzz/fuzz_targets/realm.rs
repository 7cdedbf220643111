//! A realm's file, its names filled in with a text that could be anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_init::prepare::render_realm;

fuzz_target!(|texts: (&str, &str)| {
    let (text, secret) = texts;
    if let Ok(rendered) = render_realm(text, |_| Some(secret)) {
        assert!(!rendered.name.contains(['/', '.', '\0']));
        assert!(rendered.text.starts_with('{') && !rendered.text.contains('\n'));
    }
});
