//! A realm of Keycloak as code: what its file says ([`document`]), how a running realm differs from it ([`compare`]), and the
//! requests that make it the same ([`apply`]), over Keycloak's administration interface ([`admin`]).
//!
//! Keycloak imports a realm's file once, when the realm does not exist; later edits have no effect.  This is how they get one.

pub mod admin;
pub mod apply;
pub mod compare;
pub mod document;

pub use admin::{Admin, AdminError, Credentials};
pub use apply::{Applied, ApplyError, apply};
pub use compare::{Change, compare};
pub use document::{Desired, DocumentError};
