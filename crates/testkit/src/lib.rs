//! Fixtures, fake services and the stack harness.  For tests only: nothing here reaches an image.

pub mod browser;
pub mod client;
pub mod damage;
pub mod deb;
pub mod http;
pub mod laboratory;
pub mod mirror;
pub mod rpm;
pub mod rpm_mirror;
pub mod stack;
pub mod wait;
