//! What a provider's answer says in the browser's address: never a panic, and what is taken is bounded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_dashboard::sign_in::callback::Callback;

fuzz_target!(|query: &str| {
    if let Ok(answer) = Callback::parse(query) {
        assert_eq!(answer.state.reveal().len(), 43);
        if let Ok(code) = &answer.outcome {
            assert!(!code.is_empty() && code.len() <= 4096);
        }
        let _ = answer.check_issuer("https://provider.example", true);
    }
});
