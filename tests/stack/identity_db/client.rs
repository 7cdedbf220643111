//! A client of the database, on the address that its container has on the internal network.

use std::time::Duration;

use anyhow::{Context, Result};
use postgres::config::SslMode;
use postgres::{Client, Config, NoTls};

use super::{Database, SERVICE};

impl Database {
    /// With the password of a secret file.
    pub(super) fn connect(&self, user: &str, database: &str, secret: &str) -> Result<Client> {
        let password = self.secret(secret)?;
        self.connect_as(user, database, &password)
            .with_context(|| format!("`{user}` into `{database}`"))
    }

    pub(super) fn connect_as(&self, user: &str, database: &str, password: &str) -> Result<Client, postgres::Error> {
        // An address that nobody has shows as an error of the connection.
        let address = self.address().unwrap_or_else(|_| "127.0.0.1".to_owned());
        Config::new()
            .host(&address)
            .user(user)
            .dbname(database)
            .password(password)
            .ssl_mode(SslMode::Disable)
            .connect_timeout(Duration::from_secs(5))
            .connect(NoTls)
    }

    fn address(&self) -> Result<String> {
        let inspected = self.stack.inspect(SERVICE)?;
        let networks = inspected["NetworkSettings"]["Networks"]
            .as_object()
            .context("no networks")?;
        let address = networks
            .values()
            .next()
            .and_then(|network| network["IPAddress"].as_str());
        Ok(address.context("no address")?.to_owned())
    }
}
