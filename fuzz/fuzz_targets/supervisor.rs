//! The supervisor's configuration, and the addresses and networks that it is told.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use qclock_init::configuration::parse;
use qclock_init::networks::gateways;

fuzz_target!(|text: &str| {
    match parse(text, Path::new("init.toml")) {
        Ok(_) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let (left, right) = text.split_once("=====\n").unwrap_or((text, ""));
    assert!(gateways(left, right).len() <= text.len());
});
