//! The `qclock` command as a user runs it, against an archive made for the test.

mod build;
mod cache;
mod dockerfile;
mod ends;
mod help;
mod hostile;
mod ledger;
mod lock;
mod proxy;
mod reach;
mod resolve;
mod rpm_build;
mod rpm_compare;
mod rpm_lock;
mod rpm_real;
mod rpm_support;
mod scripts;
mod secrets;
mod support;
mod upstream;
