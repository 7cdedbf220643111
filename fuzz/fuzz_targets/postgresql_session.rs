//! What a server of PostgreSQL's protocol may answer to the health check.
#![no_main]

use std::io::{Read, Result, Write};

use libfuzzer_sys::fuzz_target;
use qclock_init::probe::postgresql::ask;

struct Server<'a>(&'a [u8]);

impl Read for Server<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        self.0.read(into)
    }
}

impl Write for Server<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = ask(&mut Server(bytes), "qclock", "postgres") {
        assert!(!error.to_string().contains(char::is_control));
    }
});
