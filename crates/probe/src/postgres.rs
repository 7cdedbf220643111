//! One visit to a PostgreSQL server: a new connection, one question, goodbye.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls, SimpleQueryMessage, SimpleQueryRow};

use crate::database::DatabaseTarget;
use crate::resolve::{ResolveError, Resolver};
use crate::text;

/// All that is asked, in one go.  Ages are whole seconds; the visit itself is not counted among the transactions.
const QUESTION: &str = "SELECT current_setting('server_version'), current_setting('max_connections'), \
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), \
    (SELECT floor(extract(epoch FROM clock_timestamp() - min(xact_start)))::bigint FROM pg_stat_activity \
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()), \
    floor(extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()))::bigint, \
    pg_is_in_recovery()";

/// What the server says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PostgresAnswer {
    /// The version as the server writes it, such as `15.14 (Debian 15.14-0+deb12u1)`.
    pub version: String,
    /// Seconds since the start.
    pub uptime_seconds: Option<u64>,
    /// Connections of clients open now, this one included.
    pub connections: Option<u64>,
    /// The most connections that are allowed.
    pub max_connections: Option<u64>,
    /// How long ago the oldest transaction that is still open began; nothing where none is.
    pub oldest_transaction_seconds: Option<u64>,
    /// Whether the server repeats another one's log and refuses to write.
    pub in_recovery: Option<bool>,
    /// From the visit's beginning to the answer.
    #[serde(skip)]
    pub latency: Duration,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// The host's name has no address.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// No connection.
    #[error("cannot connect to the database at `{address}`")]
    Connect {
        /// Where.
        address: String,
        /// What happened.
        #[source]
        source: io::Error,
    },
    /// The connection broke off, or the server speaks something else.
    #[error("the database at `{address}` broke off or does not speak PostgreSQL's protocol")]
    Protocol {
        /// Where.
        address: String,
        /// What exactly.
        #[source]
        source: Box<tokio_postgres::Error>,
    },
    /// The server lives, and refuses the account.
    #[error("the database refuses the monitoring account (SQLSTATE {code})")]
    Refused {
        /// The server's error code.
        code: String,
    },
    /// The server lives, and has no connection left.
    #[error("the database has no connection left (SQLSTATE {code})")]
    Full {
        /// The server's error code.
        code: String,
    },
    /// The server is starting or stopping.
    #[error("the database is starting or stopping (SQLSTATE {code})")]
    NotReady {
        /// The server's error code.
        code: String,
    },
    /// The server lives, and answers the question with an error.
    #[error("the database answers with an error (SQLSTATE {code}): {message}")]
    Server {
        /// The server's error code.
        code: String,
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

/// Visits `database` of the server; the deadline is for all of it.
pub async fn ask(
    resolver: &Resolver,
    target: &DatabaseTarget,
    database: &str,
    deadline: Duration,
) -> Result<PostgresAnswer, PostgresError> {
    let begun = Instant::now();
    let end = begun + deadline;
    let addresses = resolver.addresses(&target.host, target.port, end).await?;
    let address = format!("{}:{}", target.host, target.port);
    let mut refusal = None;
    let visit = async {
        for place in addresses {
            match TcpStream::connect(place).await {
                Ok(stream) => return visit(stream, target, database, &address).await,
                Err(source) => refusal = Some(source),
            }
        }
        let source = refusal.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into());
        let address = address.clone();
        Err(PostgresError::Connect { address, source })
    };
    let outcome = timeout_at(end, visit).await;
    let mut answer = outcome.map_err(|_| PostgresError::Deadline { address, deadline })??;
    answer.latency = begun.elapsed();
    Ok(answer)
}

async fn visit(
    stream: TcpStream,
    target: &DatabaseTarget,
    database: &str,
    address: &str,
) -> Result<PostgresAnswer, PostgresError> {
    let failed = |error| classify(error, address);
    let mut options = Config::new();
    options
        .user(&target.user)
        .password(target.password.reveal())
        .dbname(database)
        .application_name("qclock-probe")
        .ssl_mode(SslMode::Disable);
    let (client, connection) = options.connect_raw(stream, NoTls).await.map_err(failed)?;
    let question = client.simple_query(QUESTION);
    tokio::pin!(question, connection);
    // The connection is driven here: whatever ends this visit ends it too.
    let messages = tokio::select! {
        biased;
        messages = &mut question => messages.map_err(failed)?,
        ended = &mut connection => {
            return Err(ended.err().map_or(PostgresError::Answer, failed));
        }
    };
    let row = messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    understand(&row.ok_or(PostgresError::Answer)?)
}

fn understand(row: &SimpleQueryRow) -> Result<PostgresAnswer, PostgresError> {
    let field = |index| row.try_get(index).ok().flatten();
    let number = |index| field(index).and_then(|text: &str| text.parse().ok());
    Ok(PostgresAnswer {
        version: text::shown(field(0).ok_or(PostgresError::Answer)?),
        max_connections: number(1),
        connections: number(2),
        oldest_transaction_seconds: number(3),
        uptime_seconds: number(4),
        in_recovery: field(5).map(|flag| flag == "t"),
        latency: Duration::ZERO,
    })
}

fn classify(error: tokio_postgres::Error, address: &str) -> PostgresError {
    let Some(code) = error.code().cloned() else {
        return PostgresError::Protocol {
            address: address.to_owned(),
            source: Box::new(error),
        };
    };
    let text = code.code().to_owned();
    if code == SqlState::TOO_MANY_CONNECTIONS {
        PostgresError::Full { code: text }
    } else if code == SqlState::CANNOT_CONNECT_NOW || text.starts_with("57P") {
        PostgresError::NotReady { code: text }
    } else if text.starts_with("28")
        || code == SqlState::INSUFFICIENT_PRIVILEGE
        || code == SqlState::INVALID_CATALOG_NAME
    {
        PostgresError::Refused { code: text }
    } else {
        let message = error.source().map(ToString::to_string).unwrap_or_default();
        PostgresError::Server {
            code: text,
            message: text::shown(&message),
        }
    }
}
