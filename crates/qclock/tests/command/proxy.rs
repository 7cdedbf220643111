//! Downloads through a proxy, as apt or the environment names it.

use anyhow::Result;
use qclock_factory::fetch::{Fetcher, Settings};
use qclock_factory::mirror::{ProxySettings, Url};
use qclock_testkit::http::Server;

#[test]
fn what_apt_is_told_to_fetch_through_a_proxy_is_fetched_through_it() -> Result<()> {
    // Another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let proxy = Server::start()?;
    let address = "http://mirror.invalid/debian/dists/bookworm/InRelease";
    proxy.set_files([(address.to_owned(), b"through".to_vec())].into());
    let mut proxies = ProxySettings::default();
    proxies
        .apt
        .add(&format!("Acquire::http::Proxy \"{}\";", proxy.address()), &mut |_| None)?;
    let fetcher = Fetcher::new(Settings {
        proxies: proxies.clone(),
        ..Settings::default()
    })?;
    assert_eq!(fetcher.small("the suite", &Url::parse(address)?, 100)?, b"through");

    // One that is no address is no reason to go without.
    proxies
        .apt
        .add("Acquire::http::Proxy \"::nonsense::\";", &mut |_| None)?;
    let fetcher = Fetcher::new(Settings {
        proxies,
        attempts: 1,
        ..Settings::default()
    })?;
    let asked = Url::parse("http://mirror.invalid/debian")?;
    assert!(fetcher.small("the suite", &asked, 100).is_err());
    Ok(())
}
