//! Debian's formats: archives, versions, and damage to all of them.
#![expect(clippy::unwrap_used, reason = "tests")]

mod archive;
mod deb_builder;
mod hostile;
mod version;
