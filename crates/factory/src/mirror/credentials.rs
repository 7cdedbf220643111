//! Names and passwords for mirrors that ask for them, where apt has them (`apt_auth.conf(5)`).

use std::fmt;

use reqwest::Url;

/// In the order in which they are asked: the first that fits counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials(Vec<Entry>);

#[derive(Clone, Default)]
struct Entry {
    /// Without one it is for `https` alone, as for apt: a password never goes over the wire in clear unless its owner says so.
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
    login: String,
    password: String,
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Entry({}{}, ..)", self.host, self.path)
    }
}

impl Credentials {
    /// `machine [https://]host[:port][/path] login NAME password SECRET`, over as many lines as one likes.
    pub(super) fn add(&mut self, text: &str) {
        // A `#` begins a comment only where a line begins: passwords may hold one.
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let mut words = lines.flat_map(str::split_whitespace);
        while let Some(word) = words.next() {
            match (word, words.next()) {
                ("machine", Some(machine)) => self.0.push(Entry::of(machine)),
                ("login", Some(login)) => self.last(|entry| login.clone_into(&mut entry.login)),
                ("password", Some(password)) => self.last(|entry| password.clone_into(&mut entry.password)),
                _ => {}
            }
        }
    }

    fn last(&mut self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.0.last_mut() {
            change(entry);
        }
    }

    /// An address that has a name already keeps it.
    pub(super) fn apply(&self, address: &mut Url) {
        if !address.username().is_empty() {
            return;
        }
        if let Some(entry) = self.0.iter().find(|entry| entry.fits(address)) {
            // Both fail only for addresses without a host, which none fits.
            let _ = address.set_username(&entry.login);
            let _ = address.set_password(
                Some(&entry.password)
                    .filter(|password| !password.is_empty())
                    .map(String::as_str),
            );
        }
    }
}

impl Entry {
    fn of(machine: &str) -> Self {
        let (scheme, rest) = match machine.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, machine),
        };
        let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let port = authority
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = port.map_or((authority, None), |(host, port)| (host, Some(port)));
        Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port,
            path: path.to_owned(),
            ..Self::default()
        }
    }

    fn fits(&self, address: &Url) -> bool {
        let scheme = self.scheme.as_deref().unwrap_or("https");
        let port = self
            .port
            .is_none_or(|port| address.port_or_known_default() == Some(port));
        scheme == address.scheme()
            && address.host_str() == Some(&self.host)
            && port
            && address.path().starts_with(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, address: &str) -> String {
        let mut credentials = Credentials::default();
        credentials.add(text);
        let mut address = Url::parse(address).unwrap();
        credentials.apply(&mut address);
        address.to_string()
    }

    #[test]
    fn the_first_that_fits_is_taken_and_plain_http_only_where_it_is_named() {
        let text = "# the bank's own\nmachine m.example/debian login me password s#c:ret\nmachine m.example\n  login all\n  password b\n\
                    machine http://plain.example:8000 login p password q\n";
        for (address, expected) in [
            ("https://m.example/debian/", "https://me:s%23c%3Aret@m.example/debian/"),
            ("https://m.example/other/", "https://all:b@m.example/other/"),
            ("http://m.example/debian/", "http://m.example/debian/"),
            ("https://you@m.example/debian/", "https://you@m.example/debian/"),
            ("http://plain.example:8000/x/", "http://p:q@plain.example:8000/x/"),
            ("http://plain.example/x/", "http://plain.example/x/"),
            ("https://m.example.org/debian/", "https://m.example.org/debian/"),
            ("file:///debian/", "file:///debian/"),
        ] {
            assert_eq!(with(text, address), expected);
        }
    }

    #[test]
    fn what_is_not_whole_is_harmless_and_nothing_is_shown() {
        for text in [
            "login x password y",
            "machine",
            "machine m.example password",
            "machine m.example",
        ] {
            assert_eq!(with(text, "https://m.example/"), "https://m.example/", "{text}");
        }
        let mut credentials = Credentials::default();
        credentials.add("machine m.example/debian login me password secret");
        assert_eq!(format!("{credentials:?}"), "Credentials([Entry(m.example/debian, ..)])");
    }

    proptest::proptest! {
        /// Nor does a password get to another host, or in clear where nobody says `http`.
        #[test]
        fn no_text_makes_the_parser_panic_or_give_a_password_away(
            text in "(machine |login |password |https://|http://|a\\.example|b\\.example|:[0-9]{1,6}|/|/x|#| |\n|[a-z@:%é]{1,5} ){0,30}",
        ) {
            let named = |host: &str| text.to_lowercase().contains(host);
            let given = |address: &str| with(&text, address) != address;
            proptest::prop_assert!(!given("https://a.example/x") || named("a.example"));
            proptest::prop_assert!(!given("http://a.example/x") || named("http://a.example"));
            proptest::prop_assert!(!given("https://c.example/x"));
        }
    }
}
