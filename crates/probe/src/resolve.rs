//! Names to addresses, by a deadline.
//!
//! The system's resolver blocks a thread and cannot be called off, and it may need many seconds for the name of a service that is
//! stopped.  So the number of lookups under way for one name is bounded, and where no answer comes soon, the last addresses known are used.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::net::lookup_host;
use tokio::time::{Instant, timeout_at};

/// How long a lookup may take before the addresses known from an earlier one are used.
const PATIENCE: Duration = Duration::from_millis(400);
/// How many lookups of one name may be under way.
const MOST_LOOKUPS: usize = 3;
/// How many addresses of one name are kept.
const MOST_ADDRESSES: usize = 4;

/// Why a name has no address.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// The resolver says that there is no such name, or failed.
    #[error("the name `{host}` cannot be resolved")]
    Lookup {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: std::io::Error,
    },
    /// The resolver answers that the name exists, without an address.
    #[error("the name `{host}` has no address")]
    NoAddress {
        /// The name.
        host: String,
    },
    /// The deadline passed.
    #[error("the name `{host}` was not resolved in time")]
    Deadline {
        /// The name.
        host: String,
    },
}

/// Resolves names and remembers the last addresses of each.  Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Resolver {
    names: Arc<Mutex<BTreeMap<String, Known>>>,
}

#[derive(Debug, Default)]
struct Known {
    addresses: Vec<IpAddr>,
    lookups: usize,
}

impl Resolver {
    /// The addresses of `host`, each with `port`; never an empty list.
    pub async fn addresses(&self, host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, ResolveError> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let found = self.look_up(host, deadline).await?;
        Ok(found
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect())
    }

    async fn look_up(&self, host: &str, deadline: Instant) -> Result<Vec<IpAddr>, ResolveError> {
        let late = || ResolveError::Deadline { host: host.to_owned() };
        let known = self.begin(host);
        let Some(known) = known else {
            return self.last_known(host).ok_or_else(late);
        };
        let lookup = tokio::spawn(run_lookup(self.clone(), host.to_owned()));
        tokio::pin!(lookup);
        if known {
            let soon = deadline.min(Instant::now() + PATIENCE);
            match timeout_at(soon, &mut lookup).await {
                Ok(finished) => return finished.map_err(|_| late())?,
                Err(_) => return self.last_known(host).ok_or_else(late),
            }
        }
        timeout_at(deadline, lookup)
            .await
            .map_err(|_| late())?
            .map_err(|_| late())?
    }

    /// Counts a lookup in; says whether addresses are known from an earlier one, or nothing when too many are under way.
    fn begin(&self, host: &str) -> Option<bool> {
        let mut names = self.lock();
        let known = names.entry(host.to_owned()).or_default();
        if known.lookups >= MOST_LOOKUPS {
            return None;
        }
        known.lookups += 1;
        Some(!known.addresses.is_empty())
    }

    fn end(&self, host: &str, found: Option<&[IpAddr]>) {
        if let Some(known) = self.lock().get_mut(host) {
            known.lookups = known.lookups.saturating_sub(1);
            if let Some(found) = found {
                known.addresses = found.to_vec();
            }
        }
    }

    fn last_known(&self, host: &str) -> Option<Vec<IpAddr>> {
        self.lock()
            .get(host)
            .filter(|known| !known.addresses.is_empty())
            .map(|known| known.addresses.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn run_lookup(resolver: Resolver, host: String) -> Result<Vec<IpAddr>, ResolveError> {
    let answer = lookup_host((host.as_str(), 0)).await;
    let found = answer.map(|found| {
        let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
        addresses.sort_by_key(IpAddr::is_ipv6);
        addresses.dedup();
        addresses.truncate(MOST_ADDRESSES);
        addresses
    });
    resolver.end(&host, found.as_deref().ok());
    match found {
        Err(source) => Err(ResolveError::Lookup { host, source }),
        Ok(addresses) if addresses.is_empty() => Err(ResolveError::NoAddress { host }),
        Ok(addresses) => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn addresses_need_no_lookup() {
        let found = Resolver::default().addresses("127.0.0.1", 3306, soon()).await.unwrap();
        assert_eq!(found, ["127.0.0.1:3306".parse().unwrap()]);
        let found = Resolver::default().addresses("::1", 80, soon()).await.unwrap();
        assert_eq!(found, ["[::1]:80".parse().unwrap()]);
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_found_and_remembered() {
        let resolver = Resolver::default();
        let found = resolver.addresses("localhost", 80, soon()).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        assert_eq!(resolver.last_known("localhost").unwrap().len(), found.len());
    }

    #[tokio::test]
    async fn too_many_lookups_fall_back_to_what_is_known() {
        let resolver = Resolver::default();
        for _ in 0..MOST_LOOKUPS {
            assert_eq!(resolver.begin("db"), Some(false));
        }
        assert!(matches!(
            resolver.addresses("db", 1, soon()).await,
            Err(ResolveError::Deadline { .. })
        ));
        resolver.end("db", Some(&["10.0.0.9".parse().unwrap()]));
        assert_eq!(resolver.begin("db"), Some(true));
        let found = resolver.addresses("db", 1, soon()).await.unwrap();
        assert_eq!(found, ["10.0.0.9:1".parse().unwrap()]);
    }
}
