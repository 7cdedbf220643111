//! See [`check`].
#![no_main]

#[path = "../checks/project.rs"]
mod check;

use check::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| check(bytes));
