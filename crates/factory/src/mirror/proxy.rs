//! Through which proxy an address is reached: as apt is told, else as the environment says (`apt-transport-http(1)`).

use reqwest::Url;

use super::configuration::Configuration;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    pub apt: Configuration,
    /// `http_proxy`, `https_proxy` and `no_proxy` of the environment.
    pub http_proxy: Option<String>,
    pub https_proxy: Option<String>,
    pub no_proxy: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyChoice {
    Direct,
    Through(String),
}

impl ProxySettings {
    pub fn choose(&self, address: &Url) -> ProxyChoice {
        let host = address.host_str().unwrap_or_default();
        // This machine is never reached through another.
        let local = host.parse::<std::net::Ipv4Addr>().is_ok_and(|host| host.is_loopback());
        if local || matches!(host, "localhost" | "[::1]") {
            return ProxyChoice::Direct;
        }
        // What is not said for https is taken from http.
        let schemes: &[&str] = if address.scheme() == "https" {
            &["https", "http"]
        } else {
            &["http"]
        };
        let apt = |tail: &str| {
            schemes
                .iter()
                .find_map(|scheme| self.apt.value(&format!("Acquire::{scheme}::Proxy{tail}")))
        };
        if let Some(proxy) = apt(&format!("::{host}")).or_else(|| apt("")) {
            return match proxy {
                "DIRECT" | "false" | "none" => ProxyChoice::Direct,
                proxy => ProxyChoice::Through(proxy.to_owned()),
            };
        }
        let proxy = if address.scheme() == "https" {
            &self.https_proxy
        } else {
            &self.http_proxy
        };
        match proxy {
            Some(proxy) if !proxy.is_empty() && !self.is_excepted(host) => ProxyChoice::Through(proxy.clone()),
            _ => ProxyChoice::Direct,
        }
    }

    /// The program that apt would ask for a proxy, which is not run here.
    pub fn auto_detect(&self) -> Option<&str> {
        let names = ["Acquire::http::Proxy-Auto-Detect", "Acquire::http::ProxyAutoDetect"];
        names.into_iter().find_map(|name| self.apt.value(name))
    }

    fn is_excepted(&self, host: &str) -> bool {
        let exceptions = self.no_proxy.as_deref().unwrap_or_default();
        exceptions.split(',').map(str::trim).any(|exception| {
            let domain = exception.trim_start_matches("*.").trim_start_matches('.');
            exception == "*" || (!domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}"))))
        })
    }
}
