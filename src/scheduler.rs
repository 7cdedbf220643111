//! When each service is looked at: one task for each, start to start, none before the last one has ended.
//!
//! A task that fails takes nothing with it: a panic becomes an observation, and the next look comes at its time.  PHP is never asked twice
//! at once.  Giving up waiting does not free the worker that is stuck, so a question that is late is told as such and left open.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use qclock_probe::database::{self, DatabaseTarget};
use qclock_probe::endpoint::Endpoint;
use qclock_probe::http::{Answer, HttpError, Limits, Stage, fetch};
use qclock_probe::postgres;
use qclock_probe::resolve::Resolver;
use qclock_probe::secret::Secret;
use qclock_probe::web::Client;
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use crate::board::Board;
use crate::check::Check;
use crate::checks::failure::Way;
use crate::checks::php::ConnectionPart;
use crate::checks::{apache, database as judge_database, fpm, identity, identity_db, paths, php, visit};
use crate::clock::Moment;
use crate::configuration::{Configuration, IdentityDatabase};
use crate::language::Text;
use crate::log::Log;
use crate::observation::Observation;
use crate::sign_in::SignIn;
use crate::sign_in::version::ServerVersion;
use crate::state::State;
use crate::trust;

/// The most bytes of a status or of the probe's answer.
const LONGEST_ANSWER: usize = 256 << 10;
/// The most bytes of a password file.
const LONGEST_PASSWORD: u64 = 4 << 10;
/// How long a question to PHP is left open after it is late.
const LEFT_OPEN: Duration = Duration::from_secs(12);

/// What is looked at; each has a task of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    Apache,
    Fpm,
    Php,
    PdoMysql,
    Mysqli,
    Database,
    Identity,
    IdentityDb,
}

impl Source {
    const ALL: [Self; 8] = [
        Self::Apache,
        Self::Fpm,
        Self::Php,
        Self::PdoMysql,
        Self::Mysqli,
        Self::Database,
        Self::Identity,
        Self::IdentityDb,
    ];

    fn checks(self) -> &'static [Check] {
        match self {
            Self::Apache => &[Check::Apache],
            Self::Fpm => &[Check::PhpFpm],
            Self::Php => &[Check::Php, Check::PhpExtensions],
            Self::PdoMysql => &[Check::PhpPdoMysql],
            Self::Mysqli => &[Check::PhpMysqli],
            Self::Database => &[Check::Database],
            Self::Identity => &[Check::Identity],
            Self::IdentityDb => &[Check::IdentityDb],
        }
    }
}

/// Starts all tasks.  They end when the set is dropped.  What the provider of `sign_in` tells of itself only to those who have an account,
/// is asked as such.
pub fn start(board: &Arc<Board>, configuration: &Configuration, sign_in: Option<&SignIn>, log: Log) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let resolver = Resolver::default();
    let client = trusting_client(&resolver, configuration, log);
    let version = sign_in.map(|sign_in| Arc::new(ServerVersion::new(Arc::clone(&sign_in.provider))));
    let made = |source: &Source| source.checks().iter().any(|check| board.makes(*check));
    for source in Source::ALL.into_iter().filter(made) {
        let watcher = Watcher {
            source,
            board: Arc::clone(board),
            resolver: resolver.clone(),
            client: client.clone(),
            version: version.clone(),
            configuration: configuration.clone(),
            jitter: Jitter::new(source as u64),
            log,
        };
        tasks.spawn(watcher.watch());
    }
    tasks
}

struct Watcher {
    source: Source,
    board: Arc<Board>,
    resolver: Resolver,
    client: Client,
    version: Option<Arc<ServerVersion>>,
    configuration: Configuration,
    jitter: Jitter,
    log: Log,
}

impl Watcher {
    async fn watch(mut self) {
        self.wait_for_apache().await;
        loop {
            let begun = Instant::now();
            if AssertUnwindSafe(self.look()).catch_unwind().await.is_err() {
                self.tell_all(&Observation::bare(
                    State::Unknown,
                    Text::new("the check itself failed", "la vérification a échoué elle-même"),
                ));
            }
            sleep_until(begun + self.jitter.spread(self.configuration.interval)).await;
        }
    }

