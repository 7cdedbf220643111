//! Reads variables one by one, and remembers everything that is wrong with them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::str::FromStr;

use qclock_probe::endpoint::Endpoint;

use super::Fault;

/// What begins names that are ours alone: an unknown one is a mistake.
const OWN_PREFIXES: [&str; 3] = ["QCLOCK_DASHBOARD_", "QCLOCK_OIDC_", "QCLOCK_SESSION_"];
/// Begin with such, and are others'.
const FOREIGN: [&str; 1] = ["QCLOCK_DASHBOARD_URL"];

/// Variables, and the faults found so far.
pub(super) struct Reader {
    pub(super) variables: BTreeMap<String, OsString>,
    pub(super) faults: Vec<Fault>,
}

impl Reader {
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        let text = self.variables.get(name)?.clone().into_string();
        if text.is_err() {
            self.faults.push(Fault::NotUnicode(name));
        }
        text.ok()
    }

    pub(super) fn parse<T: FromStr>(&mut self, name: &'static str, wanted: &str) -> Option<T> {
        let value = self.text(name)?;
        let parsed = value.parse().ok();
        if parsed.is_none() {
            self.faults.push(Fault::Value {
                name,
                value,
                wanted: wanted.to_owned(),
            });
        }
        parsed
    }

    pub(super) fn number<T: FromStr>(
        &mut self,
        name: &'static str,
        default: T,
        fits: impl Fn(&T) -> bool,
        wanted: &str,
    ) -> T {
        match self.parse(name, wanted) {
            Some(number) if fits(&number) => number,
            Some(_) => {
                let value = self.text(name).unwrap_or_default();
                self.faults.push(Fault::Value {
                    name,
                    value,
                    wanted: wanted.to_owned(),
                });
                default
            }
            None => default,
        }
    }

    pub(super) fn endpoint(&mut self, name: &'static str, host: &str, port: u16) -> Endpoint {
        let default = Endpoint {
            host: host.to_owned(),
            port,
        };
        match self.text(name).map(|text| text.parse()) {
            Some(Ok(endpoint)) => endpoint,
            Some(Err(source)) => {
                self.faults.push(Fault::Endpoint { name, source });
                default
            }
            None => default,
        }
    }

    /// A text that is `off` where the service is left out.
    pub(super) fn unless_off(&mut self, name: &'static str) -> Option<String> {
        self.text(name).filter(|text| text != "off")
    }

    /// Remembers that a variable has a value that cannot be used.
    pub(super) fn refuse(&mut self, name: &'static str, value: String, wanted: impl Into<String>) {
        let wanted = wanted.into();
        self.faults.push(Fault::Value { name, value, wanted });
    }

    /// Names that are meant for us, and that nobody reads.
    pub(super) fn find_unknown(&mut self, own: &[&'static str]) {
        for name in self.variables.keys() {
            let ours = OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            if !ours || own.contains(&name.as_str()) || FOREIGN.contains(&name.as_str()) {
                continue;
            }
            let nearest = own.iter().copied().min_by_key(|own| strsim::levenshtein(own, name));
            let suggestion = nearest.filter(|own| strsim::levenshtein(own, name) <= 4);
            self.faults.push(Fault::Unknown {
                name: name.clone(),
                suggestion,
            });
        }
    }
}
