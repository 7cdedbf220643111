//! The `qclock` command as a user runs it, against an archive made for the test.

mod build;
mod help;
mod hostile;
mod ledger;
mod lock;
mod proxy;
mod rpm_build;
mod rpm_lock;
mod rpm_support;
mod secrets;
mod support;
