//! Who may log in from where: `pg_hba.conf`.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::roles::{BACKUP, DATABASE, MONITOR, OWNER};
use crate::first_start::settings::SettingsError;
use crate::networks;
use crate::variables::{Source, variable};

const VARIABLE: &str = "QCLOCK_IDENTITY_DB_NETWORKS";
/// The networks that the container has an address in.
const OWN: &str = "samenet";
const MOST: usize = 32;

/// Where Keycloak, the monitor and the backup are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Networks(Vec<String>);

impl Networks {
    pub(super) fn read(source: Source<'_>) -> Result<Self, SettingsError> {
        let Some(text) = variable(source, VARIABLE)? else {
            return Ok(Self(vec![OWN.to_owned()]));
        };
        let wrong = |reason| SettingsError::Name {
            variable: VARIABLE.to_owned(),
            value: text.clone(),
            reason,
        };
        let networks = text
            .split([',', ' '])
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .map(|word| {
                network(word).ok_or_else(|| wrong("networks are such as 192.0.2.0/24 or 2001:db8::/32, or `samenet`"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if networks.is_empty() || networks.len() > MOST {
            return Err(wrong("one network or up to 32"));
        }
        Ok(Self(networks))
    }
}

/// As `pg_hba.conf` wants it: with the number of bits.
fn network(word: &str) -> Option<String> {
    if word == OWN {
        return Some(OWN.to_owned());
    }
    let address: IpAddr = networks::parse(word)?;
    Some(match (word.contains('/'), address) {
        (true, _) => word.to_owned(),
        (false, IpAddr::V4(_)) => format!("{word}/32"),
        (false, IpAddr::V6(_)) => format!("{word}/128"),
    })
}

pub(super) fn rules(networks: &Networks, health_user: &str) -> String {
    let mut text = String::from("# Written by qclock-init before each start.\n");
    let health = health_user.replace('"', "\"\"");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "local postgres \"{health}\" peer");
    for network in &networks.0 {
        for (databases, role) in [
            (DATABASE.to_owned(), OWNER),
            (format!("postgres,{DATABASE}"), MONITOR),
            (format!("postgres,{DATABASE},replication"), BACKUP),
        ] {
            let _ = writeln!(text, "host {databases} {role} {network} scram-sha-256");
        }
    }
    text.push_str("local all all reject\nlocal replication all reject\nhost all all all reject\nhost replication all all reject\n");
    text
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io;

    use super::*;
    use crate::variables::Ask;

    fn read(value: &str) -> Result<Networks, SettingsError> {
        Networks::read(&|ask: Ask<'_>| -> io::Result<Option<OsString>> {
            Ok(matches!(ask, Ask::Variable(VARIABLE)).then(|| value.into()))
        })
    }

    #[test]
    fn networks_are_the_containers_own_or_those_that_are_named() {
        assert_eq!(read("").unwrap(), Networks(vec!["samenet".to_owned()]));
        assert_eq!(
            read(" 10.1.0.0/16, fd00::/8").unwrap(),
            Networks(vec!["10.1.0.0/16".to_owned(), "fd00::/8".to_owned()])
        );
        assert_eq!(
            read("10.1.2.3,fd00::1,samenet").unwrap(),
            Networks(vec![
                "10.1.2.3/32".to_owned(),
                "fd00::1/128".to_owned(),
                "samenet".to_owned()
            ])
        );
        for wrong in ["all", "10.0.0.0/33", "0.0.0.0/0 trust\nhost", "samehost", ","] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn three_roles_come_in_by_network_one_by_the_socket_and_nobody_else() {
        let rules = rules(&read("").unwrap(), "qclock");
        let lines: Vec<&str> = rules.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "local postgres \"qclock\" peer",
                "host keycloak keycloak samenet scram-sha-256",
                "host postgres,keycloak qclock_monitor samenet scram-sha-256",
                "host postgres,keycloak,replication qclock_backup samenet scram-sha-256",
                "local all all reject",
                "local replication all reject",
                "host all all all reject",
                "host replication all all reject",
            ]
        );
    }
}
