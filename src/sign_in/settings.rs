//! What signing in is configured with.

use std::path::PathBuf;

use openidconnect::url::Url;
use openidconnect::{IssuerUrl, RedirectUrl};

use crate::sign_in::role::RoleRule;
use crate::sign_in::session::Limits;

/// Of the provider and of sessions.
#[derive(Clone, Debug, PartialEq)]
pub struct SignInSettings {
    /// Who decides: the provider's exact name.
    pub issuer: IssuerUrl,
    /// Where its document is, when not at the issuer's own address.
    pub discovery_url: String,
    /// The dashboard's name there.
    pub client_id: String,
    /// The file with its secret, read at each use.
    pub client_secret_file: PathBuf,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Where roles are.
    pub roles: RoleRule,
    /// A bundle of authorities to trust; without it the system's.
    pub authorities: Option<PathBuf>,
    /// Where people find the dashboard.
    pub public: PublicUrl,
    /// How long sessions last.
    pub limits: Limits,
}

/// The dashboard's address as people know it: `http://localhost:8080`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicUrl {
    origin: String,
    callback: RedirectUrl,
    secure: bool,
    local: bool,
}

impl PublicUrl {
    /// Reads an address without path, query and user.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        if !bare || !nobody || !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = url.host_str()?;
        Some(Self {
            callback: RedirectUrl::from_url(url.join("/qclock/sign-in/callback").ok()?),
            origin: url.origin().ascii_serialization(),
            secure: url.scheme() == "https",
            local: host == "localhost" || host.ends_with(".localhost") || host.starts_with("127.") || host == "[::1]",
        })
    }

    /// Scheme, host and port, as browsers write them in `Origin`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port, as browsers write them in `Host`.
    pub fn authority(&self) -> &str {
        self.origin.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// Whether it is reached over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether what goes there can be read on the way: neither TLS nor this machine.
    pub fn is_exposed(&self) -> bool {
        !self.secure && !self.local
    }

    /// Where the provider sends browsers back to.
    pub fn callback(&self) -> &RedirectUrl {
        &self.callback
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_origin_is_an_address() {
        let read =
            |text: &str| PublicUrl::parse(text).map(|url| (url.origin().to_owned(), url.is_secure(), url.is_exposed()));
        assert_eq!(
            read("http://localhost:8080"),
            Some(("http://localhost:8080".to_owned(), false, false))
        );
        assert_eq!(
            read("https://noc.example.org/"),
            Some(("https://noc.example.org".to_owned(), true, false))
        );
        assert_eq!(
            read("http://10.0.0.4:80"),
            Some(("http://10.0.0.4".to_owned(), false, true))
        );
        for text in [
            "",
            "localhost:8080",
            "http://a/b",
            "http://a?b",
            "http://u:p@a",
            "ftp://a",
            "http://a#b",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(
            PublicUrl::parse("http://localhost:8080").unwrap().authority(),
            "localhost:8080"
        );
    }
}
