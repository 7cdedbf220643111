//! What asks and what judges.  Asking is in `qclock-probe`; each module here turns an answer, or its absence, into observations: pure
//! functions that can be tested without a network.

pub mod apache;
pub mod database;
pub mod failure;
pub mod fpm;
pub mod identity;
pub mod identity_db;
pub mod php;
pub mod visit;

/// The status that a service is asked for, on the application's status listener.
pub mod paths {
    /// Apache's own.
    pub const APACHE: &str = "/server-status?auto";
    /// The pool's.
    pub const FPM: &str = "/fpm-status?json";
    /// PHP without the database.
    pub const PHP: &str = "/probe?part=php";
    /// The database through PDO.
    pub const PDO_MYSQL: &str = "/probe?part=pdo_mysql";
    /// The database through MySQLi.
    pub const MYSQLI: &str = "/probe?part=mysqli";
}
