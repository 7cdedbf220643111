//! One visit to a MariaDB or MySQL server: a new connection, two questions, goodbye.
//!
//! A new connection each time is what an application needs to get, so that is what is tried.  There is no pool: whatever is under way when
//! the deadline passes is dropped with its socket.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use serde::Serialize;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

use crate::resolve::{ResolveError, Resolver};
use crate::secret::Secret;
use crate::text;

/// The longest packet that is accepted from the server, in bytes.
const LONGEST_PACKET: usize = 1 << 20;
const IDENTITY: &str = "SELECT VERSION(), @@version_comment, @@max_connections, @@global.read_only";
const FIGURES: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN \
    ('Uptime','Threads_connected','Threads_running','Questions','Slow_queries','Max_used_connections','Aborted_connects')";

/// Where the server is and as whom it is visited.
#[derive(Clone, Debug)]
pub struct DatabaseTarget {
    /// A name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The account.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// What the server says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DatabaseAnswer {
    /// `MariaDB` or `MySQL`.
    pub product: Product,
    /// The version as the server writes it, such as `10.11.6-MariaDB-0+deb12u1`.
    pub version: String,
    /// Who built it, in the builder's words.
    pub version_comment: Option<String>,
    /// Seconds since the start.
    pub uptime_seconds: Option<u64>,
    /// Connections open now, this one included.
    pub threads_connected: Option<u64>,
    /// Connections that do something now.
    pub threads_running: Option<u64>,
    /// The most connections that were open at once.
    pub max_used_connections: Option<u64>,
    /// The most connections that are allowed.
    pub max_connections: Option<u64>,
    /// Statements since the start.
    pub questions: Option<u64>,
    /// Statements slower than `long_query_time`.
    pub slow_queries: Option<u64>,
    /// Connections that failed since the start.
    pub aborted_connects: Option<u64>,
    /// Whether the server refuses to write.
    pub read_only: Option<bool>,
    /// From the visit's beginning to the last answer.
    #[serde(skip)]
    pub latency: Duration,
}

/// Which server it is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub enum Product {
    MariaDB,
    #[default]
    MySQL,
}

