//! One service of the stack, and what it needs, in a stack of its own with passwords of its own.

use std::time::Duration;

use anyhow::{Context, Result};
use postgres::config::SslMode;
use postgres::{Client, Config, NoTls};
use qclock_testkit::stack::Stack;
use qclock_testkit::wait::wait_for;

pub(crate) struct Part {
    pub(crate) stack: Stack,
    service: &'static str,
    ready_within: Duration,
}

impl Part {
    /// Images and passwords are there, and nothing runs yet.
    pub(crate) fn new(
        stack: &Stack,
        name: &str,
        service: &'static str,
        needs: &[&'static str],
        ready_within: Duration,
    ) -> Result<Self> {
        let part = Self {
            stack: stack.another(name, &[&[service], needs].concat())?,
            service,
            ready_within,
        };
        part.make_secrets()?;
        Ok(part)
    }

    pub(crate) fn make_secrets(&self) -> Result<()> {
        let qclock = crate::images::programs()?.join("qclock").display().to_string();
        self.stack.run(&qclock, &["--quiet", "secrets"])?;
        Ok(())
    }

    pub(crate) fn up(&self) -> Result<Duration> {
        self.stack.compose(&["up", "--detach", self.service])?;
        self.ready()
    }

    /// By the image's own health check, asked more often than Docker does.
    pub(crate) fn ready(&self) -> Result<Duration> {
        let what = format!("`{}` is ready", self.service);
        let ((), after) = wait_for(&what, self.ready_within, || {
            let container = self
                .stack
                .container(self.service)
                .map_err(|error| format!("{error:#}"))?;
            let asked = self
                .stack
                .output("docker", &["exec", &container, "/usr/bin/qclock-init", "health"]);
            match asked {
                Ok(output) if output.status.success() => Ok(()),
                Ok(output) => Err(String::from_utf8_lossy(&output.stdout).into_owned()),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .with_context(|| self.stack.evidence())?;
        Ok(after)
    }

    /// As the kernel's out-of-memory killer would, every process at once.
    pub(crate) fn kill(&self) -> Result<()> {
        // A container that has not begun yet cannot be killed, which is a moment as good as any.
        drop(
            self.stack
                .output("docker", &["compose", "kill", "--signal", "KILL", self.service])?,
        );
        Ok(())
    }

    pub(crate) fn secret(&self, name: &str) -> Result<String> {
        Ok(fs_err::read_to_string(self.stack.folder().join("secrets").join(name))?)
    }

    /// Nothing is published: this machine reaches a container by its own address.
    pub(crate) fn address(&self, service: &str) -> Result<String> {
        let inspected = self.stack.inspect(service)?;
        let networks = inspected["NetworkSettings"]["Networks"]
            .as_object()
            .context("no networks")?;
        let address = networks
            .values()
            .find_map(|network| network["IPAddress"].as_str().filter(|address| !address.is_empty()));
        Ok(address.context("no address")?.to_owned())
    }

    /// A client of the identity provider's database, with the password of a secret file.
    pub(crate) fn connect(&self, user: &str, database: &str, secret: &str) -> Result<Client> {
        let password = self.secret(secret)?;
        self.connect_as(user, database, &password)
            .with_context(|| format!("`{user}` into `{database}`"))
    }

    pub(crate) fn connect_as(&self, user: &str, database: &str, password: &str) -> Result<Client, postgres::Error> {
        // An address that nobody has shows as an error of the connection.
        let address = self.address("identity-db").unwrap_or_else(|_| "127.0.0.1".to_owned());
        Config::new()
            .host(&address)
            .user(user)
            .dbname(database)
            .password(password)
            .ssl_mode(SslMode::Disable)
            .connect_timeout(Duration::from_secs(5))
            .connect(NoTls)
    }
}
