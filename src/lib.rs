//! The supervision dashboard: what runs, what does not, and since when.
//!
//! In reading order: the vocabulary, the pure model of a check, what asks and what judges, and what is served.  The dashboard starts and
//! serves when everything that it watches is down; a check ends by its deadline and takes nothing with it when it fails.

pub mod accept;
pub mod language;
pub mod state;
pub mod support;

pub mod check;
pub mod machine;
pub mod observation;

pub mod board;
pub mod clock;
pub mod configuration;
pub mod record;
pub mod trust;

pub mod sign_in;

pub mod checks;
pub mod scheduler;

pub mod frames;
pub mod log;
pub mod view;
pub mod web;

pub mod run;