    /// What is behind Apache cannot be judged before Apache was.
    async fn wait_for_apache(&self) {
        let mut changes = self.board.changes();
        let behind_apache = !matches!(
            self.source,
            Source::Apache | Source::Database | Source::Identity | Source::IdentityDb
        );
        while behind_apache && !self.board.was_checked(Check::Apache) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    async fn look(&self) {
        match self.source {
            Source::Apache => {
                let result = self.ask(paths::APACHE, self.configuration.timeout).await;
                self.tell(Check::Apache, apache::judge(&result));
            }
            Source::Fpm => {
                let result = self.ask(paths::FPM, self.configuration.timeout).await;
                let observation = fpm::judge(&result, self.way(), self.configuration.fpm_max_children);
                self.tell(Check::PhpFpm, observation);
            }
            Source::Php => {
                self.ask_patiently(paths::PHP, |result| {
                    let [interpreter, extensions] = php::judge(result, self.way());
                    vec![(Check::Php, interpreter), (Check::PhpExtensions, extensions)]
                })
                .await;
            }
            Source::PdoMysql => {
                self.ask_connection(Check::PhpPdoMysql, paths::PDO_MYSQL, ConnectionPart::PdoMysql)
                    .await;
            }
            Source::Mysqli => {
                self.ask_connection(Check::PhpMysqli, paths::MYSQLI, ConnectionPart::Mysqli)
                    .await;
            }
            Source::Database => {
                let observation = self.visit_database().await;
                self.tell(Check::Database, observation);
            }
            Source::Identity => {
                if let Some(service) = &self.configuration.identity.service {
                    let deadline = self.configuration.timeout;
                    let mut observation = identity::look(&self.client, service, deadline).await;
                    if let Some(version) = &self.version {
                        identity::add_version(&mut observation, version, deadline).await;
                    }
                    self.tell(Check::Identity, observation);
                }
            }
            Source::IdentityDb => {
                if let Some(database) = &self.configuration.identity.database {
                    let observation = self.visit_identity_database(database).await;
                    self.tell(Check::IdentityDb, observation);
                }
            }
        }
    }

    async fn ask_connection(&self, check: Check, path: &str, part: ConnectionPart) {
        let judge = |result: &Result<Answer, HttpError>| vec![(check, php::judge_connection(result, self.way(), part))];
        self.ask_patiently(path, judge).await;
    }

    async fn ask(&self, path: &str, deadline: Duration) -> Result<Answer, HttpError> {
        let limits = Limits {
            deadline,
            body_bytes: LONGEST_ANSWER,
        };
        fetch(&self.resolver, &self.configuration.app_status, path, limits).await
    }

    /// Asks PHP.  While the answer is late, that is told each time a new question would have been due; the late answer is told too, since
    /// it may hold the reason.
    async fn ask_patiently(&self, path: &str, judge: impl Fn(&Result<Answer, HttpError>) -> Vec<(Check, Observation)>) {
        let patience = self.configuration.timeout;
        let question = self.ask(path, patience + LEFT_OPEN);
        tokio::pin!(question);
        let mut wait = patience;
        loop {
            if let Ok(result) = timeout(wait, &mut question).await {
                for (check, observation) in judge(&self.shorten(result)) {
                    self.tell(check, observation);
                }
                return;
            }
            for (check, observation) in judge(&Err(self.late())) {
                self.tell_late(check, observation);
            }
            wait = self.configuration.interval;
        }
    }

    /// Being late says nothing new of what is down already, and for a better reason.
    fn tell_late(&self, check: Check, observation: Observation) {
        let last = self.board.last(check);
        let known = last.state == State::Down && observation.state == State::Down;
        self.tell(check, if known { last } else { observation });
    }

    fn late(&self) -> HttpError {
        let endpoint: Endpoint = self.configuration.app_status.clone();
        HttpError::Deadline {
            endpoint,
            stage: Stage::Answer,
            deadline: self.configuration.timeout,
        }
    }

    /// The long deadline is ours, not what the service was given.
    fn shorten(&self, result: Result<Answer, HttpError>) -> Result<Answer, HttpError> {
        result.map_err(|error| match error {
            HttpError::Deadline { endpoint, stage, .. } => HttpError::Deadline {
                endpoint,
                stage,
                deadline: self.configuration.timeout,
            },
            other => other,
        })
    }

    async fn visit_database(&self) -> Observation {
        let settings = &self.configuration.database;
        let password = match read_password(&settings.password_file).await {
            Ok(password) => password,
            Err(error) => return visit::without_password(&error),
        };
        let target = DatabaseTarget {
            host: settings.host.clone(),
            port: settings.port,
            user: settings.user.clone(),
            password,
        };
        judge_database::judge(database::ask(&self.resolver, &target, self.configuration.timeout).await)
    }

    async fn visit_identity_database(&self, database: &IdentityDatabase) -> Observation {
        let password = match read_password(&database.server.password_file).await {
            Ok(password) => password,
            Err(error) => return visit::without_password(&error),
        };
        let target = DatabaseTarget {
            host: database.server.host.clone(),
            port: database.server.port,
            user: database.server.user.clone(),
            password,
        };
        identity_db::judge(postgres::ask(&self.resolver, &target, &database.name, self.configuration.timeout).await)
    }

    fn way(&self) -> Way {
        match self.board.fresh_state(Check::Apache, Moment::now()) {
            Some(State::Operational | State::Degraded) => Way::Open,
            _ => Way::Closed,
        }
    }

    fn tell_all(&self, observation: &Observation) {
        for check in self.source.checks() {
            self.tell(*check, observation.clone());
        }
    }

    fn tell(&self, check: Check, observation: Observation) {
        if let Some(transition) = self.board.observe(check, Moment::now(), observation) {
            self.log.transition(check, &transition);
        }
    }
}

/// Asks the identity provider; where its authorities cannot be read the watching goes on, and says so.
fn trusting_client(resolver: &Resolver, configuration: &Configuration, log: Log) -> Client {
    let bundle = configuration
        .identity
        .service
        .as_ref()
        .and_then(|service| service.authorities.as_deref());
    Client::new(resolver.clone(), trust::read(bundle, log))
}

/// Reads a password file, at most its first bytes.
pub async fn read_password(file: &std::path::Path) -> std::io::Result<Secret> {
    let mut text = String::new();
    tokio::fs::File::open(file)
        .await?
        .take(LONGEST_PASSWORD)
        .read_to_string(&mut text)
        .await?;
    Ok(Secret::from_file_contents(&text))
}

/// Small differences from one look to the next, so that the tasks do not march in step.  Not for secrets.
#[derive(Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// A sequence that depends on this number and on nothing else.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number of the sequence (xorshift64*).
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    /// `interval`, a tenth more or less.
    pub fn spread(&mut self, interval: Duration) -> Duration {
        let share = u32::try_from(self.draw() % 200).unwrap_or(0);
        interval * 9 / 10 + interval * share / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_has_exactly_one_source() {
        let mut checks: Vec<Check> = Source::ALL.into_iter().flat_map(Source::checks).copied().collect();
        checks.sort();
        assert_eq!(checks, Check::ALL);
    }

    #[test]
    fn jitter_stays_within_a_tenth_and_differs() {
        let interval = Duration::from_secs(2);
        let mut jitter = Jitter::new(0);
        let spread: Vec<Duration> = (0..1000).map(|_| jitter.spread(interval)).collect();
        assert!(
            spread
                .iter()
                .all(|time| (Duration::from_millis(1800)..=Duration::from_millis(2200)).contains(time))
        );
        assert!(spread.iter().max() > spread.iter().min());
    }
}
