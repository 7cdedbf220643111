//! Downloads: in parallel, resumed, bounded in time and size.  The only place of the factory that speaks to the network.

mod attempt;
mod error;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use qclock_trust::Digest;
use reqwest::Url;
use reqwest::redirect::Policy;

pub use error::{Cause, FetchError, Tried};

use self::attempt::Meter;
use crate::cache::Cache;
use crate::mirror::{ProxyChoice, ProxySettings};

/// How long to wait, and for what.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Longest wait for a connection, for an answer, and for the next bytes of it.
    pub patience: Duration,
    /// Attempts at one address when its failure may pass.
    pub attempts: u32,
    /// Downloads at the same time.
    pub parallel: usize,
    pub proxies: ProxySettings,
    /// The variable that names another mirror, for hints.
    pub mirror_variable: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(20),
            attempts: 3,
            parallel: 8,
            proxies: ProxySettings::default(),
            mirror_variable: None,
        }
    }
}

/// A file whose contents are known by digest.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// For messages: `php8.2-fpm 8.2.29-1`.
    pub name: String,
    pub digest: Digest,
    pub size: u64,
    /// Places to ask, in order.
    pub addresses: Vec<Url>,
}

/// Told how downloads go, from one thread at a time.
pub trait Progress: Sync {
    fn begin(&self, what: &str, bytes: u64) {
        let _ = (what, bytes);
    }

    fn advance(&self, bytes: u64) {
        let _ = bytes;
    }

    fn end(&self) {}

    /// Something that the user should know though it does not stop the work, as a sentence.
    fn note(&self, text: &str) {
        let _ = text;
    }
}

/// Tells nobody.
impl Progress for () {}

#[derive(Debug)]
pub struct Fetcher {
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
    settings: Settings,
}

impl Fetcher {
    pub fn new(settings: Settings) -> Result<Self, FetchError> {
        let proxies = settings.proxies.clone();
        let choose = move |address: &Url| match proxies.choose(address) {
            ProxyChoice::Direct => None,
            // One that is no address must not silently become a direct connection: this one leads nowhere, by its name.
            ProxyChoice::Through(proxy) => Some(
                Url::parse(&proxy)
                    .or_else(|_| Url::parse(&format!("http://{proxy}")))
                    .unwrap_or_else(|_| nowhere()),
            ),
        };
        let builder = || {
            reqwest::Client::builder()
                .proxy(reqwest::Proxy::custom(choose.clone()))
                .connect_timeout(settings.patience)
                .redirect(Policy::limited(5))
                .user_agent(concat!("qclock/", env!("CARGO_PKG_VERSION")))
        };
        // A machine without trusted certificates can use a mirror by http all the same; by https it then trusts nobody.
        let client = builder().build().or_else(|_| {
            builder()
                .tls_backend_preconfigured(trusting_nobody()?)
                .build()
                .map_err(FetchError::Client)
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(FetchError::Runtime)?;
        Ok(Self {
            runtime,
            client,
            settings,
        })
    }

    /// Gets a small file of unknown size whole, at most `most` bytes.
    pub fn small(&self, name: &str, address: &Url, most: u64) -> Result<Vec<u8>, FetchError> {
        self.small_within(self.settings.attempts, name, address, most)
    }

    /// The same, asked once: whoever wants to know whether somebody answers does not want to wait for it.
    pub fn small_at_once(&self, name: &str, address: &Url, most: u64) -> Result<Vec<u8>, FetchError> {
        self.small_within(1, name, address, most)
    }

    fn small_within(&self, attempts: u32, name: &str, address: &Url, most: u64) -> Result<Vec<u8>, FetchError> {
        self.runtime.block_on(async {
            let mut attempt = 0;
            loop {
                attempt += 1;
                match self.small_once(address, most).await {
                    Ok(bytes) => return Ok(bytes),
                    Err(cause) if cause.may_pass() && attempt < attempts => backoff(attempt).await,
                    Err(cause) => {
                        let address = address.clone();
                        let tried = Tried {
                            address,
                            cause,
                            attempts: attempt,
                            mirror_variable: self.settings.mirror_variable.clone(),
                        };
                        return Err(FetchError::of(name, vec![tried]));
                    }
                }
            }
        })
    }

    /// Brings files into the cache; those that are there already are left.  The first that cannot be had is the error.
    pub fn store(
        &self,
        cache: &Cache,
        wanted: &[Wanted],
        what: &str,
        progress: &dyn Progress,
    ) -> Result<(), FetchError> {
        let missing: Vec<&Wanted> = wanted
            .iter()
            .filter(|file| !cache.holds(file.digest, file.size))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        progress.begin(what, missing.iter().map(|file| file.size).sum());
        let result = self.runtime.block_on(async {
            let attempts = self.settings.attempts;
            let mut downloads = stream::iter(
                missing
                    .into_iter()
                    .map(|file| self.file(cache, file, attempts, progress)),
            )
            .buffer_unordered(self.settings.parallel);
            while let Some(done) = downloads.next().await {
                done?;
            }
            Ok(())
        });
        progress.end();
        result
    }

    /// Brings one file into the cache, asking each of its addresses so many times at most.
    pub(crate) fn store_one(
        &self,
        cache: &Cache,
        wanted: &Wanted,
        attempts: u32,
        progress: &dyn Progress,
    ) -> Result<(), FetchError> {
        progress.begin(&wanted.name, wanted.size);
        let attempts = attempts.min(self.settings.attempts);
        let result = self.runtime.block_on(self.file(cache, wanted, attempts, progress));
        progress.end();
        result
    }

    /// One file, from the first of its addresses that has it.
    async fn file(
        &self,
        cache: &Cache,
        wanted: &Wanted,
        attempts: u32,
        progress: &dyn Progress,
    ) -> Result<(), FetchError> {
        let mut tried = Vec::new();
        let meter = Meter::new(progress);
        for address in &wanted.addresses {
            let mut attempt = 0;
            let cause = loop {
                attempt += 1;
                match self.store_once(cache, wanted, address, &meter).await {
                    Ok(()) => return Ok(()),
                    Err(cause) if cause.may_pass() && attempt < attempts => backoff(attempt).await,
                    Err(cause) => break cause,
                }
            };
            let local = matches!(cause, Cause::Cache(_));
            tried.push(Tried {
                address: address.clone(),
                cause,
                attempts: attempt,
                mirror_variable: self.settings.mirror_variable.clone(),
            });
            if local {
                break;
            }
        }
        Err(FetchError::of(&wanted.name, tried))
    }
}

/// Half a second, then twice as long each time.
async fn backoff(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(500) * 2_u32.pow(attempt.min(5) - 1)).await;
}

fn trusting_nobody() -> Result<rustls::ClientConfig, FetchError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(FetchError::Encryption)?;
    Ok(config
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth())
}

fn nowhere() -> Url {
    Url::parse("http://invalid-proxy.invalid").expect("a constant address")
}