impl fmt::Display for Product {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::MariaDB => "MariaDB",
            Self::MySQL => "MySQL",
        })
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum DatabaseError {
    /// The host's name has no address.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// No connection, or it broke off.
    #[error("cannot talk to the database at `{address}`")]
    Connection {
        /// Where.
        address: String,
        /// What happened.
        #[source]
        source: Box<mysql_async::Error>,
    },
    /// The server lives, and refuses the account.
    #[error("the database refuses the monitoring account (error {code})")]
    Refused {
        /// The server's error number.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// The server lives, and has no connection left.
    #[error("the database has no connection left (error {code})")]
    Full {
        /// The server's error number.
        code: u16,
    },
    /// The server lives, and answers a question with an error.
    #[error("the database answers with error {code}: {message}")]
    Server {
        /// The server's error number.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// The server answered something that is not understood.
    #[error("the database's answer is not understood")]
    Answer,
    /// The deadline passed.
    #[error("no answer from the database at `{address}` within {} ms", deadline.as_millis())]
    Deadline {
        /// Who did not answer.
        address: String,
        /// The time that had been given.
        deadline: Duration,
    },
}

/// Visits the server; the deadline is for all of it.
pub async fn ask(
    resolver: &Resolver,
    target: &DatabaseTarget,
    deadline: Duration,
) -> Result<DatabaseAnswer, DatabaseError> {
    let begun = Instant::now();
    let end = begun + deadline;
    let addresses = resolver.addresses(&target.host, target.port, end).await?;
    let late = || DatabaseError::Deadline {
        address: format!("{}:{}", target.host, target.port),
        deadline,
    };
    let mut outcome = Err(DatabaseError::Answer);
    for address in addresses {
        outcome = timeout_at(end, visit(target, address)).await.map_err(|_| late())?;
        if !matches!(outcome, Err(DatabaseError::Connection { .. })) {
            break;
        }
    }
    let mut answer = outcome?;
    answer.latency = begun.elapsed();
    Ok(answer)
}

async fn visit(target: &DatabaseTarget, address: SocketAddr) -> Result<DatabaseAnswer, DatabaseError> {
    let failed = |error| classify(error, address);
    // Setting the last three here saves the driver's own questions about them.
    let options = OptsBuilder::default()
        .ip_or_hostname(address.ip().to_string())
        .tcp_port(address.port())
        .user(Some(&target.user))
        .pass(Some(target.password.reveal()))
        .stmt_cache_size(0)
        .prefer_socket(false)
        .max_allowed_packet(Some(LONGEST_PACKET))
        .wait_timeout(Some(10));
    let mut connection = Conn::new(options).await.map_err(failed)?;
    let identity: Option<Identity> = connection.query_first(IDENTITY).await.map_err(failed)?;
    let figures: Vec<(String, String)> = connection.query(FIGURES).await.map_err(failed)?;
    // The answers are here; whether the goodbye arrives changes nothing.
    let _ = connection.disconnect().await;
    Ok(understand(identity.ok_or(DatabaseError::Answer)?, &figures))
}

/// Version, comment, most connections, read-only; each as text or number, as the server likes.
type Identity = (String, Option<String>, Option<u64>, Option<u64>);

fn understand(
    (version, comment, max_connections, read_only): Identity,
    figures: &[(String, String)],
) -> DatabaseAnswer {
    let figure = |name: &str| {
        figures
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.parse().ok())
    };
    let says_mariadb = |text: &str| text.to_ascii_lowercase().contains("mariadb");
    let mariadb = says_mariadb(&version) || comment.as_deref().is_some_and(says_mariadb);
    DatabaseAnswer {
        product: if mariadb { Product::MariaDB } else { Product::MySQL },
        version: text::shown(&version),
        version_comment: comment.map(|comment| text::shown(&comment)),
        uptime_seconds: figure("Uptime"),
        threads_connected: figure("Threads_connected"),
        threads_running: figure("Threads_running"),
        max_used_connections: figure("Max_used_connections"),
        max_connections,
        questions: figure("Questions"),
        slow_queries: figure("Slow_queries"),
        aborted_connects: figure("Aborted_connects"),
        read_only: read_only.map(|flag| flag != 0),
        latency: Duration::ZERO,
    }
}

fn classify(error: mysql_async::Error, address: SocketAddr) -> DatabaseError {
    match error {
        mysql_async::Error::Server(error) => {
            let message = text::shown(&error.message);
            match error.code {
                // ER_CON_COUNT_ERROR; ER_TOO_MANY_USER_CONNECTIONS and ER_USER_LIMIT_REACHED concern our own account only.
                1040 => DatabaseError::Full { code: error.code },
                // Wrong password, no right to log in, host not allowed, host blocked, account locked, password expired.
                1044 | 1045 | 1130 | 1129 | 1203 | 1226 | 1698 | 1820 | 1862 | 3118 | 4151 => DatabaseError::Refused {
                    code: error.code,
                    message,
                },
                code => DatabaseError::Server { code, message },
            }
        }
        source => DatabaseError::Connection {
            address: address.to_string(),
            source: Box::new(source),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(version: &str, comment: Option<&str>) -> DatabaseAnswer {
        let figures = [
            ("Uptime".to_owned(), "12".to_owned()),
            ("Threads_connected".to_owned(), "x".to_owned()),
        ];
        understand(
            (version.to_owned(), comment.map(str::to_owned), Some(151), Some(0)),
            &figures,
        )
    }

    #[test]
    fn the_product_is_told_from_version_or_comment() {
        assert_eq!(understood("10.11.6-MariaDB-0+deb12u1", None).product, Product::MariaDB);
        assert_eq!(
            understood("11.4.2", Some("mariadb.org binary distribution")).product,
            Product::MariaDB
        );
        assert_eq!(
            understood("8.0.46", Some("MySQL Community Server - GPL")).product,
            Product::MySQL
        );
    }

    #[test]
    fn figures_that_cannot_be_read_are_absent() {
        let answer = understood("8.0.46", None);
        assert_eq!(
            (answer.uptime_seconds, answer.threads_connected, answer.questions),
            (Some(12), None, None)
        );
        assert_eq!(answer.read_only, Some(false));
    }
}
