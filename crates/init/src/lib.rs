//! PID 1 of every QClock image: starts what the image declares, waits until it works, stops it in the order in which
//! requests drain, and tells everything as one JSON object per line.
//!
//! The decisions are a pure state machine ([`supervisor`]): events in, actions out, time as an argument.  [`os`] is the only
//! file that makes system calls, [`run`] the loop between the two.  There is no async runtime, nothing here waits for a child
//! without a deadline, and nothing grows without a bound.

pub mod clock;
pub mod command;
pub mod configuration;
pub mod environment;
pub mod failure;
pub mod first_start;
pub mod health;
pub mod logs;
pub mod networks;
pub mod os;
pub mod output;
pub mod own_log;
pub mod php_fpm;
pub mod prepare;
pub mod probe;
pub mod protocol;
pub mod rendered;
pub mod run;
pub mod secret;
pub mod shell;
pub mod signal;
pub mod state;
pub mod supervisor;
pub mod template;
pub mod variables;
