//! Fixtures, fake services and the stack harness.  For tests only: nothing here reaches an image.

pub mod client;
pub mod stack;
pub mod wait;
