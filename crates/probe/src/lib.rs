//! Clients that ask Apache, PHP-FPM, the databases and the identity provider how they are.
//!
//! Every question ends by a deadline that the caller gives, every answer is bounded in size, and what could not be found out is
//! absent from the result: it is never a zero.  Nothing here decides whether an answer is good; that is the dashboard's work.
//! The parsers take bytes and are pure; this crate prints nothing and reads neither the environment nor the wall clock.

pub mod apache;
pub mod database;
pub mod endpoint;
pub mod fastcgi;
pub mod fpm;
pub mod http;
pub mod php;
pub mod postgres;
pub mod resolve;
pub mod secret;
pub mod text;
pub mod tls;
pub mod web;
