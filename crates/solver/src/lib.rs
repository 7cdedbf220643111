//! Requirements in, an exact package set or an explanation out.
//!
//! Pure and deterministic: the same request and the same packages give the same answer, in the same order.
//! A requirement that cannot be expressed is a typed error that names it, never one that is passed over.

pub mod deb;
mod engine;
pub mod rpm;
