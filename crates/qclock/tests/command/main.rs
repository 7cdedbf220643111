//! The `qclock` command as a user runs it, against an archive made for the test.

mod build;
mod help;
mod hostile;
mod ledger;
mod lock;
mod proxy;
mod secrets;
mod support;
