//! A provider's document: what is taken names the issuer that was asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qclock_dashboard::sign_in::metadata::Metadata;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(metadata) = Metadata::parse(bytes, "https://provider.example") {
        assert!(matches!(metadata.token.scheme(), "http" | "https"));
        assert!(matches!(metadata.keys.scheme(), "http" | "https"));
    }
});
